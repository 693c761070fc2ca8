"""The catalogue as this service needs it: compiled once per version for fast questions.

Who exists when (units through time and their codes), what is entered where (indicators, forms) and by when (regimes)
belong to the indicators service; this is only a way to read its entries.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from math import ceil, floor
from typing import Any

import msgspec

from services.submissions.domain.rows import OpenList, Row, row_of
from shared.calendar import Period
from shared.catalogue.entries import CalendarDay, Measure, Regime, Years
from shared.catalogue.formulas import Formula, Rule, parse, parse_rule
from shared.catalogue.measures import Measures
from shared.catalogue.organisation import Organisation
from shared.catalogue.schedules import Schedule, working_calendar
from shared.catalogue.units import Unit
from shared.errors import Invalid

Bodies = dict[str, dict[str, dict[str, Any]]]
"""Entries of the catalogue: kind to id to body."""


_MANY = 10**15  # within what every figure may be
_OWN_LEVELS = {"commune": "commune", "district": "district", "province": "province"}


@dataclass(frozen=True, slots=True)
class Indicator:
    """What a figure must be. `minimum` and `maximum` bound it where the catalogue says so; `whole` are whole numbers
    that hold for certain, and so need no closer look. `decimals` are the places in which it is usually given, and so
    how far rounding may carry sums apart. `dimension` is the name that clerks read of the way in which it is a part of
    its parent."""

    code: str
    name: str
    measure: str
    integer: bool
    decimals: int
    summed: bool
    rollup: str
    over_time: str
    formula: Formula | None
    parent: str | None
    dimension: str | None
    minimum: Decimal | None
    maximum: Decimal | None
    max_change_percent: int | None = None
    whole: range = range(0)


@dataclass(frozen=True, slots=True)
class CellRule:
    """A rule between cells: `severity` is error or warning, `message` English, `detail` Vietnamese."""

    id: str
    comparison: Rule
    severity: str
    message: str
    detail: str


@dataclass(frozen=True, slots=True)
class Form:
    """A form: what is entered (`entered`), what the hub derives (`derived`), what may not be missing (`required`), who
    owes it, and for which periods. `each` is the kind of unit of which every one owes it, `under` narrows it to those
    below that unit. `earlier` are the versions before this one, by number, and the last day (in Vietnam) on which
    pushes of them are taken. `columns` are the indicators that stand in
    open lists. `enters`, `approves` and `receives` name who else than the owing agency does so
    (Đ10.1)."""

    id: str
    name: str
    regime: str
    period_kind: str
    entered: tuple[str, ...]
    derived: frozenset[str]
    required: frozenset[str]
    owed_by: tuple[tuple[str, str], ...]
    each: str | None
    under: str | None
    periods: Years
    enters: frozenset[str] = frozenset()
    approves: tuple[str, ...] = ()
    receives: tuple[str, ...] = ()
    rolls_up: str | None = None
    rules: tuple[CellRule, ...] = ()
    owner: str | None = None
    columns: dict[str, OpenList] = field(default_factory=dict)
    version: int = 1
    earlier: dict[int, tuple[Form, date | None]] = field(default_factory=dict)

    @property
    def kept(self) -> frozenset[str]:
        """Every indicator that this version or one before it asks for: what a draft may hold."""
        return frozenset(self.entered).union(*(form.entered for form, _until in self.earlier.values()))

    def row(self, code: str) -> Row | None:
        """Return where a figure of an open list stands, in this version or one before it; None for other figures."""
        found = row_of(code, self.columns)
        if found is None:
            found = next(filter(None, (row_of(code, form.columns) for form, _ in self.earlier.values())), None)
        return found


@dataclass(slots=True)
class Catalogue:
    """One version of the catalogue. Questions are answered from indexes and remembered."""

    version: int
    organisation: Organisation
    indicators: dict[str, Indicator]
    forms: dict[str, Form]
    schedules: dict[str, Schedule]
    measures: Measures = field(default_factory=Measures)
    earlier: dict[str, tuple[tuple[date, Indicator], ...]] = field(default_factory=dict)
    """Of indicators that were defined differently before: those definitions, each with the day on which it ended."""
    _newest: Catalogue | None = None
    _as_of: dict[int, Catalogue] = field(default_factory=dict)
    _periods: dict[str, Period | None] = field(default_factory=dict)

    @property
    def units(self) -> dict[str, Unit]:
        """All units that ever were, by id."""
        return self.organisation.units

    def period(self, text: str) -> Period | None:
        """Return the period this text names, None if it names none."""
        if text not in self._periods:
            if len(self._periods) > 10_000:  # what clients send must not grow a process without bound
                self._periods.clear()
            try:
                self._periods[text] = Period.parse(text)
            except Invalid:
                self._periods[text] = None
        return self._periods[text]

    def as_of(self, period: Period) -> Catalogue:
        """Return this catalogue with every indicator as it was defined at the period's end; itself where none was
        ever defined differently."""
        newest = self._newest or self
        if not newest.earlier:
            return self
        turns = sorted({until for versions in newest.earlier.values() for until, _ in versions})
        stretch = bisect_right(turns, period.end)
        if stretch == len(turns):
            return newest
        if stretch not in newest._as_of:
            then = {
                code: next(definition for until, definition in versions if period.end < until)
                for code, versions in newest.earlier.items()
                if period.end < versions[-1][0]
            }
            indicators = {**newest.indicators, **then}
            newest._as_of[stretch] = replace(newest, indicators=indicators, _newest=newest, _as_of={})
        return newest._as_of[stretch]

    def resolve(self, reference: str, period: Period) -> str | None:
        """Return the id of the unit that this id or code (`gso:03388`) meant at the period's end, None if none did.
        Codes are reused through time: the period decides (NQ 1670 kept 38 old codes for other units)."""
        return self.organisation.resolve(reference, period.end)

    def level(self, unit: str, agency: str) -> str:
        """Return the level that approved figures about this unit reach when this agency owes them: what a body says
        about itself stays at its own level, what an agency of the province says about others is the province's."""
        about = self.organisation.units.get(agency)
        if about is None:
            return ""
        return _OWN_LEVELS.get(about.kind, "agency" if unit == agency else "province")

    def owners(self, form: str) -> set[str]:
        """Return the units that designed the form or own its regime; none means the Office."""
        known = self.forms.get(form)
        schedule = None if known is None else self.schedules.get(known.regime)
        found = {known.owner if known else None, schedule.regime.owner if schedule else None}
        return {owner for owner in found if owner is not None}

    def kind(self, unit: str) -> str | None:
        """Return what kind of unit this is, None if it is unknown: which step of a ladder it stands on."""
        known = self.units.get(unit)
        return None if known is None else known.kind

    def units_of_kind(self, kind: str, day: date) -> list[str]:
        """Return the ids of all units of this kind that exist on the day."""
        return list(self.organisation.at(day).of_kind(kind))

    def name_of(self, unit: str, period: str) -> str | None:
        """Return the unit's name as of the period's end: a report of 2024 keeps the names of 2024."""
        known = self.period(period)
        return None if known is None else self.organisation.name(unit, known.end)


