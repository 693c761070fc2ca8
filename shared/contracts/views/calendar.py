"""Working days and a regime's calendar as callers see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingDayView:
    """A day under the hub's calendar. `day_off` says why offices are closed (a holiday's name, "Thứ Bảy", "Chủ nhật"),
    None: they work; `next` is this day if they work, else the next one on which they do."""

    day: date
    day_off: str | None
    next: date


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadlineView:
    """When units of one level owe a period (`level` None: all that the ladder does not name). `nominal` is what the
    regime says, `at` what holds; `because` are the days off over which it moved."""

    level: str | None
    nominal: datetime
    at: datetime
    because: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodCalendar:
    """One period: the first and last day whose data belong to it (both included), from when figures are taken without
    an announcement (None: always), and its deadlines."""

    period: str
    window_from: date
    window_to: date
    opens: datetime | None
    deadlines: list[DeadlineView]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegimeCalendar:
    """The periods of one year for which a regime's forms are asked, in order."""

    regime: str
    name: str
    year: int
    periods: list[PeriodCalendar]
