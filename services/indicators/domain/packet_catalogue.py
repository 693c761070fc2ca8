"""The catalogue's entries as packets of QCVN 125 (shared/packets): regimes, forms, periods, indicators. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal

from shared.calendar import Period
from shared.canonical import decimal_text
from shared.catalogue import entries
from shared.catalogue.definitions import exists
from shared.catalogue.entries import Definition, Form, OwedByEach, Regime
from shared.catalogue.formulas import parse
from shared.catalogue.schedules import moves
from shared.contracts.views.calendar import RegimeCalendar
from shared.packets import disaggregations as disaggregation_packet
from shared.packets import indicator_groups as group_packet
from shared.packets import indicators as indicator_packet
from shared.packets import kpi_set as kpi_packet
from shared.packets import periods as period_packet
from shared.packets import regime as regime_packet
from shared.packets import report_form as form_packet

Indicators = Mapping[str, entries.Indicator]

WHOLE_SET = "ALL"
"""The id of the set of all KPIs."""


def regime_of(regime: Regime, forms: Iterable[Form]) -> regime_packet.Regime:
    """Return the regime with its forms."""
    window = regime.window
    return regime_packet.Regime(
        id=regime.id,
        name=regime.name,
        kind=regime.kind,
        decision=regime.decision,
        period_kind=regime.period_kind,
        level=regime.level,
        owner=regime.owner,
        deadline=_deadline(regime.deadline),
        steps=tuple(regime_packet.Step(level=step.level, deadline=_deadline(step)) for step in regime.ladder),
        window=None
        if window is None
        else regime_packet.Window(
            from_day=window.from_day, from_months=window.from_months, to_day=window.to_day, to_months=window.to_months
        ),
        opens_days_before=regime.intake.opens_days_before,
        closes_days_after=regime.intake.closes_days_after,
        moves=moves(regime),
        signature=regime.signature,
        valid_from=regime.valid_from,
        valid_to=regime.valid_to,
        forms=tuple(
            regime_packet.RegimeForm(id=form.id, name=form.name, version=form.version)
            for form in forms
            if form.regime == regime.id
        ),
    )


def form_of(form: Form, indicators: Indicators) -> form_packet.ReportForm:
    """Return the form at its newest version, with its indicators as they are defined now."""
    each = form.owed_by if isinstance(form.owed_by, OwedByEach) else None
    owed = () if isinstance(form.owed_by, OwedByEach) else form.owed_by
    layout = form.layout
    columns = [code for part in form.open_lists for code in part.columns]
    roles = dict.fromkeys(columns, "column") | dict.fromkeys(form.derived, "derived")
    roles |= {code: "entered" for code in form.indicators if code not in columns}
    return form_packet.ReportForm(
        id=form.id,
        name=form.name,
        regime=form.regime,
        version=form.version,
        period_kind=form.period_kind,
        first=str(form.periods.first),
        last=None if form.periods.last is None else str(form.periods.last),
        owed=tuple(form_packet.Owed(unit=item.unit, agency=item.agency) for item in owed),
        owed_by_each=each.each if each else None,
        owed_under=each.under if each else None,
        rolls_up=form.rolls_up,
        owner=form.owner,
        indicators=tuple(
            _form_indicator(indicators[code], role, form) for code, role in roles.items() if code in indicators
        ),
        rows=() if layout is None else _lines(layout.rows),
        columns=() if layout is None else _lines(layout.columns),
        cells=() if layout is None else _cells(layout),
        lists=tuple(
            form_packet.FormList(id=item.id, label=item.label, columns=tuple(item.columns), max_rows=item.max_rows)
            for item in form.open_lists
        ),
        rules=tuple(
            form_packet.FormRule(
                id=rule.id,
                expression=rule.expression,
                severity=rule.severity,
                message=rule.message or None,
                detail=rule.detail or None,
            )
            for rule in form.rules
        ),
    )


def periods_of_regime(calendar: RegimeCalendar) -> period_packet.Periods:
    """Return the periods of a regime's year with windows and deadlines."""
    found = []
    for item in calendar.periods:
        deadlines = {line.level: line.at for line in item.deadlines}
        found.append(
            _period(
                Period.parse(item.period),
                window_from=item.window_from,
                window_to=item.window_to,
                deadline=deadlines.pop(None, None),
                deadlines=tuple(
                    period_packet.LevelDeadline(level=level, at=at) for level, at in deadlines.items() if level
                ),
                opens_at=item.opens,
            )
        )
    return period_packet.Periods(regime=calendar.regime, year=f"{calendar.year:04d}", periods=tuple(found))


