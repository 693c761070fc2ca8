"""Periods, cut-off windows, working days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

import catalogue
from shared.calendar import Period, WorkingCalendar, local_date
from shared.catalogue.entries import CalendarDay
from shared.catalogue.schedules import working_calendar
from shared.errors import Invalid

YEARS = st.integers(min_value=2001, max_value=2090)
NUMBERS = {"year": 1, "nine_months": 1, "half": 2, "quarter": 4, "month": 12, "day": 365}
PERIODS = st.sampled_from(sorted(NUMBERS)).flatmap(
    lambda kind: st.builds(Period, st.just(kind), YEARS, st.integers(1, NUMBERS[kind]))
)
TILING = PERIODS.filter(lambda period: period.kind != "nine_months")
DAYS = st.dates(date(2023, 1, 1), date(2028, 12, 31))


@given(PERIODS)
def test_a_period_reads_back_what_it_writes(period: Period) -> None:
    assert Period.parse(str(period)) == period


@pytest.mark.parametrize(
    "text",
    [
        "",
        "16",
        "2016-Q5",
        "2016-13",
        "2016-00",
        "2016-H3",
        "2016-9m",
        "0000",
        "1899",
        "2200",
        "٢٠١٦",
        "2016 ",
        "2026-02-29",
        "2026-11-31",
        "2026-11-5",
        "2026-Q1-01",
    ],
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
        ("2016-03-25", "2016-03-25", "2016-03-25"),
    ],
)
def test_windows_are_those_of_decree_09_article_12(text: str, first: str, last: str) -> None:
    assert Period.parse(text).window == (date.fromisoformat(first), date.fromisoformat(last))


@given(TILING)
def test_windows_tile_time(period: Period) -> None:
    assert period.previous.window.last + timedelta(days=1) == period.window.first
    assert period.previous.end + timedelta(days=1) == period.start


@given(PERIODS)
def test_the_period_after_the_one_before_is_the_period(period: Period) -> None:
    assert period.previous.next == period.next.previous == period


@given(PERIODS)
def test_a_year_has_as_many_periods_as_it_says(period: Period) -> None:
    assert Period(period.kind, period.year, period.in_year).next.year == period.year + 1


@given(YEARS, st.integers(1, 4))
def test_three_monthly_windows_are_a_quarters(year: int, quarter: int) -> None:
    months = [Period("month", year, 3 * quarter - 2 + offset) for offset in range(3)]
    window = Period("quarter", year, quarter).window
    assert (months[0].window.first, months[-1].window.last) == window


@given(PERIODS)
def test_the_same_period_a_year_before_lies_a_year_before(period: Period) -> None:
    before = period.year_before
    assert (before.kind, before.year) == (period.kind, period.year - 1)
    assert (before.start.month, min(before.start.day, 28)) == (period.start.month, min(period.start.day, 28))


def test_a_leap_day_is_compared_with_the_last_of_february() -> None:
    assert str(Period.parse("2024-02-29").year_before) == "2023-02-28"


# -- working days ----------------------------------------------------------------------------------------------------

PROVINCE = working_calendar(CalendarDay(**entry) for entry in catalogue.read()["calendar"])
"""The calendar as Lai Châu's catalogue has it: the seed and the swap that it lacks."""

KNOWN_DAYS_OFF = {
    # Tết 2024, 8 to 14 February; National Day 31 August to 3 September: notice of the Ministry of Labour, as reported
    # by sucsongtre.vn ("Cán bộ, công chức … nghỉ Tết Nguyên đán Giáp Thìn 7 ngày").
    "Tết 2024": ("2024-02-08", "2024-02-14"),
    "National Day 2024": ("2024-08-31", "2024-09-03"),
    # 27 April to 1 May 2024, 29 April swapped with 4 May: official letter 2450/VPCP-KGVX of 12 April 2024
    # (baotintuc.vn, baophapluat.vn).
    "30 April 2024": ("2024-04-27", "2024-05-01"),
    # Tết 2025, nine days running, 25 January to 2 February, and National Day 30 August to 2 September: official letter
    # 8726/VPCP-KGVX of 26 November 2024 (pld.net.vn) and notice 6150/TB-BLĐTBXH (cited by the package; not read here).
    "Tết 2025": ("2025-01-25", "2025-02-02"),
    # 30 April to 4 May 2025, 2 May swapped with 26 April: TTXVN/VietnamPlus ("Công chức, viên chức được nghỉ thế nào
    # trong dịp lễ 30/4-1/5/2025?").
    "30 April 2025": ("2025-04-30", "2025-05-04"),
    "National Day 2025": ("2025-08-30", "2025-09-02"),
    # 1 to 4 January 2026, the 2nd swapped with 10 January: official letter 12729/VPCP-KGVX of 25 December 2025 (as
    # reported in the press). The package lacks it; the catalogue's calendar has it.
    "New Year 2026": ("2026-01-01", "2026-01-04"),
    # Tết 2026, 14 to 22 February: congan.com.vn ("Chính thức chốt phương án Tết Nguyên đán Bính Ngọ 2026 nghỉ 9 ngày").
    "Tết 2026": ("2026-02-14", "2026-02-22"),
    # Giỗ Tổ (10th of the 3rd lunar month) fell on Sunday 26 April 2026: compensated on the 27th (Labour Code Đ111.3).
    "Giỗ Tổ 2026": ("2026-04-25", "2026-04-27"),
    # 31 August swapped with 22 August 2026: as the package has it, citing thuvienphapluat.vn; the decision itself was
    # not found, so this asserts only that the seed is what we think it is.
    "National Day 2026": ("2026-08-29", "2026-09-02"),
    # 1 May 2027 is a Saturday: compensated on Monday 3 May (Labour Code Đ111.3).
    "1 May 2027": ("2027-04-30", "2027-05-03"),
}


