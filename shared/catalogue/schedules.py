"""What a regime says about time, computed: data windows, deadlines of each level, when the intake is open. Pure.

One place for everybody who tells or checks a deadline: obligations, the calendar of a regime, the faults of a
catalogue, the command line. Instants carry Vietnam's zone; `hour` o'clock sharp is still on time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from shared.calendar import VIETNAM, Period, Window, WorkingCalendar, day_of_month
from shared.catalogue.entries import CalendarDay, Deadline, Regime, Years
from shared.errors import Invalid


def working_calendar(days: Iterable[CalendarDay]) -> WorkingCalendar:
    """Return the calendar that these administrator's days make of the seed."""
    off: dict[date, str] = {}
    worked: dict[date, str] = {}
    for entry in days:
        (off if entry.off else worked)[date.fromisoformat(entry.id)] = entry.name
    return WorkingCalendar(off, worked)


def moves(regime: Regime) -> bool:
    """Tell whether a deadline on a day off moves to the next working day: periodic ones do (Đ17.2), ad hoc ones follow
    their request, a thematic regime says (Đ17.3)."""
    return regime.kind == "periodic" or (regime.kind == "thematic" and bool(regime.moves))


class Due(NamedTuple):
    """When something is due: `nominal` as the regime says, `at` after the shift, `because` the days off between."""

    nominal: datetime
    at: datetime
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Schedule:
    """A regime under a calendar."""

    regime: Regime
    calendar: WorkingCalendar

    def window(self, period: Period) -> Window:
        """Return the first and the last day whose data belong to the period (Đ3.4; by default Đ12's of the decree)."""
        own = self.regime.window
        if own is None:
            return period.window
        return Window(
            day_of_month(period.year, period.first_month - own.from_months, own.from_day),
            day_of_month(period.year, period.last_month - own.to_months, own.to_day),
        )

    def due(self, period: Period, level: str | None) -> Due:
        """Return when units of this kind owe the period (None, or a kind not on the ladder: the regime's deadline)."""
        step = self._step(level)
        month = step.month if step.month is not None else period.last_month + step.months_after
        nominal = day_of_month(period.year, month, step.day)
        shifted = self.calendar.next_working_day(nominal) if moves(self.regime) else nominal
        passed = (nominal + timedelta(days=number) for number in range((shifted - nominal).days))
        because = tuple(dict.fromkeys(self.calendar.day_off(day) or "" for day in passed))
        hour = time(step.hour, step.minute, tzinfo=VIETNAM)
        return Due(datetime.combine(nominal, hour), datetime.combine(shifted, hour), because)

    def opens(self, period: Period) -> datetime | None:
        """Return from when figures are taken without an announcement (Đ17.4); None: from always."""
        before = self.regime.intake.opens_days_before
        if before is None:
            return None
        day = self.window(period).last - timedelta(days=before)
        return datetime.combine(day, time(), tzinfo=VIETNAM)

    def closes(self, period: Period, level: str | None) -> datetime | None:
        """Return until when figures are taken without an announcement; None: for ever."""
        after = self.regime.intake.closes_days_after
        return None if after is None else self.due(period, level).at + timedelta(days=after)

    def _step(self, level: str | None) -> Deadline:
        return next((step for step in self.regime.ladder if step.level == level), self.regime.deadline)


def asked(kind: str, years: Years, until: date) -> Iterator[Period]:
    """Yield the periods of this kind that `years` ask for, in order, as far as they begin by `until`.

    Raises Invalid("period.malformed") where a bound is no period of this kind.
    """
    period, last = first_asked(kind, years), last_asked(kind, years)
    while period.start <= until and (last is None or period.start <= last.start):
        yield period
        period = period.next


def first_asked(kind: str, years: Years) -> Period:
    """Return the first period that is asked for. Raises Invalid("period.malformed")."""
    return _bound(kind, years.first, last=False)


def last_asked(kind: str, years: Years) -> Period | None:
    """Return the last period that is asked for, None: until further notice. Raises Invalid("period.malformed")."""
    return None if years.last is None else _bound(kind, years.last, last=True)


def _bound(kind: str, bound: int | str, *, last: bool) -> Period:
    period = Period.parse(bound if isinstance(bound, str) else f"{bound:04d}")
    if period.kind == "year":  # of other kinds its first or last one
        return Period.of(kind, period.end if last else period.start)
    if period.kind != kind:
        raise Invalid(
            "period.malformed", f"{bound!r} is neither a year nor a {kind}", f"“{bound}” không phải là kỳ của biểu mẫu."
        )
    return period
