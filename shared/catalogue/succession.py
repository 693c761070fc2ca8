"""What became of units and what they came from: how figures are compared through reforms. Pure.

A succession is told on the unit that ended (`Unit.successors`). What happens on one day happens at once: each edge
leads from the eve of that day to its morning. A unit that gives a part away and goes on has an edge to itself with the
share it keeps; one that others are merged into needs none.

A share is one number for all of a unit's figures, so what is computed with shares is an estimate; merging whole
units is exact.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Context, Decimal
from typing import NamedTuple

from shared.catalogue.units import Succession, Unit

_WIDE = Context(prec=100)  # shares of several reforms multiply without rounding
_WHOLE = Decimal(1)
_DAY = timedelta(days=1)


class Part(NamedTuple):
    """A unit and the share of its figures that is meant: 1 is all of them."""

    unit: str
    share: Decimal


class Link(NamedTuple):
    """One edge: on day `on`, `share` of what `before` was went on in `after` (None: in nobody)."""

    before: str
    after: str | None
    how: str
    on: date
    share: Decimal


@dataclass(frozen=True, slots=True)
class Lineage:
    """Which units of another day make up `unit`: `parts` in order of id, found `through` the reforms of these days.

    No parts: nothing of the unit existed on that day.
    """

    unit: str
    day: date
    parts: tuple[Part, ...]
    through: tuple[date, ...]

    @property
    def is_itself(self) -> bool:
        """Tell whether the unit is compared with itself alone: no reform came between, or none that moved figures."""
        return self.parts == (Part(self.unit, _WHOLE),)

    @property
    def is_exact(self) -> bool:
        """Tell whether whole units make it up; otherwise shares do, and what is added up is an estimate."""
        return all(part.share == _WHOLE for part in self.parts)


class Successions:
    """All edges between units, for questions in either direction."""

    def __init__(self, units: Mapping[str, Unit]) -> None:
        self._units = units
        self._into: dict[str, list[Link]] = defaultdict(list)
        self._out_of: dict[str, list[Link]] = defaultdict(list)
        for unit in units.values():
            for link in links(unit):
                self._out_of[unit.id].append(link)
                if link.after is not None:
                    self._into[link.after].append(link)

    def predecessors(self, unit: str, on: date | None = None) -> list[Link]:
        """Return the edges that lead into this unit, of one day or of all, in order of day."""
        return _of_day(self._into.get(unit, ()), on)

    def successors(self, unit: str, on: date | None = None) -> list[Link]:
        """Return the edges that lead out of this unit, of one day or of all, in order of day."""
        return _of_day(self._out_of.get(unit, ()), on)

    def lineage(self, unit: str, earlier: date, later: date | None = None) -> Lineage:
        """Return the units of the day `earlier` whose figures together are the earlier figure of `unit` as it is on
        the day `later` (default: as it is last)."""
        through: set[date] = set()
        shares = self._back(unit, earlier, later or date.max, through)
        return Lineage(unit, earlier, _parts(shares), tuple(sorted(through)))

    def descendants(self, unit: str, earlier: date, later: date | None = None) -> Lineage:
        """Return the units of the day `later` (default: the last ones) in which the figures of `unit` as it was on the
        day `earlier` went on, with the share that each took."""
        through: set[date] = set()
        shares = self._forward(unit, earlier, later or date.max, through)
        return Lineage(unit, later or date.max, _parts(shares), tuple(sorted(through)))

    def _back(self, unit: str, earlier: date, later: date, through: set[date]) -> dict[str, Decimal]:
        found = [link for link in self._into.get(unit, ()) if earlier < link.on <= later]
        if not found:
            return {unit: _WHOLE} if self._stands(unit, earlier) else {}
        day = max(link.on for link in found)
        before = [Part(link.before, link.share) for link in found if link.on == day]
        if all(part.unit != unit for part in before) and self._stands(unit, day - _DAY):
            before.append(Part(unit, _WHOLE))  # others were merged into it
        through.add(day)
        return _sum((part.share, self._back(part.unit, earlier, day - _DAY, through)) for part in before)

    def _forward(self, unit: str, earlier: date, later: date, through: set[date]) -> dict[str, Decimal]:
        found = [link for link in self._out_of.get(unit, ()) if earlier < link.on <= later]
        if not found:
            return {unit: _WHOLE} if self._stands(unit, later) else {}
        day = min(link.on for link in found)
        through.add(day)
        return _sum(
            (link.share, self._forward(link.after, day, later, through))
            for link in found
            if link.on == day and link.after is not None
        )

    def _stands(self, unit: str, on: date) -> bool:
        known = self._units.get(unit)
        return known is not None and (known.valid_to is None if on == date.max else known.holds(on))


def links(unit: Unit) -> list[Link]:
    """Return the edges that lead out of this unit. Raises decimal.InvalidOperation on a share that is no number."""
    return [Link(unit.id, item.id, item.how, item.on, share_of(item)) for item in unit.successors]


def share_of(succession: Succession) -> Decimal:
    """Return the share of the unit's figures that went this way: all of them unless it says otherwise."""
    return _WHOLE if succession.share is None else Decimal(succession.share)


def _of_day(found: Iterable[Link], on: date | None) -> list[Link]:
    return sorted((link for link in found if on in (None, link.on)), key=lambda link: (link.on, link.before))


def _sum(weighted: Iterable[tuple[Decimal, Mapping[str, Decimal]]]) -> dict[str, Decimal]:
    total: dict[str, Decimal] = defaultdict(Decimal)
    for share, parts in weighted:
        for unit, part in parts.items():
            total[unit] = _WIDE.add(total[unit], _WIDE.multiply(share, part))
    return total


def _parts(shares: Mapping[str, Decimal]) -> tuple[Part, ...]:
    return tuple(Part(unit, shares[unit]) for unit in sorted(shares) if shares[unit])
