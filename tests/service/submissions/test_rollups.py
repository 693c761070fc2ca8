"""Rolling up on a real database: communes approved, the province's draft filled, explained, submitted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine

from services.submissions import testing
from services.submissions.domain.obligations import submission_id
from services.submissions.testing import received
from shared.contracts.actor import Actor
from shared.contracts.events import SubmissionApproved
from shared.contracts.views.submissions import RollupView, SubmissionView
from shared.errors import Conflict, Forbidden, Invalid, NotFound
from tests.service.submissions.conftest import CLERK, Hub

UPPER = submission_id("XA-TONG", "LC", "2016")
COMMUNES = ("X000", "X001", "X-CU")


def entries() -> testing.Bodies:
    """Return communes of the province, of which one ends in 2025, and a form of the province that rolls theirs up."""
    made = testing.bodies(2)
    for unit in ("X000", "X001", "X-CU", "X-MOI"):
        made["unit"][unit]["parent"] = "LC"
    lower = made["form"]["XA-NAM"]
    lower["indicators"] = ["XA01", "XA02", "XA03", "XA04"]
    upper = {**lower, "owed_by": [{"unit": "LC", "agency": "LC-SGDDT"}], "rolls_up": "XA-NAM"}
    made["form"]["XA-TONG"] = upper
    made["indicator"]["XA02"] |= {"rollup": "weighted:XA01", "decimals": 4}
    made["indicator"]["XA03"]["rollup"] = "none"
    return made


@pytest.fixture
def province(database: Callable[[str], Engine]) -> Iterator[Hub]:
    """A service with that catalogue."""
    hub = Hub(database("submissions"))
    hub.handle(hub.worker.on_catalogue_changed, testing.catalogue_event(entries()))
    yield hub


def approval(view: SubmissionView) -> SubmissionApproved:
    """Return the decision to approve exactly what was submitted."""
    return SubmissionApproved(
        submission_id=view.id,
        round=view.round,
        content_hash=view.content_hash or "",
        form=view.form,
        unit=view.unit,
        agency=view.agency,
        period=view.period,
        level="commune",
        decided_by="lanhdao",
        decided_at=datetime(2016, 12, 20, tzinfo=UTC),
    )


def approve(hub: Hub, view: SubmissionView) -> None:
    hub.handle(hub.worker.on_submission_approved, received(approval(view)))


def of(commune: str) -> Actor:
    """Return the commune's own clerk."""
    return replace(CLERK, id=f"{commune}.nhaplieu", agency=commune)


def report(hub: Hub, commune: str, form: str = "XA-NAM", period: str = "2016", **figures: Any) -> None:
    """Enter, submit and approve a commune's figures."""
    name, clerk = submission_id(form, commune, period), of(commune)
    if hub.service.read_submission(clerk, name).submission.state == "approved":
        hub.service.reopen(clerk, name, "đính chính")
    for code, value in figures.items():
        hub.service.edit_figure(clerk, name, code, value, nothing_occurred=value is None)
    approve(hub, hub.service.submit(clerk, name))


def results(view: RollupView) -> dict[str, tuple[str, str | None]]:
    return {item.indicator: (item.outcome, item.value) for item in view.results}


def codes(hub: Hub) -> list[str]:
    return [item.code for item in hub.service.read_submission(CLERK, UPPER).findings if item.code != "V301"]


def test_approved_communes_become_the_provinces_draft_and_go_on_to_approval(province: Hub) -> None:
    report(province, "X000", XA01=1, XA02="10", XA03=5, XA04=3)
    report(province, "X001", XA01=2, XA02="20", XA04=None)
    made = province.service.aggregate(CLERK, UPPER)
    assert results(made) == {
        "XA01": ("accepted", "3"),
        "XA02": ("accepted", "16.6667"),
        "XA03": ("not_additive", None),
        "XA04": ("accepted", "3"),
    }
    assert [item.rounded for item in made.results] == [False, True, False, False]
    assert (made.covered, made.expected, [item.unit for item in made.missing]) == (2, 3, ["X-CU"])
    detail = province.service.read_submission(CLERK, UPPER)
    provenance = {figure.indicator: (figure.origin, figure.by) for figure in detail.figures}
    assert provenance == dict.fromkeys(("XA01", "XA02", "XA04"), ("rollup", CLERK.id))
    with pytest.raises(Invalid, match=r"submissions\.comments_missing"):
        province.service.submit(CLERK, UPPER)
    assert codes(province) == ["V331"]
    report(province, "X-CU", XA01=4, XA02="10", XA04=1)
    assert codes(province) == ["V332"]  # approved since: roll up again
    assert results(province.service.aggregate(CLERK, UPPER))["XA01"] == ("accepted", "7")
    assert codes(province) == []
    view = province.service.submit(CLERK, UPPER)
    assert view.state == "submitted"
    [announced] = [event for event in province.events() if getattr(event, "submission_id", "") == UPPER]
    assert announced.authors == [CLERK.id]  # type: ignore[attr-defined]  # it is a SubmissionSubmitted
    with pytest.raises(Conflict, match=r"submissions\.submitted"):
        province.service.aggregate(CLERK, UPPER)


