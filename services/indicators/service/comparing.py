"""Series and the grid of comparisons."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from itertools import product

from sqlalchemy import Connection

from services.indicators.domain import comparing as rules
from services.indicators.domain.cells import Cell
from services.indicators.domain.comparing import Slot
from services.indicators.domain.derivations import Rules
from services.indicators.recording import current_rules
from services.indicators.service.moments import resolved
from services.indicators.service.standing_in import standing_in
from services.indicators.storage import organisation as organisations
from services.indicators.storage import readings
from services.indicators.storage import years as rows_of
from services.indicators.storage.tables import reading
from shared.calendar import Period
from shared.contracts.actor import EVERYWHERE, Actor
from shared.contracts.views.warehouse import GridIndicator, GridRow, GridView, PointView, SeriesPage, SeriesView
from shared.entrypoints import rpc
from shared.errors import Invalid, NotFound
from shared.storage import UnitOfWork

MAX_POINTS = 50_000
MAX_ROWS = 10_000


class ComparingCalls:
    """Values beside one another: through time, and against other periods."""

    unit: UnitOfWork

    @rpc
    def read_series(
        self,
        actor: Actor,
        indicators: list[str],
        units: list[str],
        period_from: str,
        period_to: str,
        kind: str | None = None,
        as_of: int | str | None = None,
    ) -> SeriesPage:
        """Return the values of these indicators and units in every period of one kind (default: that of `period_from`)
        between two periods, what is missing included; at most 50,000 points. Of a unit that did not stand yet the
        roll-up of those it came from is shown, as in the grid. `as_of` as in `list_observations`.

        Raises Invalid("indicators.bad_span"), Invalid("indicators.too_much"), Forbidden for a unit out of scope.
        """
        for unit in units:
            actor.require("observations.read", unit=unit)
        actor.require("observations.read")
        first, last = Period.parse(period_from), Period.parse(period_to)
        span = {str(period): period for period in _span(first, last, kind or first.kind)}
        periods = list(span)
        _bounded(len(indicators) * len(units) * len(periods), MAX_POINTS)
        with reading(self.unit.engine).connect() as connection:
            at = resolved(connection, as_of)
            found = readings.series(connection, indicators, units, periods, as_of=at.batch, forms=_forms(actor))
            known = current_rules(connection)
            missing: dict[str, list[tuple[str, Period]]] = defaultdict(list)
            for unit, (text, period) in product(set(units), span.items()):
                if not known.organisation.lineage(unit, period.end).is_itself:
                    gaps = (code for code in indicators if (code, unit, text) not in found)
                    missing[unit] += [(code, period) for code in gaps]
            inherited = standing_in(connection, known, missing, date.max, as_of=at.batch, forms=_forms(actor))
        for (unit, code, period), cell in inherited.items():
            found[code, unit, str(period)] = readings.Point(cell.value, cell.status, cell.derived, None, cell.basis)
        series = [
            SeriesView(
                indicator=indicator,
                unit=unit,
                points=[_point(period, found.get((indicator, unit, period))) for period in periods],
            )
            for indicator, unit in sorted(set(product(indicators, units)))
        ]
        return SeriesPage(as_of=at.shown, kind=kind or first.kind, series=series)

    @rpc
    def read_grid(
        self,
        actor: Actor,
        period: str,
        form: str | None = None,
        indicators: list[str] | None = None,
        units: list[str] | None = None,
        under: str | None = None,
        totals_only: bool = False,
        as_of: int | str | None = None,
    ) -> GridView:
        """Return the grid of comparisons of a period for a form's indicators, or those named, and for the units named,
        or those directly `under` a unit on the period's last day (under an area its areas); these with their sum, or
        that alone (`totals_only`). Units are named by id or by a code of that day.

        Of a unit that did not stand in an earlier period the roll-up of those it came from is shown. Raises
        Invalid("indicators.grid_of_nothing"), Invalid("indicators.too_much"), NotFound("indicators.no_form"),
        Forbidden for a unit or form out of scope.
        """
        asked_for = [*(units or ()), *([under] if under else ())]
        units = organisations.meant(self.unit.engine, period, asked_for)
        under = units.pop() if under else None
        actor.require("observations.read", unit=under, form=form)
        for unit in units:
            actor.require("observations.read", unit=unit)
        asked = Period.parse(period)
        with reading(self.unit.engine).connect() as connection:
            known = current_rules(connection)
            codes = indicators or _codes_of(known, form)
            below = [] if under is None else rules.units_below(known.organisation, under, asked.end)
            seen = [unit for unit in below if actor.covers(unit=unit)]
            rows = list(dict.fromkeys([*units, *seen]))
            _bounded(len(codes) * len(rows), MAX_ROWS)
            if not codes or not rows:
                raise _nothing()
            at = resolved(connection, as_of)
            grid = _Grid(known, asked, codes)
            grid.read(connection, rows, as_of=at.batch, forms=_forms(actor))
        # A sum over a part of the units would pass for the whole.
        total = under if seen and len(seen) == len(below) else None
        return grid.view(rows, at.shown, under=total, below=seen, totals_only=totals_only)


class _Grid:
    """One grid being made."""

    def __init__(self, known: Rules, period: Period, codes: Sequence[str]) -> None:
        self._known, self._period = known, period
        entries = known.catalogue.indicators
        self._definitions = {code: entries[code].on(period.end) for code in codes if code in entries}
        self._names = {code: entries[code].name for code in self._definitions}
        self._rows: dict[tuple[str, str], rules.Row] = {}

    def read(self, connection: Connection, units: Sequence[str], *, as_of: int | None, forms: list[str] | None) -> None:
        """Read every row of these units."""
        asked = rules.sources(self._known.organisation, units, self._period)
        entries = self._known.catalogue.indicators
        added = [code for code in self._definitions if rules.is_added(entries[code], self._period)]
        looks = rules.looked_at(self._period)
        years = rows_of.rows(connection, asked.years, looks, list(self._definitions), as_of=as_of, forms=forms)
        found = rules.added_up(asked, years, units, self._definitions, self._period, frozenset(added))
        inherited = self._inherited(connection, units, added, as_of=as_of, forms=forms)
        for unit in units:
            estimated = frozenset(slot for slot in rules.SLOTS if (unit, slot) in asked.estimated)
            for code, definition in self._definitions.items():
                held, by_share = found.get((unit, code), {}), estimated
                if (unit, code) in inherited:
                    held, by_share = rules.with_inherited(held, inherited[unit, code], self._period)
                self._rows[unit, code] = rules.row_of(held, definition, self._period, by_share)

    def _inherited(
        self,
        connection: Connection,
        units: Sequence[str],
        added: Sequence[str],
        *,
        as_of: int | None,
        forms: list[str] | None,
    ) -> dict[tuple[str, str], dict[Period, Cell]]:
        """Return by unit and indicator what was rolled up, for the indicators that units do not just add up."""
        others = {code: definition for code, definition in self._definitions.items() if code not in added}
        organisation = self._known.organisation
        wanted = {unit: rules.inherited(organisation, unit, self._period, others) for unit in units} if others else {}
        found = standing_in(connection, self._known, wanted, self._period.end, as_of=as_of, forms=forms)
        cells: dict[tuple[str, str], dict[Period, Cell]] = defaultdict(dict)
        for (unit, code, period), cell in found.items():
            cells[unit, code][period] = cell
        return cells

    def view(
        self, units: Sequence[str], as_of: int, *, under: str | None, below: Sequence[str], totals_only: bool
    ) -> GridView:
        """Return it as callers see it."""
        shown: list[GridRow] = []
        if under is not None:
            added = (code for code, definition in self._definitions.items() if definition.rollup == "sum")
            for code in added:
                total = rules.Summing([self._rows[unit, code] for unit in below]).row()
                shown.append(_row(under, code, total))
        if not totals_only:
            shown += [_row(unit, code, self._rows[unit, code]) for unit in units for code in self._definitions]
        organisation, end = self._known.organisation, self._period.end
        named = dict.fromkeys(row.unit for row in shown)
        return GridView(
            period=str(self._period),
            as_of=as_of,
            last_period=str(self._period.previous),
            same_period_last_year=str(self._period.year_before),
            units={unit: organisation.name(unit, end) or unit for unit in named},
            indicators={
                code: GridIndicator(name=self._names[code], measure=item.measure, decimals=item.decimals)
                for code, item in self._definitions.items()
            },
            rows=shown,
        )


def _row(unit: str, indicator: str, row: rules.Row) -> GridRow:
    cells = row.cells
    same, last, this = cells[Slot.SAME], cells[Slot.LAST], cells[Slot.THIS]
    if same is None or last is None or this is None:
        raise AssertionError("only cumulative columns may be left out")
    return GridRow(
        unit=unit,
        indicator=indicator,
        same_period_last_year=same,
        last_period=last,
        this_period=this,
        against_last_period=row.against_last,
        against_same_period=row.against_same,
        since_january=cells[Slot.SINCE_JANUARY],
        since_january_last_year=cells[Slot.SINCE_JANUARY_LAST_YEAR],
        against_last_year=row.against_last_year,
    )


def _point(period: str, found: readings.Point | None) -> PointView:
    if found is None:
        return PointView(period=period, state="missing")
    state = "nothing_occurred" if found.value is None else "value"
    return PointView(
        period=period,
        state=state,
        value=found.value,
        status=found.status,
        derived=found.derived,
        label=found.label,
        basis=found.basis,
    )


def _codes_of(known: Rules, form: str | None) -> list[str]:
    if form is None:
        return []
    entry = known.catalogue.forms.get(form)
    if entry is None:
        raise NotFound("indicators.no_form", f"there is no form {form}", f"Không có biểu mẫu {form}.")
    return [*entry.indicators, *entry.derived]


def _forms(actor: Actor) -> list[str] | None:
    return None if EVERYWHERE in actor.forms else list(actor.forms)


def _span(first: Period, last: Period, kind: str) -> list[Period]:
    """Return the periods of this kind that lie within the two, both included."""
    if kind not in ("year", "nine_months", "half", "quarter", "month") or last.end < first.start:
        raise Invalid(
            "indicators.bad_span",
            f"from {first} to {last} there are no periods of kind {kind!r}",
            f"Không có kỳ nào từ {first} đến {last} thuộc loại đã chọn.",
        )
    every = Period(kind, first.year)
    found = []
    while every.end <= last.end:
        if every.start >= first.start:
            found.append(every)
        every = every.next
    return found


def _bounded(count: int, most: int) -> None:
    if count > most:
        raise Invalid(
            "indicators.too_much",
            f"{count} values are asked for at once; at most {most}",
            f"Yêu cầu {count} số liệu trong một lần, tối đa {most}.",
        )


def _nothing() -> Invalid:
    return Invalid(
        "indicators.grid_of_nothing",
        "name a form or indicators, and units or the unit they are under",
        "Hãy chọn biểu mẫu hoặc chỉ tiêu, và đơn vị.",
    )
