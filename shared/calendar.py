"""Periods, cut-off windows and working days. Pure: nothing here asks what time it is.

Windows follow Decree 09/2019/NĐ-CP Đ12 (data from the 15th of the month before the period to the 14th of its last
month); what a regime says instead, and its deadlines, are computed in `shared.catalogue.schedules`. Days off are seeded
from the package `holidays` (Labour Code Đ111.3, Đ112) and overridden by the administrator's calendar. The zone is a
fixed offset because Vietnam has kept UTC+7 since 1975 and keeps no summer time, so no time zone data need be installed.
"""

from __future__ import annotations

import calendar as gregorian
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache
from typing import NamedTuple

from shared.errors import Invalid

VIETNAM = timezone(timedelta(hours=7), "Asia/Ho_Chi_Minh")
"""The zone in which days begin and deadlines fall."""

FIRST_YEAR, LAST_YEAR = 1900, 2199
"""Years of periods: beyond them a text is a slip of the pen, and reckoning with days might run out of dates."""

_MONTHS = {"year": 12, "nine_months": 9, "half": 6, "quarter": 3, "month": 1}
_FORMAT = re.compile(
    r"(?P<year>\d{4})"
    r"(?:-(?:Q(?P<quarter>[1-4])|H(?P<half>[12])|(?P<nine>9M)|(?P<month>0[1-9]|1[0-2])(?:-(?P<day>\d{2}))?))?"
)