def compile_catalogue(version: int, bodies: Bodies) -> Catalogue:
    """Return the catalogue made of these entries."""
    units = [msgspec.convert({"id": unit_id, **body}, Unit) for unit_id, body in bodies.get("unit", {}).items()]
    measures = [msgspec.convert({"id": name, **body}, Measure) for name, body in bodies.get("measure", {}).items()]
    dimensions = {dimension: body["name"] for dimension, body in bodies.get("dimension", {}).items()}
    indicators = bodies.get("indicator", {})
    return Catalogue(
        version,
        Organisation(units),
        {code: _indicator(code, body, dimensions) for code, body in indicators.items()},
        {form_id: _form(form_id, body) for form_id, body in bodies.get("form", {}).items()},
        _schedules(bodies),
        Measures(measures),
        {code: _definitions(code, body, dimensions) for code, body in indicators.items() if body.get("earlier")},
    )


def _definitions(code: str, body: dict[str, Any], dimensions: dict[str, str]) -> tuple[tuple[date, Indicator], ...]:
    return tuple(
        (date.fromisoformat(item["valid_to"]), _indicator(code, {**body, **item}, dimensions))
        for item in body["earlier"]
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _indicator(code: str, body: dict[str, Any], dimensions: dict[str, str]) -> Indicator:
    integer = body.get("value_type") == "integer"
    breakdown = body.get("breakdown") or {}
    return Indicator(
        code=code,
        name=body["name"],
        measure=body["measure"],
        integer=integer,
        decimals=0 if integer else int(body.get("decimals", 1)),
        summed=body.get("rollup") == "sum",
        rollup=body.get("rollup") or "none",
        over_time=body.get("over_time") or "none",
        formula=parse(body["formula"]) if body.get("formula") else None,
        parent=body.get("parent") or None,
        dimension=dimensions.get(breakdown.get("dimension", ""), breakdown.get("dimension")),
        minimum=_bound(body.get("minimum")),
        maximum=_bound(body.get("maximum")),
        max_change_percent=body.get("max_change_percent"),
        whole=_whole(_bound(body.get("minimum")), _bound(body.get("maximum"))),
    )


def _whole(minimum: Decimal | None, maximum: Decimal | None) -> range:
    low = -_MANY if minimum is None else max(ceil(minimum), -_MANY)
    high = _MANY if maximum is None else min(floor(maximum), _MANY)
    return range(low, high + 1)


def _bound(value: object) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def _form(form_id: str, body: dict[str, Any]) -> Form:
    owed = body["owed_by"]
    parties = body.get("parties") or {}
    # A form may name those who owe it one by one, as one entry, or as every unit of a kind.
    pairs = [owed] if isinstance(owed, dict) and "unit" in owed else owed if isinstance(owed, list) else []
    form = Form(
        id=form_id,
        name=body["name"],
        regime=body["regime"],
        period_kind=body["period_kind"],
        owed_by=tuple((pair["unit"], pair["agency"]) for pair in pairs),
        each=owed.get("each") if isinstance(owed, dict) else None,
        enters=frozenset(parties.get("enters") or ()),
        approves=tuple(parties.get("approves") or ()),
        receives=tuple(parties.get("receives") or ()),
        owner=body.get("owner"),
        under=owed.get("under") if isinstance(owed, dict) else None,
        periods=msgspec.convert(body["periods"], Years),
        rolls_up=body.get("rolls_up"),
        **_content(body),
    )
    earlier = {
        item["version"]: (replace(form, **_content(item)), _day(item["accepted_until"]))
        for item in body.get("earlier") or ()
    }
    return replace(form, earlier=earlier)


def _content(body: dict[str, Any]) -> dict[str, Any]:
    """Return what one version of a form asks for, as fields of `Form`."""
    return {
        "entered": tuple(body["indicators"]),
        "derived": frozenset(body.get("derived") or ()),
        "required": frozenset(body.get("required") or ()),
        "rules": tuple(_rule(rule) for rule in body.get("rules") or ()),
        "columns": {code: item for item in _lists(body) for code in item.columns},
        "version": body.get("version", 1),
    }


def _lists(body: dict[str, Any]) -> list[OpenList]:
    return [
        OpenList(item["id"], item["label"], tuple(item["columns"]), item.get("max_rows", 200))
        for item in body.get("open_lists") or ()
    ]


def _schedules(bodies: Bodies) -> dict[str, Schedule]:
    """Return by regime what it says about time, under the administrator's calendar."""
    calendar = working_calendar(
        msgspec.convert({"id": day, **body}, CalendarDay) for day, body in bodies.get("calendar_day", {}).items()
    )
    return {
        regime_id: Schedule(msgspec.convert({"id": regime_id, **body}, Regime), calendar)
        for regime_id, body in bodies.get("regime", {}).items()
    }


def _rule(body: dict[str, Any]) -> CellRule:
    return CellRule(
        id=body["id"],
        comparison=parse_rule(body["expression"]),
        severity=body.get("severity", "error"),
        message=body.get("message", ""),
        detail=body.get("detail", ""),
    )
