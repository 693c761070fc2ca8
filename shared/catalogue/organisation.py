"""The organisation through time, compiled once per catalogue version: who stands where on a day, which unit a code
means, who came from whom. Pure; reads are dictionary look-ups.

Between two days on which something begins or ends the tree does not change, so there is one `Tree` per such stretch,
made when it is first asked for.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date

from shared.catalogue.identifiers import code_key
from shared.catalogue.succession import Lineage, Successions
from shared.catalogue.units import Code, Name, Parent, Unit

_REMEMBERED = 10_000


class Tree:
    """Who stood under whom on the days of one stretch. Unknown units have no children, no name and no path."""

    def __init__(self, units: Iterable[Unit], day: date) -> None:
        self._children: dict[str, list[str]] = defaultdict(list)
        self._parents: dict[str, str | None] = {}
        self._names: dict[str, Name] = {}
        self._kinds: dict[str, list[str]] = defaultdict(list)
        for unit in sorted((unit for unit in units if unit.holds(day)), key=lambda unit: unit.id):
            parent = parent_on(unit, day)
            self._parents[unit.id] = parent
            self._names[unit.id] = name_on(unit, day)
            self._kinds[unit.kind].append(unit.id)
            if parent is not None:
                self._children[parent].append(unit.id)

    def __contains__(self, unit: object) -> bool:
        return unit in self._parents

    def __iter__(self) -> Iterator[str]:
        return iter(self._parents)

    def name(self, unit: str) -> str | None:
        """Return the name it bore, None if it did not stand."""
        named = self._names.get(unit)
        return named.name if named else None

    def type_vi(self, unit: str) -> str | None:
        """Return its type (xã, phường, sở, …), None if it did not stand."""
        named = self._names.get(unit)
        return named.type_vi if named else None

    def parent(self, unit: str) -> str | None:
        """Return the unit it belonged to."""
        return self._parents.get(unit)

    def children(self, unit: str) -> tuple[str, ...]:
        """Return the units directly below, in order of id."""
        return tuple(self._children.get(unit, ()))

    def under(self, unit: str) -> frozenset[str]:
        """Return all units below, at any depth, itself not among them."""
        found: set[str] = set()
        waiting = [unit]
        while waiting:
            new = set(self._children.get(waiting.pop(), ())) - found
            found |= new
            waiting += new
        return frozenset(found - {unit})

    def path(self, unit: str) -> tuple[str, ...]:
        """Return the unit and all it belonged to, upwards to the root; empty if it did not stand."""
        path: list[str] = []
        at: str | None = unit
        while at is not None and at in self._parents and at not in path:
            path.append(at)
            at = self._parents[at]
        return tuple(path)

    def of_kind(self, kind: str) -> tuple[str, ...]:
        """Return all units of this kind, in order of id."""
        return tuple(self._kinds.get(kind, ()))


class Organisation:
    """All units that ever were, by id, with their tree as of a day, their codes and their successions."""

    def __init__(self, units: Iterable[Unit]) -> None:
        self.units = {unit.id: unit for unit in units}
        self.successions = Successions(self.units)
        self._codes: dict[str, list[tuple[Code, str]]] = {}
        for unit in self.units.values():
            for code in unit.codes:
                self._codes.setdefault(code_key(code.text), []).append((code, unit.id))
        self._turns = sorted({day for unit in self.units.values() for day in _days(unit)})
        self._trees: dict[int, Tree] = {}
        self._lineages: dict[tuple[str, date, date | None], Lineage] = {}

    def at(self, day: date) -> Tree:
        """Return who stood where on this day."""
        stretch = bisect_right(self._turns, day)
        tree = self._trees.get(stretch)
        if tree is None:
            tree = self._trees[stretch] = Tree(self.units.values(), day)
        return tree

    def children(self, unit: str, day: date) -> tuple[str, ...]:
        """Return the units directly below on this day, in order of id."""
        return self.at(day).children(unit)

    def under(self, unit: str, day: date) -> frozenset[str]:
        """Return all units below on this day, at any depth."""
        return self.at(day).under(unit)

    def path(self, unit: str, day: date) -> tuple[str, ...]:
        """Return the unit and all it belonged to on this day, upwards."""
        return self.at(day).path(unit)

    def name(self, unit: str, day: date) -> str | None:
        """Return the name as of this day; of a unit that did not stand then, the last one it bore; None: unknown."""
        known = self.units.get(unit)
        return self.at(day).name(unit) or (known.name if known else None)

    def resolve(self, reference: str, day: date) -> str | None:
        """Return the id of the unit that this id or code (`gso:03388`, an identifier in either order) means on this
        day, None if none does. Codes are reused through time: the day decides."""
        unit = self.units.get(reference)
        if unit is not None:
            return reference if unit.holds(day) else None
        for code, holder in self._codes.get(code_key(reference), ()):
            if code.holds(day) and self.units[holder].holds(day):
                return holder
        return None

    def bearers(self, code: str) -> list[str]:
        """Return the ids of all units that ever bore this code."""
        return sorted({holder for _, holder in self._codes.get(code_key(code), ())})

    def lineage(self, unit: str, earlier: date, later: date | None = None) -> Lineage:
        """Return the units of the day `earlier` whose figures together are the earlier figure of `unit` as it is on
        the day `later` (default: as it is last). Remembered: whole forms ask for one unit again and again."""
        key = (unit, earlier, later)
        found = self._lineages.get(key)
        if found is None:
            if len(self._lineages) >= _REMEMBERED:
                self._lineages.clear()
            found = self._lineages[key] = self.successions.lineage(unit, earlier, later)
        return found


def name_on(unit: Unit, day: date) -> Name:
    """Return the name and type that the unit bore on this day; where no span tells, the latest ones."""
    latest = Name(name=unit.name, type_vi=unit.type_vi)
    return next((span for span in reversed(unit.names) if span.holds(day)), latest)


def parent_on(unit: Unit, day: date) -> str | None:
    """Return the unit that this one belonged to on this day; where no span tells, the latest one."""
    latest = Parent(parent=unit.parent)
    return next((span for span in reversed(unit.parents) if span.holds(day)), latest).parent


def _days(unit: Unit) -> Iterator[date]:
    for span in (unit, *unit.names, *unit.parents):
        if span.valid_from is not None:
            yield span.valid_from
        if span.valid_to is not None:
            yield span.valid_to
