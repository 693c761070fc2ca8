"""Windows, deadlines and ladders of regimes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import catalogue
from shared.calendar import Period, WorkingCalendar
from shared.catalogue.almanac import regime_calendar
from shared.catalogue.entries import DataWindow, Deadline, Form, Intake, Regime, Step, Years
from shared.catalogue.schedules import Schedule, asked, first_asked, last_asked
from shared.errors import Invalid
from tests.unit.shared.test_calendar import CALENDARS, PERIODS, PROVINCE


def regime(**changes: Any) -> Regime:
    of = {"id": "R", "name": "Chế độ", "decision": "QĐ", "period_kind": "month", "level": "province"}
    return Regime(**{**of, "deadline": Deadline(day=25), **changes})


def due(period: str, level: str | None = None, **changes: Any) -> str:
    return f"{Schedule(regime(**changes), PROVINCE).due(Period.parse(period), level).at:%Y-%m-%d %H:%M}"


TILING_WINDOWS = st.one_of(
    st.builds(
        lambda day, months: DataWindow(from_day=day + 1, to_day=day, from_months=months + 1, to_months=months),
        st.integers(1, 27),
        st.integers(0, 11),
    ),
    st.builds(lambda months: DataWindow(1, 31, months, months), st.integers(0, 12)),
    st.none(),
)
"""Windows whose last day is the eve of the next one's first: decree 09's, whole months, and the like."""


@given(TILING_WINDOWS, PERIODS.filter(lambda period: period.kind not in ("nine_months", "day")))
def test_windows_tile(window: DataWindow | None, period: Period) -> None:
    schedule = Schedule(regime(window=window), WorkingCalendar())
    assert schedule.window(period).last + timedelta(days=1) == schedule.window(period.next).first
    inside = range(period.first_month, period.last_month + 1)
    months = [Period("month", period.year, number) for number in inside]
    windows = [schedule.window(month) for month in months]
    assert (windows[0].first, windows[-1].last) == schedule.window(period)
    assert all(a.last + timedelta(days=1) == b.first for a, b in pairwise(windows))


def test_a_regime_may_have_a_window_of_its_own() -> None:
    schedule = Schedule(regime(window=DataWindow(from_day=20, to_day=19, from_months=1)), PROVINCE)
    assert schedule.window(Period.parse("2026-01")) == (date(2025, 12, 20), date(2026, 1, 19))
    assert schedule.window(Period.parse("2026-Q1")) == (date(2025, 12, 20), date(2026, 3, 19))


DEADLINES = st.builds(
    Deadline,
    day=st.integers(1, 31),
    hour=st.integers(0, 23),
    minute=st.integers(0, 59),
    month=st.none() | st.integers(1, 24),
    months_after=st.integers(0, 12),
)
REGIMES = st.builds(
    lambda deadline, kind, moves: regime(deadline=deadline, kind=kind, moves=moves if kind == "thematic" else None),
    DEADLINES,
    st.sampled_from(("periodic", "thematic", "ad_hoc")),
    st.booleans(),
)


@given(REGIMES, CALENDARS, PERIODS, st.integers(2023, 2027), st.integers(1, 15))
def test_deadlines_are_monotone_in_periods(
    of: Regime, calendar: WorkingCalendar, period: Period, year: int, ahead: int
) -> None:
    period = replace(period, year=year)
    schedule, later = Schedule(of, calendar), period
    for _ in range(ahead):
        later = later.next
    assert schedule.due(period, None).at <= schedule.due(later, None).at


@given(DEADLINES, DEADLINES, CALENDARS, st.integers(2023, 2027), st.integers(1, 12))
def test_deadlines_are_monotone_along_the_ladder(
    one: Deadline, other: Deadline, calendar: WorkingCalendar, year: int, month: int
) -> None:
    # At the same time of day: a shift may bring 17:00 of Saturday behind 09:00 of Sunday, which publication refuses.
    period, clock = Period("month", year, month), time(17, 30)
    ladders = [msgspec.structs.replace(item, hour=17, minute=30) for item in (one, other)]
    low, high = sorted(
        (Schedule(regime(deadline=item), calendar).due(period, None) for item in ladders), key=lambda due: due.nominal
    )
    assert low.at <= high.at
    assert low.at.time() == high.at.time() == clock


@given(REGIMES, CALENDARS, PERIODS)
def test_a_deadline_never_comes_early_and_moves_only_onto_a_working_day(
    of: Regime, calendar: WorkingCalendar, period: Period
) -> None:
    found = Schedule(of, calendar).due(period, None)
    assert found.nominal <= found.at
    if of.kind == "periodic" or of.moves:
        assert calendar.is_working_day(found.at.date())
        assert (found.nominal == found.at) == (not found.because)
    else:
        assert found.nominal == found.at


def test_deadlines_are_in_vietnams_time() -> None:
    schedule = Schedule(regime(deadline=Deadline(day=25, month=12)), PROVINCE)
    assert schedule.due(Period.parse("2025"), None).at == datetime(2025, 12, 25, 10, 0, tzinfo=UTC)


def test_a_deadline_is_in_the_periods_last_month_or_some_months_after() -> None:
    assert due("2026-Q1") == "2026-03-25 17:00"
    assert due("2026-12", deadline=Deadline(day=5, months_after=1)) == "2027-01-05 17:00"
    assert due("2025", deadline=Deadline(day=31, month=14, hour=9, minute=30)) == "2026-03-02 09:30"  # 28 Feb: Sat


def test_each_level_of_the_ladder_has_its_own_deadline() -> None:
    # As in circular 02/2023/TT-BTTTT: those who report by the 15th, those who put it together by the 16th.
    ladder = [Step(level="commune", day=15), Step(level="agency", day=16, hour=11, minute=30)]
    assert due("2026-09", "commune", ladder=ladder) == "2026-09-15 17:00"
    assert due("2026-09", "agency", ladder=ladder) == "2026-09-16 11:30"
    assert due("2026-09", "province", ladder=ladder) == "2026-09-25 17:00"


def test_periodic_deadlines_move_ad_hoc_ones_never_and_thematic_ones_say() -> None:
    sunday = {"deadline": Deadline(day=25)}  # 25 January 2026
    assert due("2026-01", **sunday) == "2026-01-26 17:00"
    assert due("2026-01", kind="ad_hoc", **sunday) == "2026-01-25 17:00"
    assert due("2026-01", kind="thematic", moves=False, **sunday) == "2026-01-25 17:00"
    assert due("2026-01", kind="thematic", moves=True, **sunday) == "2026-01-26 17:00"


def test_a_deadline_says_over_which_days_off_it_moved() -> None:
    found = Schedule(regime(deadline=Deadline(day=14)), PROVINCE).due(Period.parse("2026-02"), None)
    assert found.at.date() == date(2026, 2, 23)
    assert found.because[0] == "Thứ Bảy"
    assert "Tết Nguyên Đán" in found.because
    assert len(found.because) == len(set(found.because))


def test_the_intake_opens_before_the_window_ends_and_closes_after_the_deadline() -> None:
    schedule = Schedule(regime(intake=Intake(opens_days_before=4, closes_days_after=10)), PROVINCE)
    period = Period.parse("2026-09")
    assert schedule.opens(period) == datetime(2026, 9, 9, 17, tzinfo=UTC)
    assert schedule.closes(period, None) == datetime(2026, 10, 5, 10, tzinfo=UTC)
    always = Schedule(regime(), PROVINCE)
    assert (always.opens(period), always.closes(period, None)) == (None, None)


@pytest.mark.parametrize(
    ("kind", "years", "until", "found"),
    [
        ("year", Years(2005, 2007), "2026-01-01", ["2005", "2006", "2007"]),
        ("year", Years(2025), "2026-12-31", ["2025", "2026"]),
        ("quarter", Years("2025-Q3", "2026-Q1"), "2030-01-01", ["2025-Q3", "2025-Q4", "2026-Q1"]),
        ("month", Years("2025-07"), "2025-09-01", ["2025-07", "2025-08", "2025-09"]),
        ("month", Years("2025", "2025"), "2025-02-15", ["2025-01", "2025-02"]),
        ("nine_months", Years(2025), "2026-06-01", ["2025-9M", "2026-9M"]),
        ("day", Years("2026-11-25", "2026-11-25"), "2030-01-01", ["2026-11-25"]),
        ("half", Years(2026, 2025), "2030-01-01", []),
    ],
)
def test_periods_are_asked_for_from_first_to_last_as_far_as_the_horizon(
    kind: str, years: Years, until: str, found: list[str]
) -> None:
    assert [str(period) for period in asked(kind, years, date.fromisoformat(until))] == found


@pytest.mark.parametrize(
    ("kind", "bound"), [("month", "2026-Q1"), ("year", "2026-01"), ("month", "năm nay"), ("year", 16)]
)
def test_a_bound_that_is_no_period_of_the_forms_kind_is_refused(kind: str, bound: int | str) -> None:
    for read in (first_asked, last_asked):
        with pytest.raises(Invalid, match=r"period\.malformed"):
            read(kind, Years(bound, bound))


def test_the_provinces_yearly_calendar_is_known() -> None:
    entries = catalogue.read()
    of = next(entry for entry in entries["regimes"] if entry["id"] == "KTXH-NAM")
    found = regime_calendar(msgspec.convert(of, Regime), msgspec.convert(entries["forms"], list[Form]), PROVINCE, 2022)
    (period,) = found.periods
    assert (period.period, period.window_from, period.window_to) == ("2022", date(2021, 12, 15), date(2022, 12, 14))
    last = period.deadlines[-1]  # 25 December 2022 was a Sunday
    assert (last.nominal.date(), last.at.date(), last.because) == (date(2022, 12, 25), date(2022, 12, 26), ["Chủ nhật"])


def test_a_regimes_calendar_keeps_to_its_validity() -> None:
    of = regime(valid_from=date(2026, 3, 1), valid_to=date(2026, 6, 1))
    form = msgspec.convert(
        {"id": "F", "name": "Biểu", "regime": "R", "period_kind": "month", "owed_by": [], "periods": {"from": 2025}},
        Form,
    )
    periods = regime_calendar(of, [form], PROVINCE, 2026).periods
    assert [period.period for period in periods] == ["2026-03", "2026-04", "2026-05"]
