"""Comparing what a partner should hold with what it holds: digests level by level, then values of what differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from shared.digest import Digest

K = TypeVar("K")

Group = tuple[str | None, str | None, str | None]
"""Period, form, partner's unit of a digest; None above their level."""


class Kind(StrEnum):
    """How an entry differs."""

    MISSING_THERE = "missing_there"  # we expect it there, they lack it
    STALE_THERE = "stale_there"  # they hold what we no longer (or never) expect there
    DIFFERENT = "different"  # both hold it, with another value or status


@dataclass(frozen=True, slots=True)
class Cell:
    """A value and its status, as either side holds it."""

    value: str | None
    status: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One entry that differs; codes are the hub's. `expected` and `found` are None where that side has no entry."""

    form: str
    unit: str
    period: str
    indicator: str
    kind: Kind
    expected: Cell | None
    found: Cell | None


def unequal(ours: Mapping[K, Digest], theirs: Mapping[K, Digest]) -> set[K]:
    """Return the groups whose digests differ; an empty group and an absent one are equal."""
    nothing = Digest()
    return {key for key in ours.keys() | theirs.keys() if ours.get(key, nothing) != theirs.get(key, nothing)}


def differences(
    form: str, unit: str, period: str, ours: Mapping[str, Cell], theirs: Mapping[str, Cell]
) -> list[Difference]:
    """Return the differences of one (form, unit, period), in order of the indicator."""
    found = []
    for indicator in sorted(ours.keys() | theirs.keys()):
        expected, there = ours.get(indicator), theirs.get(indicator)
        if expected == there:
            continue
        kind = Kind.MISSING_THERE if there is None else Kind.STALE_THERE if expected is None else Kind.DIFFERENT
        found.append(Difference(form, unit, period, indicator, kind, expected, there))
    return found


def spelled(cell: Cell | None) -> str | None:
    """Return a cell as a report shows it: value, or "không phát sinh" (nothing occurred); its status if not final."""
    if cell is None:
        return None
    value = "không phát sinh" if cell.value is None else cell.value
    return value if cell.status == "official" else f"{value} ({cell.status})"