@dataclass(frozen=True, slots=True)
class Period:
    """A reporting period: `kind` is year, nine_months, half, quarter, month or day (of ad hoc and thematic requests);
    `number` counts within the year."""

    kind: str
    year: int
    number: int = 1

    @classmethod
    def parse(cls, text: str) -> Period:
        """Read `2016`, `2016-9M`, `2016-H1`, `2016-Q1`, `2016-03`, `2016-03-25`. Raises Invalid("period.malformed")."""
        match = _FORMAT.fullmatch(text)
        if match is None or not text.isascii() or not FIRST_YEAR <= int(match["year"]) <= LAST_YEAR:
            raise _malformed(text)
        year = int(match["year"])
        if match["day"]:
            try:
                return cls.of("day", date.fromisoformat(text))
            except ValueError:
                raise _malformed(text) from None
        if match["nine"]:
            return cls("nine_months", year)
        for kind in ("quarter", "half", "month"):
            if match[kind]:
                return cls(kind, year, int(match[kind]))
        return cls("year", year)

    @classmethod
    def of(cls, kind: str, day: date) -> Period:
        """Return the period of this kind in which the day lies (of nine months: its year's)."""
        if kind == "day":
            return cls(kind, day.year, day.timetuple().tm_yday)
        return cls(kind, day.year, 1 if kind == "nine_months" else (day.month - 1) // _MONTHS[kind] + 1)

    def __str__(self) -> str:
        if self.kind == "day":
            return self.start.isoformat()
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
        if self.kind == "day":
            return date(self.year, 1, 1) + timedelta(days=self.number - 1)
        return date(self.year, self.first_month, 1)

    @property
    def end(self) -> date:
        """The period's last day."""
        if self.kind == "day":
            return self.start
        return date(self.year, self.last_month, gregorian.monthrange(self.year, self.last_month)[1])

    @property
    def first_month(self) -> int:
        """The month (1 to 12) in which the period begins."""
        return self.start.month if self.kind == "day" else self.last_month - _MONTHS[self.kind] + 1

    @property
    def last_month(self) -> int:
        """The month (1 to 12) in which the period ends."""
        return self.start.month if self.kind == "day" else _MONTHS[self.kind] * self.number

    @property
    def in_year(self) -> int:
        """How many periods of this kind its year has."""
        if self.kind == "day":
            return 366 if gregorian.isleap(self.year) else 365
        return 1 if self.kind == "nine_months" else 12 // _MONTHS[self.kind]

    def tiles(self, kind: str) -> tuple[Period, ...]:
        """Return the periods of this kind that make up this one, in order: itself, or at least two; nothing if they do
        not."""
        if kind == self.kind:
            return (self,)
        numbers = range(1, Period(kind, self.year).in_year + 1)
        found = [Period(kind, self.year, number) for number in numbers]
        found = [item for item in found if self.start <= item.start and item.end <= self.end]
        days = sum((item.end - item.start).days + 1 for item in found)
        return tuple(found) if len(found) > 1 and days == (self.end - self.start).days + 1 else ()

    @property
    def previous(self) -> Period:
        """The period of the same kind just before; of a nine-month period, the year before's."""
        if self.number > 1:
            return Period(self.kind, self.year, self.number - 1)
        return Period(self.kind, self.year - 1, Period(self.kind, self.year - 1).in_year)

    @property
    def next(self) -> Period:
        """The period of the same kind just after; of a nine-month period, the year after's."""
        if self.number < self.in_year:
            return Period(self.kind, self.year, self.number + 1)
        return Period(self.kind, self.year + 1)

    @property
    def year_before(self) -> Period:
        """The same period of the year before ("cùng kỳ năm trước"); of 29 February, the 28th."""
        if self.kind == "day":
            return Period.of("day", day_of_month(self.year - 1, self.start.month, self.start.day))
        return Period(self.kind, self.year - 1, self.number)

    @property
    def window(self) -> Window:
        """The cut-off window of Đ12: the days whose data belong to a report on this period. A request about one day
        (which Đ12 does not know) has that day."""
        if self.kind == "day":
            return Window(self.start, self.start)
        before = self.start - timedelta(days=1)
        return Window(before.replace(day=15), date(self.year, self.last_month, 14))


def _malformed(text: str) -> Invalid:
    return Invalid("period.malformed", f"{text!r} is no period", f"Kỳ báo cáo không hợp lệ: {text}.")


class Window(NamedTuple):
    """The first and the last day of data, both included."""

    first: date
    last: date


def day_of_month(year: int, month: int, day: int) -> date:
    """Return this day; `month` counts on beyond 12 and below 1, a day that the month lacks is its last one."""
    year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    return date(year, month, min(day, gregorian.monthrange(year, month)[1]))


class _Seed(NamedTuple):
    off: Mapping[date, str]
    worked: frozenset[date]


@lru_cache(maxsize=512)
def _seed(year: int) -> _Seed:
    # Of a swap the package lists the day given under its own year, the day worked instead under all years.
    import holidays

    known = holidays.country_holidays("VN", years=year, language="vi")
    return _Seed(dict(known.items()), frozenset(day for day in known.weekend_workdays if day.year == year))


_WEEKLY = {5: "Thứ Bảy", 6: "Chủ nhật"}


@dataclass(frozen=True, slots=True)
class WorkingCalendar:
    """Which days offices work: Monday to Friday but for holidays, with the official swaps the seed knows, and before
    all of that what the administrator decided. `off` and `worked` are the administrator's days with their names."""

    off: Mapping[date, str] = field(default_factory=dict)
    worked: Mapping[date, str] = field(default_factory=dict)

    def day_off(self, day: date) -> str | None:
        """Return why offices are closed on this day (the holiday, "Thứ Bảy", "Chủ nhật"); None: they work."""
        if day in self.worked:
            return None
        if day in self.off:
            return self.off[day]
        seed = _seed(day.year)
        if day in seed.off:
            return seed.off[day]
        return None if day in seed.worked else _WEEKLY.get(day.weekday())

    def is_working_day(self, day: date) -> bool:
        """Tell whether offices work on this day."""
        return self.day_off(day) is None

    def next_working_day(self, day: date) -> date:
        """Return this day if offices work on it, else the first later day on which they do."""
        while not self.is_working_day(day):
            day += timedelta(days=1)
        return day

    def previous_working_day(self, day: date) -> date:
        """Return this day if offices work on it, else the last earlier day on which they do."""
        while not self.is_working_day(day):
            day -= timedelta(days=1)
        return day

    def add_working_days(self, day: date, count: int) -> date:
        """Return the `count`-th working day after this day (which itself is not counted); before it, if negative."""
        step = timedelta(days=1 if count >= 0 else -1)
        for _ in range(abs(count)):
            day += step
            while not self.is_working_day(day):
                day += step
        return day


def local_date(instant: datetime) -> date:
    """Return the day it was in Vietnam at this instant (which must carry its zone)."""
    return instant.astimezone(VIETNAM).date()


def period_in_words(period: str) -> str:
    """Return a period in words: "năm 2016", "quý 1 năm 2016", "tháng 3 năm 2016", "6 tháng đầu năm 2016", "ngày
    25/3/2016"."""
    try:
        read = Period.parse(period)
    except Invalid:
        return f"kỳ {period}"
    in_words = {
        "year": f"năm {read.year}",
        "nine_months": f"9 tháng năm {read.year}",
        "half": f"6 tháng {'đầu' if read.number == 1 else 'cuối'} năm {read.year}",
        "quarter": f"quý {read.number} năm {read.year}",
        "month": f"tháng {read.number} năm {read.year}",
        "day": f"ngày {read.end.day}/{read.end.month}/{read.year}",
    }
    return in_words[read.kind]
