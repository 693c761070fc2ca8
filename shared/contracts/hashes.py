"""The content hashes that travel with rounds and releases: who sends figures computes them, who takes them checks.

Both hash the place and the number of the version with every figure, in any order (shared/canonical.py).
"""

from __future__ import annotations

from collections.abc import Iterable

from shared.canonical import content_hash
from shared.contracts.events import Figure, Observation
from shared.contracts.views.submissions import FigureView


def round_hash(form: str, unit: str, period: str, round_number: int, figures: Iterable[Figure | FigureView]) -> str:
    """Return the content hash of a round: what a leader reads, decides on and the warehouse records."""
    rows: list[tuple[str | None, ...]] = [(item.indicator, item.value, item.status, *_label(item)) for item in figures]
    return content_hash((form, unit, period, str(round_number)), rows)


def release_hash(form: str, unit: str, period: str, version: int, observations: Iterable[Observation]) -> str:
    """Return the content hash of a (form, unit, period) at a version: over what is not withdrawn."""
    rows: list[tuple[str | None, ...]] = [
        (item.indicator, item.value, item.status, "1" if item.derived else "0", *_label(item))
        for item in observations
        if not item.withdrawn
    ]
    return content_hash((form, unit, period, str(version)), rows)


def _label(item: Figure | FigureView | Observation) -> tuple[str, ...]:
    # Only where there is one, so that contents without labels hash as they always did.
    return () if item.label is None else (item.label,)