@pytest.mark.parametrize("occasion", KNOWN_DAYS_OFF)
def test_official_days_off_are_off_and_the_days_around_them_are_worked(occasion: str) -> None:
    first, last = (date.fromisoformat(text) for text in KNOWN_DAYS_OFF[occasion])
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    assert [day for day in days if PROVINCE.is_working_day(day)] == []
    assert PROVINCE.is_working_day(last + timedelta(days=1))
    assert PROVINCE.is_working_day(first - timedelta(days=1))


@pytest.mark.parametrize("day", ["2024-05-04", "2025-04-26", "2026-01-10", "2026-08-22"])
def test_saturdays_worked_in_exchange_are_working_days(day: str) -> None:
    assert date.fromisoformat(day).weekday() == 5
    assert PROVINCE.is_working_day(date.fromisoformat(day))


@pytest.mark.parametrize(
    ("day", "following"),
    [
        ("2026-01-01", "2026-01-05"),
        ("2026-01-10", "2026-01-10"),
        ("2026-02-14", "2026-02-23"),
        ("2024-05-04", "2024-05-04"),
        ("2024-09-01", "2024-09-04"),
        ("2022-12-25", "2022-12-26"),
    ],
)
def test_the_next_working_day_is_known(day: str, following: str) -> None:
    assert PROVINCE.next_working_day(date.fromisoformat(day)) == date.fromisoformat(following)


def test_the_seed_alone_lacks_the_swap_of_january_2026() -> None:
    assert WorkingCalendar().is_working_day(date(2026, 1, 2))
    assert not WorkingCalendar().is_working_day(date(2026, 1, 10))
    assert PROVINCE.day_off(date(2026, 1, 2)) == "Nghỉ Tết Dương lịch 2026 (hoán đổi với ngày 10/01/2026)"


def test_where_the_seed_moves_tet_2027_backwards_the_administrator_sets_it_right() -> None:
    # Labour Code Đ111.3: a holiday on a weekly day off is compensated on the NEXT working day, and Tết's first two days
    # of 2027 are a weekend. The package gives 4 February instead. The Prime Minister's decision on Tết 2027 was not
    # found, so nothing is asserted of what the law will be: only that a decision can be put in.
    seed = WorkingCalendar()
    assert [seed.is_working_day(date(2027, 2, day)) for day in (3, 4, 5, 8, 9, 10, 11)] == [
        True, False, False, False, False, False, True,
    ]  # fmt: skip
    decided = working_calendar(
        [
            CalendarDay(id="2027-02-04", off=False, name="Ngày làm việc", decision="thử nghiệm"),
            CalendarDay(id="2027-02-11", off=True, name="Nghỉ bù Tết", decision="thử nghiệm"),
        ]
    )
    assert [decided.is_working_day(date(2027, 2, day)) for day in (4, 5, 10, 11, 12)] == [
        True, False, False, False, True,
    ]  # fmt: skip


def test_a_day_off_says_why() -> None:
    assert PROVINCE.day_off(date(2024, 4, 29)) == "Ngày nghỉ (thay cho ngày 04/05/2024)"
    assert PROVINCE.day_off(date(2026, 9, 2)) == "Quốc khánh"
    assert PROVINCE.day_off(date(2026, 11, 28)) == "Thứ Bảy"
    assert PROVINCE.day_off(date(2026, 11, 25)) is None


CALENDARS = st.builds(
    lambda off, worked: WorkingCalendar(dict.fromkeys(off, "nghỉ"), dict.fromkeys(worked, "làm bù")),
    st.frozensets(DAYS, max_size=30),
    st.frozensets(DAYS, max_size=30),
)


@given(CALENDARS, DAYS)
def test_next_and_previous_working_days_are_the_nearest_ones(calendar: WorkingCalendar, day: date) -> None:
    after, before = calendar.next_working_day(day), calendar.previous_working_day(day)
    assert before <= day <= after
    assert calendar.is_working_day(after)
    assert calendar.is_working_day(before)
    between = (before + timedelta(days=number) for number in range(1, (after - before).days))
    assert not any(calendar.is_working_day(item) for item in between if item != day)


@given(CALENDARS, DAYS, st.integers(1, 20))
def test_adding_working_days_can_be_taken_back(calendar: WorkingCalendar, day: date, count: int) -> None:
    start = calendar.next_working_day(day)
    there = calendar.add_working_days(start, count)
    assert there > start
    assert calendar.add_working_days(there, -count) == start
    assert calendar.add_working_days(start, 0) == start


def test_a_late_evening_in_utc_is_the_next_day_in_vietnam() -> None:
    assert local_date(datetime(2026, 12, 14, 17, 30, tzinfo=UTC)) == date(2026, 12, 15)


def test_periods_are_tiled_by_shorter_ones_or_not_at_all() -> None:
    assert [str(item) for item in Period.parse("2016-Q2").tiles("month")] == ["2016-04", "2016-05", "2016-06"]
    assert [str(item) for item in Period.parse("2016-9M").tiles("quarter")] == ["2016-Q1", "2016-Q2", "2016-Q3"]
    assert [str(item) for item in Period.parse("2016").tiles("half")] == ["2016-H1", "2016-H2"]
    assert len(Period.parse("2016-02").tiles("day")) == 29
    assert Period.parse("2016").tiles("year") == (Period.parse("2016"),)
    assert Period.parse("2016-Q1").tiles("year") == Period.parse("2016").tiles("nine_months") == ()
