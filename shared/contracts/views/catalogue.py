"""The catalogue as callers see it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from shared.contracts.events import CatalogueEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class CataloguePage:
    """One page of the catalogue's snapshot at `version`; pages of different versions must not be mixed."""

    version: int
    entries: list[CatalogueEntry]
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadResult:
    """What loading a catalogue changed."""

    version: int
    added: int
    changed: int
    unchanged: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """A field (`deadline.day`) and its values before and after a load; a list is one value."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedChange:
    """An entry (`forms[GD-NAM]`) and which of its fields would change."""

    place: str
    fields: list[FieldChange]


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueFault:
    """What is wrong with a load: where (`forms[GD-NAM].indicators`), which kind, in English and in Vietnamese. `at` is
    the cell of the file it came from (`Biểu mẫu!C5`), where there was one."""

    place: str
    code: str
    message: str
    detail: str
    at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CataloguePlan:
    """What a load would do to the catalogue of this `version`: entries it would add, those it would change, how many it
    would leave as they are. With faults (at most 200 are listed, `fault_count` counts all) it would be refused."""

    version: int
    added: list[str]
    changed: list[PlannedChange]
    unchanged: int
    fault_count: int = 0
    faults: list[CatalogueFault] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitView:
    """A unit as it was on the asked date (without one: as it was last). Dates are ISO texts, `valid_to` exclusive,
    None: unknown or open. `codes` are those valid then; `successors` say what it became."""

    id: str
    name: str
    kind: str  # province | district | commune | agency
    type_vi: str
    parent: str | None
    valid_from: str | None
    valid_to: str | None
    codes: list[dict[str, Any]] = field(default_factory=list)
    successors: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitPage:
    """Units in order of id."""

    units: list[UnitView]
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FormView:
    """A form: the codes entered and computed, and who owes it (a list of unit and agency, or each unit of a kind).
    `periods` are the bounds `from` and `to`: years or periods; `to` None: until further notice."""

    id: str
    name: str
    regime: str
    period_kind: str
    indicators: list[str]
    derived: list[str]
    required: list[str]
    owed_by: Any
    periods: dict[str, int | str | None]
    version: int
    rolls_up: str | None = None
    owner: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FormPage:
    """Forms in order of id."""

    forms: list[FormView]
    next: str | None = None