def periods_of_year(year: int) -> period_packet.Periods:
    """Return the periods of a year, of every kind but single days, with the windows of decree 09/2019."""
    whole = Period("year", year)
    kinds = ("year", "nine_months", "half", "quarter", "month")
    periods = [Period(kind, year, number + 1) for kind in kinds for number in range(Period(kind, year).in_year)]
    return period_packet.Periods(
        year=str(whole),
        periods=tuple(_period(item, window_from=item.window.first, window_to=item.window.last) for item in periods),
    )


def indicators_of(found: Iterable[entries.Indicator], on: date | None) -> indicator_packet.Indicators:
    """Return these indicators as they are defined on a day, without those that there are not then; None: the newest."""
    known = [item for item in found if on is None or exists(item, on)]
    return indicator_packet.Indicators(as_of=on, indicators=tuple(_indicator(item, on) for item in known))


def groups_of(found: Iterable[entries.Indicator]) -> group_packet.IndicatorGroups:
    """Return the groups that indicators name, in order of their codes, each with how many name it."""
    names: dict[str, str] = {}
    counts: dict[str, int] = {}
    for item in found:
        code = group_code(item.group)
        if code is not None:
            names.setdefault(code, item.group)
            counts[code] = counts.get(code, 0) + 1
    return group_packet.IndicatorGroups(
        groups=tuple(
            group_packet.IndicatorGroup(code=code, name=name, count=counts[code])
            for code, name in sorted(names.items())
        )
    )


def disaggregations_of(found: Iterable[entries.Dimension]) -> disaggregation_packet.Disaggregations:
    """Return the dimensions with their code lists."""
    return disaggregation_packet.Disaggregations(
        disaggregations=tuple(
            disaggregation_packet.Disaggregation(
                code=dimension.id,
                name=dimension.name,
                items=tuple(
                    disaggregation_packet.DisaggregationItem(
                        code=item.code, name=item.name, valid_from=item.valid_from, valid_to=item.valid_to
                    )
                    for item in dimension.items
                ),
            )
            for dimension in found
        )
    )


def kpi_set_of(
    set_id: str, name: str, decision: str | None, forms: Iterable[Form], indicators: Indicators
) -> kpi_packet.KpiSet:
    """Return the derived indicators of these forms, each once, as they are defined now."""
    codes = dict.fromkeys(code for form in forms for code in form.derived)
    found = [indicators[code] for code in codes if code in indicators and indicators[code].formula]
    return kpi_packet.KpiSet(id=set_id, name=name, decision=decision, kpis=tuple(_kpi(item) for item in found))


def group_code(name: str) -> str | None:
    """Return the code of a group. The catalogue has names only, so it is the name in capitals without diacritics:
    "Dân số và lao động" is DAN-SO-VA-LAO-DONG; None where there is no group."""
    plain = unicodedata.normalize("NFD", name.replace("đ", "d").replace("Đ", "D"))
    code = re.sub("[^A-Z0-9]+", "-", plain.encode("ascii", "ignore").decode().upper()).strip("-")
    return code[:100] or None


def _deadline(deadline: entries.Deadline) -> regime_packet.Deadline:
    return regime_packet.Deadline(
        day=deadline.day,
        hour=deadline.hour,
        minute=deadline.minute,
        month=deadline.month,
        months_after=deadline.months_after,
    )


