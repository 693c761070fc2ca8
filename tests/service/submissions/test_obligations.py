"""Obligations on a real database: planned ahead, acted on, followed, counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from services.submissions import testing
from services.submissions.domain.obligations import submission_id
from services.submissions.storage import obligations as storage
from shared.contracts.events import (
    ObligationsAnnounced,
    Paper,
    SubmissionApproved,
    SubmissionReturned,
    SubmissionSubmitted,
)
from shared.contracts.views.submissions import SubmissionView
from shared.errors import Conflict, Forbidden, Invalid, NotFound
from tests.service.submissions.conftest import CLERK, OFFICE, SCHOOLS, WHOLE, Hub

COMMUNE = replace(CLERK, id="xa.nhaplieu", agency="X000")
AHEAD = datetime.now(UTC) + timedelta(days=10)
COMMUNES = ("X000", "X001", "X-MOI")
WHICH = {"form": "XA-NAM", "period": "2026", "reason": "mưa lũ"}


@pytest.fixture
def hub(database: Callable[[str], Engine]) -> Iterator[Hub]:
    """A service that has followed a catalogue in which communes stand under the province."""
    hub = Hub(database("submissions"))
    entries = testing.bodies()
    for unit in ("X000", "X001", "X-MOI", "X-CU", "LC-SGDDT"):
        entries["unit"][unit]["parent"] = "LC"
    hub.handle(hub.worker.on_catalogue_changed, testing.catalogue_event(entries))
    yield hub


def change(hub: Hub, version: int, kind: str, key: str, **values: Any) -> None:
    """Bring the next version of the catalogue, in which one entry has other values."""
    entries = testing.bodies()
    event = testing.catalogue_event({kind: {key: {**entries[kind][key], **values}}}, version)
    hub.handle(hub.worker.on_catalogue_changed, event)


def read(hub: Hub, unit: str = "X000", period: str = "2026", form: str = "XA-NAM") -> SubmissionView:
    return hub.service.read_submission(CLERK, submission_id(form, unit, period)).submission


def push(hub: Hub, unit: str = "X000", period: str = "2026", **options: Any) -> list[str]:
    """Push one figure; return the codes of what was not taken."""
    body = {"form": "XA-NAM", "unit": unit, "period": period, "figures": [{"indicator": "XA01", "value": 1}]}
    return [outcome.code or "" for outcome in hub.push(testing.push_event(body, **options)).outcomes]


# -- ahead -----------------------------------------------------------------------------------------------------------


def test_obligations_stand_ahead_as_far_as_the_horizon_and_no_further(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_SUBMISSIONS_AHEAD_DAYS", "40")
    change(hub, 2, "form", "XA-NAM", periods={"from": 2025})
    this_year = datetime.now(UTC).year
    periods = {item.period for item in hub.service.list_obligations(CLERK, form="XA-NAM", unit="X000").submissions}
    assert max(periods) == str((datetime.now(UTC) + timedelta(days=40)).year)
    assert str(this_year) in periods
    monkeypatch.setenv("HUB_SUBMISSIONS_AHEAD_DAYS", "800")
    hub.worker.plan_ahead()
    periods = {item.period for item in hub.service.list_obligations(CLERK, form="XA-NAM", unit="X000").submissions}
    assert str(this_year + 2) in periods


def test_planning_what_stands_writes_nothing(hub: Hub) -> None:
    def state() -> list[Any]:
        with hub.engine.begin() as connection:
            return list(connection.execute(text("SELECT xmin, id FROM submissions ORDER BY id")).all())

    before, actions = state(), hub.actions()
    hub.worker.plan_ahead()
    assert (state(), hub.actions()) == (before, actions)


def test_a_regime_owes_only_within_its_validity(hub: Hub) -> None:
    change(hub, 2, "regime", "KTXH-NAM", valid_from="2020-01-01", valid_to="2022-12-31")
    periods = {item.period for item in hub.service.list_obligations(CLERK, form="XA-NAM", unit="X000").submissions}
    assert periods == {"2020", "2021"}


def test_communes_under_a_unit_owe_with_the_deadline_of_their_level(hub: Hub) -> None:
    change(hub, 2, "regime", "KTXH-NAM", ladder=[{"level": "commune", "day": 20, "month": 12, "hour": 11}])
    owed = {"each": "commune", "under": "LC"}
    change(hub, 3, "form", "XA-NAM", owed_by=owed, periods={"from": "2023", "to": "2023"})
    found = hub.service.list_obligations(CLERK, form="XA-NAM").submissions
    assert {item.unit for item in found} == {"X000", "X001", "X-CU"}
    assert {f"{item.deadline:%Y-%m-%d %H:%M%z}" for item in found} == {"2023-12-20 04:00+0000"}
    change(
        hub, 4, "form", "XA-NAM", owed_by={"each": "commune", "under": "LC-SGDDT"}, periods={"from": 2023, "to": 2023}
    )
    assert hub.service.list_obligations(CLERK, form="XA-NAM").submissions == []


def test_the_administrators_calendar_moves_deadlines_of_what_is_not_approved(hub: Hub) -> None:
    day = {"off": True, "name": "Nghỉ", "decision": "QĐ 1"}
    event = testing.catalogue_event({"calendar_day": {"2024-12-25": day}}, 2)
    before = read(hub, period="2024").deadline
    hub.handle(hub.worker.on_catalogue_changed, event)
    after = read(hub, period="2024").deadline
    assert before is not None
    assert after is not None
    assert (before.date(), after.date()) == (date(2024, 12, 25), date(2024, 12, 26))


def test_an_ad_hoc_request_about_one_day_is_owed_and_due_on_a_sunday_as_it_says(hub: Hub) -> None:
    entries = testing.bodies()
    regime = {**entries["regime"]["KTXH-NAM"], "kind": "ad_hoc", "period_kind": "day"}
    form = {**entries["form"]["XA-NAM"], "regime": "MUALU-DX", "period_kind": "day"}
    delta: Any = {
        "regime": {"MUALU-DX": {**regime, "deadline": {"day": 29, "hour": 10, "minute": 30}}},
        "form": {"MUALU": {**form, "periods": {"from": "2025-06-28", "to": "2025-06-28"}}},
    }
    hub.handle(hub.worker.on_catalogue_changed, testing.catalogue_event(delta, 2))
    found = hub.service.list_obligations(CLERK, form="MUALU").submissions
    assert {item.unit for item in found} == {"X000", "X001", "X-CU"}
    assert {f"{item.deadline:%Y-%m-%d %H:%M%z}" for item in found} == {"2025-06-29 03:30+0000"}
    body = {"form": "MUALU", "unit": "X000", "period": "2025-06-28", "figures": [{"indicator": "XA01", "value": 3}]}
    assert hub.push(testing.push_event(body)).counts["accepted"] == 1
    assert read(hub, period="2025-06-28", form="MUALU").state == "draft"


# -- acts ------------------------------------------------------------------------------------------------------------


def test_an_extension_is_kept_with_its_reason_audited_and_told_to_each_agency(hub: Hub) -> None:
    result = hub.service.extend_obligations(OFFICE, "XA-NAM", "2015", AHEAD, "mưa lũ")
    assert (len(result.changed), result.unchanged, result.refused) == (3, 0, {})
    extended = read(hub, period="2015")
    assert (extended.extended_to, extended.late) == (AHEAD, False)
    events = [event for event in hub.events() if isinstance(event, ObligationsAnnounced)]
    assert {(event.agency, event.act, event.reason, event.until) for event in events} == {
        (agency, "extended", "mưa lũ", AHEAD) for agency in ("X000", "X001", "X-CU")
    }
    assert [item.due_by for event in events for item in event.obligations] == [AHEAD] * 3
    assert hub.actions().count("obligation.extended") == 3
    again = hub.service.extend_obligations(OFFICE, "XA-NAM", "2015", AHEAD, "mưa lũ")
    assert (again.announcement, again.changed, again.unchanged) == (None, [], 3)
    assert len([event for event in hub.events() if isinstance(event, ObligationsAnnounced)]) == 3
    history = hub.service.history(CLERK, extended.id).entries
    assert [(entry.what, entry.by, entry.reason, entry.until) for entry in history] == [
        ("extended", "office", "mưa lũ", AHEAD)
    ]


def test_an_extension_survives_a_change_of_the_catalogue(hub: Hub) -> None:
    hub.service.extend_obligations(OFFICE, "XA-NAM", "2015", AHEAD, "mưa lũ")
    change(hub, 2, "regime", "KTXH-NAM", deadline={"month": 12, "day": 20, "hour": 17})
    assert read(hub, period="2015").extended_to == AHEAD


def test_acts_need_a_reason_a_future_and_somebody_who_owes(hub: Hub) -> None:
    with pytest.raises(Invalid, match=r"submissions\.reason"):
        hub.service.waive_obligations(OFFICE, "XA-NAM", "2026", "  ")
    with pytest.raises(Invalid, match=r"submissions\.past"):
        hub.service.extend_obligations(OFFICE, "XA-NAM", "2015", datetime.now(UTC) - timedelta(days=1), "mưa lũ")
    assert read(hub, period="2015").extended_to is None
    with pytest.raises(NotFound, match="no_obligations"):
        hub.service.waive_obligations(OFFICE, "XA-NAM", "1999", "mưa lũ")
    with pytest.raises(NotFound, match="no_obligations"):
        hub.service.waive_obligations(OFFICE, "XA-NAM", "2024", "mưa lũ", unit="X-MOI")


def test_only_the_owner_within_the_scope_acts(hub: Hub) -> None:
    stranger = replace(OFFICE, rights=("obligations.manage",), agency="LC-SYT")
    with pytest.raises(Forbidden, match="not_owner"):
        hub.service.waive_obligations(stranger, "XA-NAM", "2026", "mưa lũ")
    with pytest.raises(Forbidden, match="right_missing"):
        hub.service.waive_obligations(CLERK, "XA-NAM", "2026", "mưa lũ")
    with pytest.raises(Forbidden, match="out_of_scope"):
        hub.service.waive_obligations(replace(OFFICE, units=("X000",)), "XA-NAM", "2026", "mưa lũ", unit="X001")
    change(hub, 2, "form", "XA-NAM", owner="LC-SYT")
    narrowed = replace(stranger, units=("X000",))
    assert hub.service.waive_obligations(narrowed, "XA-NAM", "2026", "mưa lũ").changed == [read(hub).id]
    assert [read(hub, unit).state for unit in COMMUNES] == ["waived", "due", "due"]


def test_a_waived_obligation_takes_no_figures_until_it_is_restored(hub: Hub) -> None:
    assert push(hub) == []
    hub.service.waive_obligations(OFFICE, **WHICH)
    assert push(hub) == ["submission.waived"]
    with pytest.raises(Conflict, match=r"submissions\.waived"):
        hub.service.edit_figure(COMMUNE, read(hub).id, "XA01", "5")
    hub.service.restore_obligations(OFFICE, **WHICH)
    assert [read(hub, unit).state for unit in COMMUNES] == ["draft", "due", "due"]
    assert push(hub, accepted_at=datetime.now(UTC)) == []
    hub.service.edit_figure(COMMUNE, read(hub).id, "XA01", "5")


def test_of_many_the_ones_that_cannot_be_waived_are_named_and_one_alone_is_refused(hub: Hub) -> None:
    hub.push_figures(WHOLE)
    hub.service.submit(CLERK, SCHOOLS)
    result = hub.service.waive_obligations(OFFICE, "GD-NAM", "2016", "nhầm")
    assert (result.changed, result.refused) == ([], {SCHOOLS: "submissions.submitted"})
    with pytest.raises(Conflict, match=r"submissions\.submitted"):
        hub.service.waive_obligations(OFFICE, "GD-NAM", "2016", "nhầm", unit="LC")


def test_the_intake_follows_its_schedule_and_announcements(hub: Hub) -> None:
    change(hub, 2, "regime", "KTXH-NAM", intake={"opens_days_before": 10, "closes_days_after": 5})
    early, within = datetime(2016, 12, 3, tzinfo=UTC), datetime(2016, 12, 20, tzinfo=UTC)
    late = datetime(2017, 1, 5, tzinfo=UTC)
    assert push(hub, period="2016", accepted_at=early) == ["submission.not_open"]
    assert push(hub, period="2016", accepted_at=within) == []
    assert push(hub, period="2016", accepted_at=late) == ["submission.closed"]
    owed = read(hub, period="2016")
    assert owed.intake == "closed"
    with pytest.raises(Conflict, match="intake_closed"):
        hub.service.edit_figure(COMMUNE, owed.id, "XA01", "5")
    hub.service.open_intake(OFFICE, "XA-NAM", "2016", "bổ sung số liệu", until=AHEAD)
    hub.service.edit_figure(COMMUNE, owed.id, "XA01", "5")
    assert push(hub, unit="X001", period="2016", accepted_at=datetime.now(UTC)) == []
    hub.service.close_intake(OFFICE, "XA-NAM", "2016", "đã chốt")
    assert push(hub, unit="X001", period="2016", accepted_at=datetime.now(UTC)) == ["submission.closed"]
    with pytest.raises(Conflict, match="intake_closed"):
        hub.service.submit(COMMUNE, owed.id)
    history = [entry.what for entry in hub.service.history(CLERK, owed.id).entries]
    assert history == ["opened", "entered", "closed"]


def test_of_one_push_only_the_submission_that_is_shut_is_refused(hub: Hub) -> None:
    hub.service.close_intake(OFFICE, "XA-NAM", "2016", "đã chốt", unit="X001")
    figures = [{"indicator": "XA01", "value": 1, "unit": unit} for unit in ("X000", "X001")]
    receipt = hub.push(testing.push_event({"form": "XA-NAM", "period": "2016", "figures": figures}))
    assert receipt.counts["accepted"] == 1
    assert [(outcome.unit, outcome.code) for outcome in receipt.outcomes] == [("X001", "submission.closed")]


def test_urging_tells_those_who_are_late_once_a_day(hub: Hub) -> None:
    first = hub.service.urge(OFFICE, "XA-NAM", period="2015", reason="đề nghị nộp ngay")
    assert len(first.changed) == 3
    again = hub.service.urge(OFFICE, "XA-NAM", period="2015")
    assert (again.announcement, again.changed) == (None, [])
    with hub.engine.begin() as connection:
        connection.execute(text("UPDATE submissions SET urged_on = urged_on - 1"))
    assert len(hub.service.urge(OFFICE, "XA-NAM", period="2015", unit="X000").changed) == 1
    with pytest.raises(Invalid, match="within_days"):
        hub.service.urge(OFFICE, "XA-NAM", within_days=61)


def test_who_is_not_late_is_urged_only_when_due_soon(hub: Hub) -> None:
    soon = datetime.now(UTC) + timedelta(days=3)
    hub.service.extend_obligations(OFFICE, "XA-NAM", "2015", soon, "mưa lũ", unit="X000")
    assert len(hub.service.urge(OFFICE, "XA-NAM", period="2015", unit="X000", within_days=2).changed) == 0
    assert len(hub.service.urge(OFFICE, "XA-NAM", period="2015", unit="X000", within_days=4).changed) == 1


# -- following -------------------------------------------------------------------------------------------------------


def submit_schools(hub: Hub, paper: Paper | None = None) -> SubmissionSubmitted:
    hub.push_figures(WHOLE)
    hub.service.submit(CLERK, SCHOOLS, paper)
    return [event for event in hub.events() if isinstance(event, SubmissionSubmitted)][-1]


def decide(hub: Hub, event: SubmissionSubmitted, kind: type[Any], **more: Any) -> None:
    of = {
        name: getattr(event, name)
        for name in ("submission_id", "round", "content_hash", "form", "unit", "agency", "period")
    }
    decision = kind(**of, decided_by="leader", decided_at=datetime.now(UTC), **more)
    handler = hub.worker.on_submission_returned if kind is SubmissionReturned else hub.worker.on_submission_approved
    hub.handle(handler, testing.received(decision))


def test_lists_tell_late_from_the_clock(hub: Hub) -> None:
    late = hub.service.list_obligations(CLERK, form="GD-NAM", late=True, limit=500).submissions
    assert late
    assert all(item.late for item in late)
    assert "2026" not in {item.period for item in late} or datetime.now(UTC) > datetime(2026, 12, 25, 10, tzinfo=UTC)
    assert SCHOOLS in {item.id for item in late}
    submit_schools(hub)
    assert SCHOOLS not in {
        item.id for item in hub.service.list_obligations(CLERK, form="GD-NAM", late=True).submissions
    }
    others = hub.service.list_obligations(CLERK, form="GD-NAM", late=False).submissions
    assert SCHOOLS in {item.id for item in others}
    due = hub.service.list_obligations(CLERK, form="GD-NAM", due_before=datetime(2007, 1, 1, tzinfo=UTC)).submissions
    assert [item.period for item in due] == ["2005", "2006"]
    with hub.engine.begin() as connection:
        connection.execute(text("UPDATE submissions SET deadline = NULL WHERE form = 'GD-NAM' AND period = '2015'"))
    others = hub.service.list_obligations(CLERK, form="GD-NAM", late=False).submissions
    assert {item.period for item in others if item.deadline is None} == {"2015"}  # what has no deadline is never late
    with pytest.raises(Invalid, match=r"submissions\.state"):
        hub.service.list_obligations(CLERK, state="gone")


def test_completeness_adds_up_the_tree(hub: Hub) -> None:
    set_deadline(hub, "XA-NAM", "2026", AHEAD)
    push(hub, "X000")
    hub.service.submit(COMMUNE, read(hub, "X000").id)
    hub.service.waive_obligations(OFFICE, **WHICH, unit="X001")
    found = hub.service.completeness(CLERK, "unit", form="XA-NAM", periods=["2026"])
    rows = {row.key: row for row in found.rows}
    assert (rows["X000"].actual, rows["X000"].completeness, rows["X001"].expected) == (1, "100.0", 0)
    assert rows["X001"].completeness is None
    province = rows["LC"]
    assert (province.expected, province.actual, province.on_time, province.missing, province.waived) == (2, 1, 1, 1, 1)
    assert (province.completeness, province.timeliness) == ("50.0", "50.0")
    assert replace(found.total, key="LC", name=province.name) == province
    below = hub.service.completeness(CLERK, "period", form="XA-NAM", periods=["2026"], under="X000")
    assert [(row.key, row.expected) for row in below.rows] == [("2026", 1)]
    narrow = hub.service.completeness(replace(CLERK, units=("X-MOI",)), "unit", form="XA-NAM", periods=["2026"])
    assert narrow.total.expected == 1


def test_completeness_counts_units_as_of_the_period(hub: Hub) -> None:
    found = hub.service.completeness(CLERK, "unit", form="XA-NAM", periods=["2024", "2025"])
    assert {row.key: row.expected for row in found.rows} == {"LC": 6, "X-CU": 1, "X-MOI": 1, "X000": 2, "X001": 2}
    by_agency = hub.service.completeness(CLERK, "agency", periods=["2024"])
    assert {row.key: row.expected for row in by_agency.rows}["LC-SGDDT"] == 2


def test_completeness_needs_a_form_or_periods(hub: Hub) -> None:
    for asked in ({}, {"periods": ["2026"] * 121}):
        with pytest.raises(Invalid, match=r"submissions\.periods"):
            hub.service.completeness(CLERK, "unit", **asked)
    with pytest.raises(Invalid, match=r"submissions\.by"):
        hub.service.completeness(CLERK, "colour", form="XA-NAM")


def test_a_correction_does_not_make_late_what_was_approved_in_time(hub: Hub) -> None:
    set_deadline(hub, "GD-NAM", "2016", AHEAD)
    decide(hub, submit_schools(hub), SubmissionApproved, level="province")
    set_deadline(hub, "GD-NAM", "2016", datetime.now(UTC))  # from now on everything is late

    def counted() -> tuple[int, int, int, int]:
        total = hub.service.completeness(CLERK, "form", form="GD-NAM", periods=["2016"]).total
        return total.actual, total.on_time, total.late, total.approved

    assert counted() == (1, 1, 0, 1)
    hub.service.reopen(CLERK, SCHOOLS, "đính chính")
    assert counted() == (1, 1, 0, 1)
    hub.service.submit(CLERK, SCHOOLS)
    assert counted() == (1, 1, 0, 1)
    assert [entry.what for entry in hub.service.history(CLERK, SCHOOLS).entries if entry.what != "entered"] == [
        "submitted",
        "approved",
        "reopened",
        "submitted",
    ]


def test_what_came_on_paper_counts_by_its_day_once_another_person_confirms_it(hub: Hub) -> None:
    set_deadline(hub, "GD-NAM", "2016", datetime.now(UTC) - timedelta(minutes=5))
    came = Paper(datetime.now(UTC).date() - timedelta(days=2), "BC 415/BC-SGDĐT", "vanthu", "mất đường truyền")
    event = submit_schools(hub, came)
    assert event.paper == came

    def timely() -> tuple[bool | None, int]:
        total = hub.service.completeness(CLERK, "form", form="GD-NAM", periods=["2016"]).total
        return hub.service.read_submission(CLERK, SCHOOLS).submission.on_time, total.on_time

    assert timely() == (False, 0)
    with pytest.raises(Forbidden, match="own_paper"):
        hub.service.confirm_paper(replace(OFFICE, id=CLERK.id), SCHOOLS, 1)
    for _ in range(2):
        assert hub.service.confirm_paper(OFFICE, SCHOOLS, 1).received_on == came.received_on
    assert timely() == (True, 1)
    assert hub.actions().count("paper.confirmed") == 1
    told = [(entry.what, entry.by) for entry in hub.service.history(CLERK, SCHOOLS).entries if entry.what != "entered"]
    assert told == [("submitted", CLERK.id), ("paper_confirmed", "office")]
    with pytest.raises(NotFound, match="no_paper"):
        hub.service.confirm_paper(OFFICE, SCHOOLS, 2)


def test_what_is_said_of_a_paper_never_changes(hub: Hub) -> None:
    submit_schools(hub, Paper(datetime.now(UTC).date(), "BC 415", "vanthu", "mất mạng"))
    with pytest.raises(Exception, match="never changes"), hub.engine.begin() as connection:
        connection.execute(text("UPDATE rounds SET paper = '{}'"))


def test_conditions_are_counted_for_prometheus(hub: Hub) -> None:
    with hub.engine.begin() as connection:
        before = storage.by_state(connection, datetime.now(UTC))
    assert before["due"] == sum(count for state, count in before.items() if state != "late")
    push(hub, period="2016")
    hub.service.waive_obligations(OFFICE, **WHICH)
    with hub.engine.begin() as connection:
        after = storage.by_state(connection, datetime.now(UTC))
    assert (after["draft"], after["waived"], after["late"]) == (1, 3, before["late"])
    hub.worker.count_obligations()


def set_deadline(hub: Hub, form: str, period: str, to: datetime) -> None:
    """Put a deadline where the test needs it: the real ones lie where they lie."""
    with hub.engine.begin() as connection:
        connection.execute(
            text("UPDATE submissions SET deadline = :to WHERE form = :form AND period = :period"),
            {"to": to, "form": form, "period": period},
        )
