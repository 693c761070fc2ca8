"""Periods, cut-off windows, working days and deadlines. Pure: nothing here asks what time it is.

Windows follow Decree 09/2019/NĐ-CP Đ12 (data from the 15th of the month before the period to the 14th of its last
month), deadlines Đ13 and the regime's own decision; one that falls on a day off moves to the next working day (Labour
Code Đ111.3, Đ112). The zone is a fixed offset because Vietnam has kept UTC+7 since 1975 and keeps no summer time, so
no time zone data need be installed.
"""

from __future__ import annotations

import calendar as gregorian
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from functools import lru_cache
from typing import NamedTuple

from shared.errors import Invalid

VIETNAM = timezone(timedelta(hours=7), "Asia/Ho_Chi_Minh")
"""The zone in which days begin and deadlines fall."""

_MONTHS = {"year": 12, "nine_months": 9, "half": 6, "quarter": 3, "month": 1}
_FORMAT = re.compile(
    r"(?P<year>\d{4})(?:-(?:Q(?P<quarter>[1-4])|H(?P<half>[12])|(?P<nine>9M)|(?P<month>0[1-9]|1[0-2])))?"
)


@dataclass(frozen=True, slots=True)
class Period:
    """A reporting period: `kind` is year, nine_months, half, quarter or month; `number` counts within the year."""

    kind: str
    year: int
    number: int = 1

    @classmethod
    def parse(cls, text: str) -> Period:
        """Read `2016`, `2016-9M`, `2016-H1`, `2016-Q1` or `2016-03`. Raises Invalid("period.malformed")."""
        match = _FORMAT.fullmatch(text)
        if match is None or not text.isascii() or match["year"] == "0000":
            raise Invalid("period.malformed", f"{text!r} is no period", f"Kỳ báo cáo không hợp lệ: {text}.")
        year = int(match["year"])
        if match["nine"]:
            return cls("nine_months", year)
        for kind in ("quarter", "half", "month"):
            if match[kind]:
                return cls(kind, year, int(match[kind]))
        return cls("year", year)

    def __str__(self) -> str:
        suffix = {
            "year": "",
            "nine_months": "-9M",
            "half": f"-H{self.number}",
            "quarter": f"-Q{self.number}",
            "month": f"-{self.number:02d}",
        }
        return f"{self.year:04d}{suffix[self.kind]}"

    @property
    def start(self) -> date:
        """The period's first day."""
        return date(self.year, self.last_month - _MONTHS[self.kind] + 1, 1)

    @property
    def end(self) -> date:
        """The period's last day."""
        return date(self.year, self.last_month, gregorian.monthrange(self.year, self.last_month)[1])

    @property
    def last_month(self) -> int:
        """The month (1 to 12) in which the period ends."""
        return _MONTHS[self.kind] * self.number

    @property
    def previous(self) -> Period:
        """The period of the same kind just before; of a nine-month period, the year before's."""
        if self.number > 1:
            return Period(self.kind, self.year, self.number - 1)
        return Period(self.kind, self.year - 1, self.in_year)

    @property
    def in_year(self) -> int:
        """How many periods of this kind a year has."""
        return 1 if self.kind == "nine_months" else 12 // _MONTHS[self.kind]

    @property
    def next(self) -> Period:
        """The period of the same kind just after."""
        if self.number < self.in_year:
            return Period(self.kind, self.year, self.number + 1)
        return Period(self.kind, self.year + 1)

    @property
    def year_before(self) -> Period:
        """The same period of the year before ("cùng kỳ năm trước")."""
        return Period(self.kind, self.year - 1, self.number)

    @property
    def window(self) -> Window:
        """The cut-off window of Đ12: the days whose data belong to a report on this period."""
        before = self.start - timedelta(days=1)
        return Window(before.replace(day=15), date(self.year, self.last_month, 14))


class Window(NamedTuple):
    """The first and the last day of data, both included."""

    first: date
    last: date


class Swap(NamedTuple):
    """A working day that a decision makes a day off, and the day of rest on which it is worked instead."""

    off: date
    worked: date
    decision: str


OFFICIAL_SWAPS: tuple[Swap, ...] = (
    Swap(date(2026, 1, 2), date(2026, 1, 10), "Hoán đổi ngày làm việc dịp Tết Dương lịch 2026"),
)
"""Swaps that the seed data for Vietnam lack; the administrator's calendar adds to them."""

DaysOff = Collection[date] | Callable[[int], Collection[date]]
"""Days off besides Saturdays and Sundays: all of them, or a function that tells those of one year."""


@lru_cache(maxsize=64)
def vietnam_days_off(year: int, swaps: tuple[Swap, ...] = OFFICIAL_SWAPS) -> frozenset[date]:
    """Return the public holidays of Vietnam in this year, days given in compensation and swapped days included."""
    import holidays

    return frozenset(holidays.country_holidays("VN", years=year)) | {s.off for s in swaps if s.off.year == year}


def made_up_days(swaps: tuple[Swap, ...] = OFFICIAL_SWAPS) -> frozenset[date]:
    """Return the days of rest that are worked in exchange for a day off."""
    return frozenset(swap.worked for swap in swaps)


def is_working_day(day: date, days_off: DaysOff = vietnam_days_off, worked: Collection[date] | None = None) -> bool:
    """Tell whether offices work on this day. `worked` are days of rest made up (default: the official swaps')."""
    if day in (made_up_days() if worked is None else worked):
        return True
    off = days_off(day.year) if callable(days_off) else days_off
    return day.weekday() < 5 and day not in off


def next_working_day(day: date, days_off: DaysOff = vietnam_days_off, worked: Collection[date] | None = None) -> date:
    """Return this day if offices work on it, else the first later day on which they do."""
    while not is_working_day(day, days_off, worked):
        day += timedelta(days=1)
    return day


def deadline(
    period: Period,
    month: int | None,
    day: int,
    hour: int,
    holidays: DaysOff = vietnam_days_off,
    worked: Collection[date] | None = None,
) -> datetime:
    """Return when a submission on this period is due, in Vietnam's zone: `hour` o'clock sharp is still on time.

    `month` counts from January of the period's year, so 13 is the January after; None means the period's last month
    (Đ13). A `day` that the month lacks is its last one; a day off moves to the next working day.
    """
    months = (period.last_month if month is None else month) - 1
    year, month_of_year = period.year + months // 12, months % 12 + 1
    nominal = date(year, month_of_year, min(day, gregorian.monthrange(year, month_of_year)[1]))
    return datetime.combine(next_working_day(nominal, holidays, worked), time(hour), tzinfo=VIETNAM)


def local_date(instant: datetime) -> date:
    """Return the day it was in Vietnam at this instant (which must carry its zone)."""
    return instant.astimezone(VIETNAM).date()
