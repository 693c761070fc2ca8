"""Faults of the calendar and of regimes' deadlines: refused at load and at publication, with their place."""

from __future__ import annotations

from typing import Any

import pytest

from services.indicators.testing import small_load
from tests.unit.indicators.test_forms import faults, regime

OFF = {"off": True, "name": "Nghỉ", "decision": "QĐ 1"}
COMMUNES = {"owed_by": {"each": "commune"}, "periods": {"from": "2026-01", "to": "2027-12"}}


def loaded(*, form: dict[str, Any] | None = None, calendar: list[dict[str, Any]] | None = None, **changes: Any) -> Any:
    load = small_load()
    regime(**changes)(load)
    load["forms"][0].update(form or {})
    load["calendar"] = calendar or []
    return faults(load)


@pytest.mark.parametrize(
    ("changes", "place", "code"),
    [
        # The window of Đ12 ends on the 14th: due that day, or so early on the 15th that no working day lies between.
        ({"deadline": {"day": 14}}, "deadline", "no_working_day"),
        ({"deadline": {"day": 15, "hour": 9}}, "deadline", "no_working_day"),
        ({"ladder": [{"level": "agency", "day": 14}]}, "ladder[agency]", "no_working_day"),
        # 15 February 2026 is a Sunday in Tết: a deadline that does not move leaves no working day after the 14th.
        ({"deadline": {"day": 15}, "kind": "thematic", "moves": False}, "deadline", "no_working_day"),
        ({"deadline": {"day": 20}, "window": {"from_day": 1, "to_day": 31}}, "deadline", "no_working_day"),
        ({"deadline": {"day": 10}, "kind": "ad_hoc"}, "deadline", "no_working_day"),
        ({"ladder": [{"level": "commune", "day": 22}]}, "ladder", "ladder"),
        ({"ladder": [{"level": "commune", "day": 20, "minute": 1}]}, "ladder", "ladder"),
        ({"ladder": [{"level": "agency", "day": 18}] * 2}, "ladder", "twice"),
        ({"moves": True}, "moves", "moves"),
    ],
)
def test_a_fault_of_a_regimes_time_is_told_with_its_place(changes: dict[str, Any], place: str, code: str) -> None:
    assert (f"regimes[GD-THANG].{place}", code) in loaded(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"deadline": {"day": 15}},  # moves off every day off, and the day itself is worked
        {"deadline": {"day": 14}, "kind": "ad_hoc"},  # follows its request
        {"ladder": [{"level": "commune", "day": 15}, {"level": "agency", "day": 16}]},
        {"deadline": {"day": 5, "months_after": 1}, "window": {"from_day": 1, "to_day": 31}},
    ],
)
def test_a_sound_regime_is_taken(changes: dict[str, Any]) -> None:
    assert loaded(**changes) == []


def test_a_shift_may_not_bring_a_lower_level_behind_an_upper_one() -> None:
    # Saturday 17:00 and Sunday 09:00 (17 and 18 October 2026) both move to Monday: 17:00 and 09:00.
    ladder = [{"level": "commune", "day": 17}, {"level": "agency", "day": 18, "hour": 9}]
    assert loaded(ladder=ladder) == [("regimes[GD-THANG].ladder", "ladder")]


def test_levels_that_owe_nothing_are_not_compared() -> None:
    only_communes = {"deadline": {"day": 20}, "ladder": [{"level": "commune", "day": 25}]}
    assert loaded(form=COMMUNES, **only_communes) == []
    assert loaded(**only_communes) == [("regimes[GD-THANG].ladder", "ladder")]


def test_the_administrators_calendar_is_looked_at_for_the_periods_that_forms_ask_for() -> None:
    closed = [{"id": f"2026-09-{day}", **OFF} for day in range(15, 21)]
    thematic = {"deadline": {"day": 18}, "kind": "thematic", "moves": False}
    october = {"periods": {"from": "2026-09", "to": "2026-10"}}
    assert loaded(form=october, **thematic) == []
    assert loaded(form=october, calendar=closed, **thematic) == [("regimes[GD-THANG].deadline", "no_working_day")]


def test_calendar_days_are_days_and_name_their_decision() -> None:
    found = loaded(calendar=[{"id": "2026-02-30", **OFF}, {"id": "2026-02-27", **OFF, "decision": " "}])
    assert found == [("calendar[2026-02-30].id", "day"), ("calendar[2026-02-27].decision", "no_decision")]
    assert loaded(calendar=[{"id": "2026-02-27", **OFF}] * 2) == [("calendar[2026-02-27]", "twice")]
