"""Units through time: neither name, type, parent nor code is stable, only the id. Pure.

Every span is [valid_from, valid_to): the end is exclusive, None means unknown or open. A code may be reused by
another unit once it is free, so a code means a unit only together with a date.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Literal

import msgspec

from shared.catalogue.identifiers import code_key
from shared.contracts.views.catalogue import UnitView

UnitKind = Literal["province", "district", "commune", "agency", "department", "vertical", "enterprise"]
"""What a unit is: an area, an agency of the province, a department inside an agency, an agency of a ministry in the
province (ngành dọc), an enterprise or other body that reports (Đ2.2, Đ15.2)."""


class Span(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A stretch of time, its end exclusive."""

    valid_from: date | None = None
    valid_to: date | None = None

    def holds(self, on: date) -> bool:
        """Tell whether `on` lies in this span."""
        return (self.valid_from is None or self.valid_from <= on) and (self.valid_to is None or on < self.valid_to)

    def overlaps(self, other: Span) -> bool:
        """Tell whether some day lies in both."""
        return _before(self.valid_from, other.valid_to) and _before(other.valid_from, self.valid_to)

    def is_empty(self) -> bool:
        """Tell whether no day lies in this span."""
        return not _before(self.valid_from, self.valid_to)


class Code(Span, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A code of one scheme that names the unit for a time."""

    scheme: str
    code: str

    @property
    def text(self) -> str:
        """How the code is written in pushes: `gso:03388`."""
        return f"{self.scheme}:{self.code}"


class Name(Span, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Name and type that the unit bears for a time."""

    name: str
    type_vi: str


class Parent(Span, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The unit this one belongs to for a time."""

    parent: str | None


class Succession(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What became of a unit: `id` went on from it, on that day; with None nobody did. `share` (decimal text, at most 1)
    is the part of the unit's figures that went there, None: all of them."""

    id: str | None
    how: Literal["merged", "split", "renamed", "retyped", "unchanged", "abolished"]
    on: date
    share: str | None = None


class Unit(Span, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An area or a body, with its immutable id. `name`, `type_vi` and `parent` are the latest ones."""

    id: str
    name: str
    kind: UnitKind
    type_vi: str = ""
    parent: str | None = None
    codes: list[Code] = msgspec.field(default_factory=list)
    names: list[Name] = msgspec.field(default_factory=list)
    parents: list[Parent] = msgspec.field(default_factory=list)
    successors: list[Succession] = msgspec.field(default_factory=list)

    def at(self, on: date | None) -> UnitView:
        """Return the unit as it was on this day (None: as it was last)."""
        name, type_vi, parent, codes = self.name, self.type_vi, self.parent, self.codes
        if on is not None:
            for span in self.names:
                if span.holds(on):
                    name, type_vi = span.name, span.type_vi
            for belonging in self.parents:
                if belonging.holds(on):
                    parent = belonging.parent
            codes = [code for code in codes if code.holds(on)]
        return UnitView(
            id=self.id,
            name=name,
            kind=self.kind,
            type_vi=type_vi,
            parent=parent,
            valid_from=_text(self.valid_from),
            valid_to=_text(self.valid_to),
            codes=msgspec.to_builtins(codes),
            successors=msgspec.to_builtins(self.successors),
        )


class Change(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that a reform does.

    merge: `units` end and `into` goes on from all of them (a new unit with `name`, `type_vi`, `kind`, `parent` and
    `codes`, or one of them). split: `units` (one) goes on in several changes' `into`, each with its `share`. rename,
    retype, move, recode: `units` (one) gets `name`, `type_vi`, `parent`, `codes`. abolish: `units` end and nobody goes
    on. create: `into` is new and goes on from nobody.
    """

    how: Literal["merge", "split", "rename", "retype", "move", "recode", "abolish", "create"]
    units: list[str] = msgspec.field(default_factory=list)
    into: str | None = None
    share: str | None = None
    name: str | None = None
    type_vi: str | None = None
    kind: UnitKind | None = None
    parent: str | None = None
    codes: list[Code] | None = None


class Reform(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A reform of the organisation: one dated set of changes and the decision it rests on, applied as a whole."""

    id: str
    name: str
    decision: str
    on: date
    changes: list[Change]


def doubly_used(units: Iterable[Unit]) -> Iterator[tuple[str, str, str]]:
    """Yield (code, one unit, another) wherever two units bear the same code on the same day."""
    seen: dict[str, list[tuple[Code, str]]] = {}
    for unit in units:
        for code in unit.codes:
            bearers = seen.setdefault(code_key(code.text), [])
            for other, owner in bearers:
                if owner != unit.id and code.overlaps(other):
                    yield code.text, owner, unit.id
            bearers.append((code, unit.id))


def _before(start: date | None, end: date | None) -> bool:
    return start is None or end is None or start < end


def _text(day: date | None) -> str | None:
    return day.isoformat() if day else None