def test_the_list_of_what_is_missing_is_explained_once_and_asked_for_anew_when_it_changes(province: Hub) -> None:
    report(province, "X000", XA01=1)
    province.service.aggregate(CLERK, UPPER)
    province.service.comment_finding(CLERK, UPPER, "Xã mất điện, nộp sau", code="V331")
    assert province.service.validate_submission(CLERK, UPPER).submittable
    report(province, "X001", XA01=2)
    province.service.aggregate(CLERK, UPPER)
    assert codes(province) == ["V331"]
    assert not province.service.validate_submission(CLERK, UPPER).submittable


def test_each_contribution_is_visible_with_its_round_and_weight(province: Hub) -> None:
    report(province, "X000", XA01=1, XA02="10")
    report(province, "X001", XA02="20")
    province.service.aggregate(CLERK, UPPER)
    [mean] = province.service.read_contributions(CLERK, UPPER, "XA02").results
    seen = [(item.unit, item.round, item.value, item.weight, item.used, item.note) for item in mean.contributions]
    assert seen == [("X000", 1, "10", "1", True, None), ("X001", 1, "20", None, False, "no_weight")]
    assert (mean.contributed, mean.expected) == (1, 3)
    assert codes(province) == ["V331", "V333"]
    [left_out] = [item for item in province.service.read_submission(CLERK, UPPER).findings if item.code == "V333"]
    assert "XA02 is rolled up without X001: no weight (XA01) was reported" in left_out.message


def test_rolling_up_again_changes_nothing_and_a_correction_below_changes_what_it_must(province: Hub) -> None:
    report(province, "X000", XA01=1, XA04=9)
    report(province, "X001", XA01=2)
    first = province.service.aggregate(CLERK, UPPER)
    before = province.service.read_submission(CLERK, UPPER), province.actions()
    again = province.service.aggregate(replace(CLERK, id="khac"), UPPER)
    assert {item.outcome for item in again.results if item.value is not None} == {"unchanged"}
    assert (again.by, again.at) == (first.by, first.at)
    assert (province.service.read_submission(CLERK, UPPER), province.actions()) == before
    report(province, "X000", XA01=5)
    assert codes(province) == ["V331", "V332"]
    assert results(province.service.aggregate(CLERK, UPPER))["XA01"] == ("accepted", "7")


def test_a_hand_entry_and_a_push_stand_with_the_roll_up_beside_them_until_a_person_chooses(province: Hub) -> None:
    for commune in COMMUNES:
        report(province, commune, XA01=1, XA04=1)
    province.service.edit_figure(CLERK, UPPER, "XA01", 100)
    body = {"form": "XA-TONG", "unit": "LC", "period": "2016", "figures": [{"indicator": "XA04", "value": 50}]}
    province.push(testing.push_event(body))
    made = province.service.aggregate(CLERK, UPPER)
    assert results(made)["XA01"] == results(made)["XA04"] == ("conflict", "3")
    figures = {figure.indicator: figure for figure in province.service.read_submission(CLERK, UPPER).figures}
    assert (figures["XA01"].value, figures["XA01"].origin) == ("100", "hand")
    assert (figures["XA04"].value, figures["XA04"].origin) == ("50", "push")
    assert figures["XA04"].conflict is not None
    assert (figures["XA04"].conflict["value"], figures["XA04"].conflict["origin"]) == ("3", "rollup")
    assert codes(province) == ["V205", "V205"]
    with pytest.raises(Invalid, match=r"submissions\.keep"):
        province.service.resolve_conflict(CLERK, UPPER, "XA04", "hand")
    assert province.service.resolve_conflict(CLERK, UPPER, "XA04", "rollup").value == "3"
    assert province.service.resolve_conflict(CLERK, UPPER, "XA01", "hand").value == "100"
    assert codes(province) == []
    assert results(province.service.aggregate(CLERK, UPPER))["XA01"] == ("conflict", "3")


