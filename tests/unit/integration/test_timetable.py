"""When partners are called, and when what they are due leaves."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from services.integration.domain.partners import Limits, Partner, Permission, Quiet, Timetable
from services.integration.domain.timetable import faults, held, leaves_at, may_call_at, next_moment
from shared.calendar import VIETNAM, WorkingCalendar

CALENDAR = WorkingCalendar()
MOMENTS = st.integers(0, 3 * 365 * 86_400).map(lambda seconds: at("2024-01-01T00:00") + timedelta(seconds=seconds))
CLOCKS = st.tuples(st.integers(0, 23), st.integers(0, 59)).map(lambda at: f"{at[0]:02d}:{at[1]:02d}")
CRONS = st.sampled_from(["0 8 * * *", "30 23 15 * *", "*/20 7-9 * * 1-5", "0 6 1 */3 *", "15 12 * * 6", "0 0 29 2 *"])


def partner(**more: object) -> Partner:
    base = Partner(
        id="p",
        name="P",
        protocol="rest",
        endpoint="http://p",
        credential="c",
        forms=("A",),
        permission=Permission(decision="QĐ", focal_agency="LC-VP", valid_from=date(2025, 1, 1)),
    )
    return replace(base, **more)  # type: ignore[arg-type]  # fields of Partner


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=VIETNAM)


def test_a_permission_holds_by_days_of_vietnam() -> None:
    ends = Permission(decision="QĐ", focal_agency="LC-VP", valid_from=date(2025, 1, 1), valid_to=date(2025, 7, 1))
    bounded = partner(permission=ends)
    moments = ("2024-12-31T23:59", "2025-01-01T00:00", "2025-06-30T23:59", "2025-07-01T00:00")
    found = [held(bounded, at(moment)) for moment in moments]
    assert [hold and hold.code for hold in found] == ["not_yet", None, None, "lapsed"]
    assert may_call_at(bounded, at("2024-12-31T10:00")) == at("2025-01-01T00:00")
    assert may_call_at(bounded, at("2025-07-01T00:00")) is None
    assert may_call_at(partner(permission=None), at("2025-07-01T00:00")) is None
    suspended = held(partner(active=False, suspension="sự cố"), at("2025-03-01T00:00"))
    assert suspended is not None and suspended.code == "suspended" and "sự cố" in suspended.detail


@settings(deadline=None, max_examples=60)  # whether a minute of the day is left takes 1440 looks
@given(MOMENTS, st.lists(st.builds(Quiet, start=CLOCKS, until=CLOCKS), max_size=3))
def test_the_next_call_is_the_first_minute_outside_quiet_hours(moment: datetime, quiet: list[Quiet]) -> None:
    limits = Limits(quiet=tuple(quiet))
    if any(faults(Timetable(), limits)):
        return
    free = partner(limits=limits, permission=replace(partner().permission, valid_from=date(2020, 1, 1)))  # type: ignore[type-var]  # it has one
    called = may_call_at(free, moment)
    assert called is not None and moment <= called <= moment + timedelta(days=1) and held(free, called) is None
    minutes = range(0, int((called - moment).total_seconds() // 60), 37)
    assert all(held(free, moment + timedelta(minutes=minute)) is not None for minute in minutes)


def test_quiet_hours_may_reach_over_midnight() -> None:
    night = partner(limits=Limits(quiet=(Quiet(start="22:00", until="05:30"),)))
    assert may_call_at(night, at("2025-03-01T23:00")) == at("2025-03-02T05:30")
    assert may_call_at(night, at("2025-03-02T05:29")) == at("2025-03-02T05:30")
    assert may_call_at(night, at("2025-03-02T05:30")) == at("2025-03-02T05:30")


@settings(deadline=None)  # the days off of a year are computed once
@given(CRONS, MOMENTS, st.booleans())
def test_a_schedules_next_moment_is_later_and_on_a_working_day_if_so_said(
    cron: str, moment: datetime, working: bool
) -> None:
    timetable = Timetable(when="schedule", cron=cron, working_days=working)
    found = next_moment(timetable, moment, CALENDAR)
    assert found is not None and found > moment
    assert not working or CALENDAR.is_working_day(found.date())
    assert next_moment(timetable, found - timedelta(seconds=1), CALENDAR) == found
    plain = next_moment(replace(timetable, working_days=False), moment, CALENDAR)
    assert plain is not None and (working or plain == found)


def test_a_moment_on_a_day_off_is_not_lost_but_moves() -> None:
    monthly = Timetable(when="schedule", cron="0 8 15 * *", working_days=True)  # 15 March 2025 is a Saturday
    for text in ("2025-03-14T09:00", "2025-03-15T09:00", "2025-03-16T12:00", "2025-03-17T07:59"):
        assert next_moment(monthly, at(text), CALENDAR) == at("2025-03-17T08:00")
    assert next_moment(monthly, at("2025-03-17T08:00"), CALENDAR) == at("2025-04-15T08:00")
    weekend = Timetable(when="schedule", cron="0 20 * * 6", working_days=True)
    also_sunday = replace(weekend, cron="0 8,20 * * 6,0")
    assert next_moment(weekend, at("2025-03-16T12:00"), CALENDAR) == at("2025-03-17T20:00")
    assert next_moment(also_sunday, at("2025-03-16T12:00"), CALENDAR) == at("2025-03-17T08:00")


def test_what_is_due_leaves_on_release_by_schedule_or_when_somebody_says_so() -> None:
    now = at("2025-03-12T09:00")
    assert leaves_at(Timetable(), now, CALENDAR) == now
    assert leaves_at(Timetable(when="schedule", cron="0 8 * * *"), now, CALENDAR) == at("2025-03-13T08:00")
    assert leaves_at(Timetable(when="demand"), now, CALENDAR) is None


def test_what_can_never_come_round_is_found() -> None:
    def places(timetable: Timetable, *quiet: Quiet) -> list[str]:
        return [place for place, _ in faults(timetable, Limits(quiet=quiet))]

    assert places(Timetable()) == [] and places(Timetable(when="schedule", cron="0 8 * * 1-5")) == []
    for cron in ("", "0 8 * *", "0 0 31 2 *", "0 0 8 * * *", "nonsense a b c d"):
        assert "timetable.cron" in places(Timetable(when="schedule", cron=cron))
    assert places(Timetable(when="sometimes")) == ["timetable.when"]
    assert places(Timetable(), Quiet(start="8h", until="9h")) == ["limits.quiet[0]"]
    whole_day = (Quiet(start="00:00", until="12:00"), Quiet(start="12:00", until="00:00"))
    assert places(Timetable(), *whole_day) == ["limits.quiet"]
