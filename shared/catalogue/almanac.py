"""Questions about days and deadlines, answered from catalogue entries alone: the same for the service that owns them
and for a folder that was never loaded. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from shared.calendar import FIRST_YEAR, LAST_YEAR, Period, WorkingCalendar
from shared.catalogue.entries import Form, Regime
from shared.catalogue.schedules import Schedule, asked
from shared.contracts.views.calendar import DeadlineView, PeriodCalendar, RegimeCalendar, WorkingDayView
from shared.errors import Invalid


def working_day(calendar: WorkingCalendar, day: date) -> WorkingDayView:
    """Return what this day is, and the next working day. Raises Invalid("calendar.year")."""
    _check(day.year)
    return WorkingDayView(day=day, day_off=calendar.day_off(day), next=calendar.next_working_day(day))


def regime_calendar(regime: Regime, forms: Iterable[Form], calendar: WorkingCalendar, year: int) -> RegimeCalendar:
    """Return the regime's periods of a year, as its forms ask for them. Raises Invalid("calendar.year")."""
    _check(year)
    periods = {
        period
        for form in forms
        if form.regime == regime.id
        for period in asked(form.period_kind, form.periods, date(year, 12, 31))
        if period.year == year and regime.holds(period.end)
    }
    schedule = Schedule(regime, calendar)
    return RegimeCalendar(
        regime=regime.id,
        name=regime.name,
        year=year,
        periods=[
            _period(schedule, period) for period in sorted(periods, key=lambda period: (period.end, period.start))
        ],
    )


def _period(schedule: Schedule, period: Period) -> PeriodCalendar:
    window = schedule.window(period)
    levels: list[str | None] = [*(step.level for step in schedule.regime.ladder), None]
    found = [(level, schedule.due(period, level)) for level in levels]
    return PeriodCalendar(
        period=str(period),
        window_from=window.first,
        window_to=window.last,
        opens=schedule.opens(period),
        deadlines=[
            DeadlineView(level=level, nominal=due.nominal, at=due.at, because=list(due.because))
            for level, due in sorted(found, key=lambda item: item[1].at)
        ],
    )


def _check(year: int) -> None:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise Invalid("calendar.year", f"the calendar has no year {year}", f"Lịch không có năm {year}.")
