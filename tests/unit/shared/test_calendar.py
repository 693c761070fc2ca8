"""Periods, cut-off windows, working days, deadlines."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.calendar import (
    VIETNAM,
    Period,
    deadline,
    is_working_day,
    local_date,
    next_working_day,
    vietnam_days_off,
)
from shared.errors import Invalid

YEARS = st.integers(min_value=2001, max_value=2090)
NUMBERS = {"year": 1, "nine_months": 1, "half": 2, "quarter": 4, "month": 12}
PERIODS = st.sampled_from(sorted(NUMBERS)).flatmap(
    lambda kind: st.builds(Period, st.just(kind), YEARS, st.integers(1, NUMBERS[kind]))
)
TILING = PERIODS.filter(lambda period: period.kind != "nine_months")


@given(PERIODS)
def test_a_period_reads_back_what_it_writes(period: Period) -> None:
    assert Period.parse(str(period)) == period


@pytest.mark.parametrize(
    "text", ["", "16", "2016-Q5", "2016-13", "2016-00", "2016-H3", "2016-9m", "0000", "٢٠١٦", "2016 "]
)
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        Period.parse(text)
    assert caught.value.code == "period.malformed"


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2016", "2015-12-15", "2016-12-14"),
        ("2016-H1", "2015-12-15", "2016-06-14"),
        ("2016-H2", "2016-06-15", "2016-12-14"),
        ("2016-9M", "2015-12-15", "2016-09-14"),
        ("2016-Q1", "2015-12-15", "2016-03-14"),
        ("2016-Q3", "2016-06-15", "2016-09-14"),
        ("2016-01", "2015-12-15", "2016-01-14"),
        ("2016-03", "2016-02-15", "2016-03-14"),
    ],
)
def test_windows_are_those_of_decree_09_article_12(text: str, first: str, last: str) -> None:
    assert Period.parse(text).window == (date.fromisoformat(first), date.fromisoformat(last))


@given(TILING)
def test_windows_tile_time(period: Period) -> None:
    assert period.previous.window.last + timedelta(days=1) == period.window.first
    assert period.previous.end + timedelta(days=1) == period.start


@given(YEARS, st.integers(1, 4))
def test_three_monthly_windows_are_a_quarters(year: int, quarter: int) -> None:
    months = [Period("month", year, 3 * quarter - 2 + offset) for offset in range(3)]
    window = Period("quarter", year, quarter).window
    assert (months[0].window.first, months[-1].window.last) == window


@given(PERIODS)
def test_the_same_period_a_year_before_lies_a_year_before(period: Period) -> None:
    assert period.year_before.start == period.start.replace(year=period.year - 1)
    assert period.year_before.kind == period.kind


DAYS_OFF = st.frozensets(st.dates(date(2025, 1, 1), date(2027, 12, 31)), max_size=30)


@given(st.integers(1, 24), st.integers(1, 24), st.integers(1, 31), st.integers(1, 31), DAYS_OFF)
def test_deadlines_never_change_their_order(
    month: int, other_month: int, day: int, other_day: int, off: frozenset[date]
) -> None:
    period = Period("year", 2025)
    earlier, later = sorted([(month, day), (other_month, other_day)])
    assert deadline(period, *earlier, 17, off) <= deadline(period, *later, 17, off)


@given(st.integers(1, 24), st.integers(1, 31), DAYS_OFF)
def test_a_deadline_falls_on_a_working_day_and_never_early(month: int, day: int, off: frozenset[date]) -> None:
    due = deadline(Period("year", 2025), month, day, 17, off)
    assert is_working_day(due.date(), off)
    nominal = date(2025 + (month - 1) // 12, (month - 1) % 12 + 1, 1) + timedelta(days=min(day, 28) - 1)
    assert due.date() >= nominal


def test_a_yearly_deadline_is_in_vietnams_time() -> None:
    due = deadline(Period("year", 2025), 12, 25, 17)
    assert due == datetime(2025, 12, 25, 10, 0, tzinfo=UTC)
    assert due.tzinfo is VIETNAM


def test_a_deadline_without_a_month_is_in_the_periods_last_one() -> None:
    assert deadline(Period("quarter", 2026, 1), None, 25, 17).date() == date(2026, 3, 25)


def test_a_deadline_on_a_sunday_moves_to_monday() -> None:
    assert deadline(Period("month", 2026, 1), None, 25, 17).date() == date(2026, 1, 26)


def test_the_swap_of_january_2026_is_known() -> None:
    assert not is_working_day(date(2026, 1, 2))
    assert is_working_day(date(2026, 1, 10))
    assert next_working_day(date(2026, 1, 1)) == date(2026, 1, 5)


def test_an_administrators_calendar_overrides_the_seed() -> None:
    off = frozenset({date(2026, 3, 2)})
    assert next_working_day(date(2026, 3, 2), off, worked=[]) == date(2026, 3, 3)
    assert not is_working_day(date(2026, 1, 10), off, worked=[])


def test_national_day_is_off() -> None:
    assert date(2026, 9, 2) in vietnam_days_off(2026)


def test_a_late_evening_in_utc_is_the_next_day_in_vietnam() -> None:
    assert local_date(datetime(2026, 12, 14, 17, 30, tzinfo=UTC)) == date(2026, 12, 15)
