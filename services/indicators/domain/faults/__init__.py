"""What can be wrong between the entries of a catalogue, found all at once, each with its place. Pure.

One module per subject; `each_fault` asks them all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from services.indicators.domain.faults import calendar, deadlines, forms, indicators, measures, regimes, units
from services.indicators.domain.faults.fault import Fault

if TYPE_CHECKING:
    from services.indicators.domain.catalogue import Catalogue

__all__ = ["Fault", "each_fault"]


def each_fault(catalogue: Catalogue) -> Iterator[Fault]:
    """Yield every fault between these entries."""
    yield from units.faults(catalogue)
    yield from measures.faults(catalogue)
    yield from indicators.faults(catalogue)
    yield from calendar.faults(catalogue)
    yield from regimes.faults(catalogue)
    yield from deadlines.faults(catalogue)
    yield from forms.faults(catalogue)
