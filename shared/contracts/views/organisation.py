"""A unit's whole history and reforms of the organisation, as callers see them. Days are ISO texts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from shared.contracts.views.catalogue import UnitView


@dataclass(frozen=True, slots=True, kw_only=True)
class SuccessionView:
    """One edge between units: on that day `share` (decimal text) of what `before` was went on in `after` (None: in
    nobody)."""

    before: str
    before_name: str
    after: str | None
    after_name: str | None
    how: str  # merged | split | renamed | retyped | unchanged | abolished
    on: str
    share: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitDetail:
    """A unit as it was last, with every name, parent and code it ever had and their spans, and where it came from and
    went."""

    unit: UnitView
    names: list[dict[str, Any]]
    parents: list[dict[str, Any]]
    codes: list[dict[str, Any]]
    predecessors: list[SuccessionView]
    successors: list[SuccessionView]


@dataclass(frozen=True, slots=True, kw_only=True)
class LineagePart:
    """A unit that makes up another one, with the share of its figures that went there (decimal text, 1: all)."""

    unit: str
    name: str
    share: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageView:
    """The units of the day `earlier` whose figures together are the earlier figure of `unit`. `itself`: nobody else's
    figures are in it; `exact`: whole units make it up, otherwise shares estimate it; `through` are the days of the
    reforms between. No parts: it came from nobody."""

    unit: str
    earlier: str
    parts: list[LineagePart]
    itself: bool
    exact: bool
    through: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitChange:
    """What a reform makes of one unit. `what`: begun, ended, renamed, retyped, moved, recoded. What was the evening
    before is None for a unit that begins, what is since for one that ends."""

    id: str
    kind: str
    what: list[str]
    name_before: str | None
    name_since: str | None
    type_before: str | None
    type_since: str | None
    parent_before: str | None
    parent_since: str | None
    codes_before: list[str]
    codes_since: list[str]
    successors: list[SuccessionView]


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeHandover:
    """A code that names another unit since."""

    code: str
    before: str
    before_name: str
    since: str
    since_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReformView:
    """What a reform changes: its units, the codes that change hands, how many units of each kind there are the evening
    before and since, the forms that somebody else owes since. `version` is the catalogue's: of a preview it guards the
    applying, of an applied reform it is the one that holds it."""

    id: str
    name: str
    decision: str
    on: str
    version: int
    applied: bool
    units: list[UnitChange] = field(default_factory=list)
    codes: list[CodeHandover] = field(default_factory=list)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    forms: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReformEntry:
    """A reform that the catalogue holds, as it was given."""

    id: str
    name: str
    decision: str
    on: str
    changes: list[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReformPage:
    """Reforms in order of id."""

    reforms: list[ReformEntry]
    next: str | None = None