def _form_indicator(indicator: entries.Indicator, role: str, form: Form) -> form_packet.FormIndicator:
    return form_packet.FormIndicator(
        code=indicator.id,
        name=indicator.name,
        measure=indicator.measure,
        role=role,  # type: ignore[arg-type]  # one of the three, by who calls
        required=indicator.id in form.required,
        value_type=indicator.value_type,
        decimals=indicator.decimals,
        minimum=_bound(indicator.minimum),
        maximum=_bound(indicator.maximum),
        formula=indicator.formula,
        help=form.help.get(indicator.id) or None,
    )


def _lines(lines: Sequence[entries.Line]) -> tuple[form_packet.FormLine, ...]:
    return tuple(
        form_packet.FormLine(number=number, label=line.label or None, indent=line.indent, help=line.help or None)
        for number, line in enumerate(lines, 1)
    )


def _cells(layout: entries.Layout) -> tuple[form_packet.FormCell, ...]:
    return tuple(
        form_packet.FormCell(row=row, column=column, indicator=code)
        for row, line in enumerate(layout.cells, 1)
        for column, code in enumerate(line, 1)
        if code is not None
    )


_NUMBERED = {"half": "6 tháng {} năm {}", "quarter": "Quý {} năm {}", "month": "Tháng {} năm {}"}
_HALVES = {1: "đầu", 2: "cuối"}
_QUARTERS = {1: "I", 2: "II", 3: "III", 4: "IV"}


def period_name(period: Period) -> str:
    """Return the period's name in Vietnamese: "Quý II năm 2026"."""
    if period.kind == "year":
        return f"Năm {period.year}"
    if period.kind == "nine_months":
        return f"9 tháng năm {period.year}"
    if period.kind == "day":
        return f"Ngày {period.start:%d/%m/%Y}"
    number = {"half": _HALVES, "quarter": _QUARTERS}.get(period.kind, {}).get(period.number, str(period.number))
    return _NUMBERED[period.kind].format(number, period.year)


def _period(period: Period, **told: object) -> period_packet.ReportingPeriod:
    return period_packet.ReportingPeriod(
        code=str(period),
        name=period_name(period),
        kind=period.kind,  # type: ignore[arg-type]  # a period's kind is one of these
        first_day=period.start,
        last_day=period.end,
        **told,  # type: ignore[arg-type]  # by the two who call
    )


def _indicator(indicator: entries.Indicator, on: date | None) -> indicator_packet.Indicator:
    now: Definition = indicator if on is None else indicator.on(on)
    part = indicator.breakdown
    return indicator_packet.Indicator(
        code=indicator.id,
        name=indicator.name,
        version=now.version,
        group=group_code(indicator.group),
        measure=now.measure,
        value_type=now.value_type,
        decimals=now.decimals,
        parent=indicator.parent,
        disaggregation=part.dimension if part else None,
        item=part.item if part else None,
        concept=now.concept or None,
        method=now.method or None,
        formula=now.formula,
        rollup=now.rollup,
        over_time=now.over_time,
        minimum=_bound(now.minimum),
        maximum=_bound(now.maximum),
        lead_agency=indicator.lead_agency,
        valid_from=now.valid_from,
        valid_to=now.valid_to,
        codes=tuple(
            indicator_packet.OtherCode(
                scheme=code.scheme, code=code.code, valid_from=code.valid_from, valid_to=code.valid_to
            )
            for code in indicator.codes
            if on is None or code.holds(on)
        ),
    )


def _kpi(indicator: entries.Indicator) -> kpi_packet.Kpi:
    formula = indicator.formula or ""
    return kpi_packet.Kpi(
        code=indicator.id,
        name=indicator.name,
        measure=indicator.measure,
        decimals=indicator.decimals,
        formula=formula,
        inputs=tuple(sorted(parse(formula).codes)),
        group=group_code(indicator.group),
        concept=indicator.concept or None,
    )


def _bound(bound: float | str | None) -> str | None:
    return None if bound is None else decimal_text(Decimal(str(bound)))