def test_a_push_to_a_rolled_up_figure_waits_beside_it(province: Hub) -> None:
    for commune in COMMUNES:
        report(province, commune, XA01=1)
    province.service.aggregate(CLERK, UPPER)
    body = {"form": "XA-TONG", "unit": "LC", "period": "2016", "figures": [{"indicator": "XA01", "value": 50}]}
    receipt = province.push(testing.push_event(body))
    assert [(item.outcome, item.code) for item in receipt.outcomes] == [("conflict", "V154")]
    assert province.service.resolve_conflict(CLERK, UPPER, "XA01", "push").origin == "push"


def test_a_figure_that_nobody_gives_any_more_leaves_the_draft(province: Hub) -> None:
    report(province, "X000", XA01=1, XA04=9)
    province.service.aggregate(CLERK, UPPER)
    name = submission_id("XA-NAM", "X000", "2016")
    province.service.reopen(of("X000"), name, "đính chính")
    province.service.remove_figure(of("X000"), name, "XA04")
    approve(province, province.service.submit(of("X000"), name))
    assert results(province.service.aggregate(CLERK, UPPER))["XA04"] == ("removed", None)
    assert [figure.indicator for figure in province.service.read_submission(CLERK, UPPER).figures] == ["XA01"]


def test_what_was_rolled_up_into_an_approved_round_stays_readable_when_the_next_one_is_rolled_up(province: Hub) -> None:
    for commune in COMMUNES:
        report(province, commune, XA01=1)
    province.service.aggregate(CLERK, UPPER)
    approve(province, province.service.submit(CLERK, UPPER))
    province.service.reopen(CLERK, UPPER, "xã đính chính")
    assert province.service.read_contributions(CLERK, UPPER).at is not None  # the draft began with these
    report(province, "X000", XA01=2)
    assert results(province.service.aggregate(CLERK, UPPER))["XA01"] == ("accepted", "4")
    with province.engine.connect() as connection:
        kept = connection.exec_driver_sql(
            "SELECT round, sum(value)::text FROM contributions WHERE indicator = 'XA01' GROUP BY round ORDER BY round"
        ).all()
    assert [(row[0], row[1]) for row in kept] == [(1, "3.0000"), (2, "4.0000")]


def test_rolling_up_needs_a_form_below_and_the_right_to_edit(province: Hub) -> None:
    with pytest.raises(Invalid, match=r"submissions\.no_form_below"):
        province.service.aggregate(of("X000"), submission_id("XA-NAM", "X000", "2016"))
    with pytest.raises(Forbidden):
        province.service.aggregate(replace(CLERK, rights=("submissions.read",)), UPPER)
    with pytest.raises(Forbidden):
        province.service.aggregate(replace(CLERK, units=("X000",)), UPPER)
    with pytest.raises(NotFound, match=r"submissions\.not_rolled_up"):
        province.service.read_contributions(CLERK, UPPER)


def test_months_of_the_communes_of_each_month_become_the_provinces_quarter(province: Hub) -> None:
    made = entries()
    months = {"period_kind": "month", "periods": {"from": "2025-06", "to": "2025-09"}}
    made["form"]["XA-THANG"] = {**made["form"]["XA-NAM"], **months}
    quarters = {"period_kind": "quarter", "periods": {"from": "2025-Q3", "to": "2025-Q3"}}
    made["form"]["XA-QUY"] = {**made["form"]["XA-TONG"], **quarters, "rolls_up": "XA-THANG"}
    made["indicator"]["XA01"]["over_time"], made["indicator"]["XA04"]["over_time"] = "sum", "last"
    province.handle(province.worker.on_catalogue_changed, testing.catalogue_event(made, version=2))
    quarter = submission_id("XA-QUY", "LC", "2025-Q3")
    report(province, "X-CU", "XA-THANG", "2025-06", XA01=1000)  # before the reform, and before the quarter
    for number, period in enumerate(("2025-07", "2025-08", "2025-09"), 1):
        report(province, "X-MOI", "XA-THANG", period, XA01=number, XA04=number * 10)
    report(province, "X000", "XA-THANG", "2025-09", XA01=100, XA04=7)
    view = province.service.aggregate(CLERK, quarter)
    assert results(view)["XA01"] == ("accepted", "106")
    assert results(view)["XA04"] == ("accepted", "37")
    assert results(view)["XA02"] == ("not_additive", None)
    assert (view.covered, view.expected) == (4, 9)
    [warned] = [item for item in province.service.read_submission(CLERK, quarter).findings if item.code == "V331"]
    assert "5 of 9 submissions below" in warned.message
    assert "X000 2025-07" in warned.message
