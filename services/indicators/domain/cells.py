"""One value of the warehouse, and how certain a value is that rests on others. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from shared.catalogue.rollup import ESTIMATED, PREDECESSORS

_STATUSES = ("estimate", "preliminary", "official")  # from the least to the most certain
_LEVELS = ("agency", "commune", "district", "province")  # from the lowest to the highest


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of a (unit, period): on which form, how certain, how it came about, approved at which level. `label`
    names the row of an open list, `basis` tells of a value that rests on other units' figures. `batch` is the one that
    recorded it, where that was read; the same value of another batch is the same cell."""

    form: str
    value: str | None
    status: str
    derived: bool
    level: str
    label: str | None = None
    basis: str | None = None
    batch: int = field(default=0, compare=False)


def combined(inputs: Iterable[Cell], value: str | None, *, form: str = "", basis: str | None = None) -> Cell:
    """Return the cell of a value made of these: as certain as the least certain, as highly approved as the lowest, and
    an estimate by share (`basis`) if one of them is."""
    cells = list(inputs)
    bases = {basis, *(cell.basis for cell in cells)}
    return Cell(
        form,
        value,
        min((cell.status for cell in cells), key=_rank(_STATUSES), default="official"),
        True,
        min((cell.level for cell in cells), key=_rank(_LEVELS), default="province"),
        basis=next((known for known in (ESTIMATED, PREDECESSORS) if known in bases), None),
    )


def _rank(scale: tuple[str, ...]) -> Callable[[str], int]:
    """Return a word's place in its scale; unknown words are lowest."""
    return lambda word: scale.index(word) if word in scale else -1
