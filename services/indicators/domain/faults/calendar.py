"""Faults of the administrator's calendar."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from services.indicators.domain.faults.fault import Fault

if TYPE_CHECKING:
    from services.indicators.domain.catalogue import Catalogue


def faults(catalogue: Catalogue) -> Iterator[Fault]:
    """Yield every fault of calendar days."""
    yield from ()
