"""Editing, submitting, decisions and handing over, on a real database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from services.submissions.testing import received
from shared.canonical import content_hash
from shared.contracts.events import (
    FinalisedRequested,
    Reason,
    SubmissionApproved,
    SubmissionFinalised,
    SubmissionReturned,
    SubmissionSubmitted,
    SubmissionWithdrawn,
)
from shared.contracts.views.submissions import SubmissionView
from shared.errors import Conflict, Forbidden, Invalid, NotFound
from tests.service.submissions.conftest import CLERK, SCHOOLS, WHOLE, Hub

NOON = datetime(2016, 12, 1, 12, tzinfo=UTC)


def submitted(hub: Hub) -> SubmissionView:
    hub.push_figures(WHOLE)
    return hub.service.submit(CLERK, SCHOOLS)


def decision(kind: Any, view: SubmissionView, **more: Any) -> Any:
    facts = {"submission_id": view.id, "round": view.round, "content_hash": view.content_hash, "form": view.form}
    facts |= {"unit": view.unit, "agency": view.agency, "period": view.period, "decided_by": "lanhdao"}
    return received(kind(**{**facts, "decided_at": NOON, **more}))


def returned(view: SubmissionView, **more: Any) -> Any:
    return decision(SubmissionReturned, view, reasons=[Reason("Sai số lớp", "GD01.TH")], **more)


def approved(view: SubmissionView, **more: Any) -> Any:
    return decision(SubmissionApproved, view, level="province", **more)


def test_submitting_freezes_the_round_and_tells_approval(hub: Hub) -> None:
    hub.service.edit_figure(replace(CLERK, id="khac"), SCHOOLS, "GD02", 7)
    view = submitted(hub)
    assert (view.state, view.round, view.on_time) == ("submitted", 1, False)
    rows = [(code, str(value), "official") for code, value in WHOLE.items()]
    assert view.content_hash == content_hash(("GD-NAM", "LC", "2016", "1"), rows)
    [event] = hub.events()
    assert isinstance(event, SubmissionSubmitted)
    assert (event.content_hash, event.figure_count) == (view.content_hash, 5)
    assert event.authors == ["khac", "sgddt.nhaplieu"]
    assert hub.service.submit(CLERK, SCHOOLS) == view
    assert len(hub.events()) == 1


def test_findings_block_submitting_and_are_listed(hub: Hub) -> None:
    hub.push_figures({**WHOLE, "GD01": 11})
    with pytest.raises(Invalid, match=r"submissions\.findings") as refused:
        hub.service.submit(CLERK, SCHOOLS)
    assert [finding.code for finding in refused.value.context["findings"]] == ["V202"]  # type: ignore[attr-defined]  # context is open
    assert hub.events() == []


def test_a_return_opens_the_next_round_prefilled_with_the_reasons(hub: Hub) -> None:
    first = submitted(hub)
    hub.handle(hub.worker.on_submission_returned, returned(first), returned(first))
    detail = hub.service.read_submission(CLERK, SCHOOLS)
    assert (detail.submission.state, detail.submission.round) == ("returned", 2)
    assert detail.reasons == [{"text": "Sai số lớp", "indicator": "GD01.TH"}]
    assert {figure.indicator for figure in detail.figures} == set(WHOLE)
    hub.service.edit_figure(CLERK, SCHOOLS, "GD01.TH", 6)
    hub.service.edit_figure(CLERK, SCHOOLS, "GD01", 11)
    second = hub.service.submit(CLERK, SCHOOLS)
    assert (second.round, second.content_hash == first.content_hash) == (2, False)
    frozen = hub.service.read_submission(CLERK, SCHOOLS, round=1)
    assert {figure.indicator: figure.value for figure in frozen.figures}["GD01.TH"] == "5"
    assert frozen.reasons == detail.reasons


def test_a_withdrawn_round_becomes_a_draft_again(hub: Hub) -> None:
    view = submitted(hub)
    hub.handle(hub.worker.on_submission_withdrawn, decision(SubmissionWithdrawn, view))
    now = hub.service.read_submission(CLERK, SCHOOLS).submission
    assert (now.state, now.round, now.content_hash) == ("draft", 2, None)


def test_an_approved_round_is_handed_over_whole_and_again_when_asked(hub: Hub) -> None:
    view = submitted(hub)
    hub.handle(hub.worker.on_submission_approved, approved(view), approved(view))
    after = hub.service.read_submission(CLERK, SCHOOLS).submission
    assert (after.state, after.approved_round) == ("approved", 1)
    finalised = [event for event in hub.events() if isinstance(event, SubmissionFinalised)]
    assert len(finalised) == 1
    assert (finalised[0].content_hash, finalised[0].total, finalised[0].level) == (view.content_hash, 1, "province")
    assert {figure.indicator: figure.value for figure in finalised[0].figures} == {k: str(v) for k, v in WHOLE.items()}
    hub.handle(hub.worker.on_finalised_requested, received(FinalisedRequested(submission_id=SCHOOLS, round=1)))
    assert hub.events()[-1] == finalised[0]
    with pytest.raises(NotFound):
        hub.handle(hub.worker.on_finalised_requested, received(FinalisedRequested(submission_id=SCHOOLS, round=2)))


@pytest.mark.parametrize("wrong", [{"round": 2}, {"content_hash": "00"}, {"submission_id": "keine"}])
def test_a_decision_about_anything_else_is_ignored_and_audited(hub: Hub, wrong: dict[str, Any]) -> None:
    view = submitted(hub)
    hub.handle(hub.worker.on_submission_approved, approved(view, **wrong))
    hub.handle(hub.worker.on_submission_returned, returned(view, **wrong))
    assert hub.service.read_submission(CLERK, SCHOOLS).submission.state == "submitted"
    assert hub.actions().count("decision.ignored") == 2


def test_a_return_that_comes_after_the_approval_changes_nothing(hub: Hub) -> None:
    view = submitted(hub)
    hub.handle(hub.worker.on_submission_approved, approved(view))
    hub.handle(hub.worker.on_submission_returned, returned(view))
    assert hub.service.read_submission(CLERK, SCHOOLS).submission.state == "approved"


def test_reopening_needs_a_reason_and_keeps_what_was_approved(hub: Hub) -> None:
    view = submitted(hub)
    hub.handle(hub.worker.on_submission_approved, approved(view))
    with pytest.raises(Invalid, match=r"submissions\.reason"):
        hub.service.reopen(CLERK, SCHOOLS, "  ")
    reopened = hub.service.reopen(CLERK, SCHOOLS, "Đính chính")
    assert (reopened.state, reopened.round, reopened.approved_round) == ("draft", 2, 1)
    assert hub.service.reopen(CLERK, SCHOOLS, "Đính chính") == reopened
    hub.service.edit_figure(CLERK, SCHOOLS, "GD02", 8)
    corrected = hub.service.submit(CLERK, SCHOOLS)
    hub.handle(hub.worker.on_submission_approved, approved(corrected))
    assert hub.events()[-1].round == 2  # type: ignore[attr-defined]  # a SubmissionFinalised


def test_an_edit_repeated_is_one_edit_and_an_outdated_one_is_refused(hub: Hub) -> None:
    first = hub.service.edit_figure(CLERK, SCHOOLS, "GD01", "1.234", expected_version=0)
    assert (first.value, first.version, first.origin, first.by) == ("1234", 1, "hand", CLERK.id)
    assert hub.service.edit_figure(CLERK, SCHOOLS, "GD01", "1.234", expected_version=0) == first
    with pytest.raises(Conflict, match=r"submissions\.version"):
        hub.service.edit_figure(CLERK, SCHOOLS, "GD01", 5, expected_version=0)
    second = hub.service.edit_figure(CLERK, SCHOOLS, "GD01", None, nothing_occurred=True, expected_version=1)
    assert (second.value, second.version) == (None, 2)


def test_wrong_edits_are_refused(hub: Hub) -> None:
    with pytest.raises(Invalid, match=r"submissions\.value") as refused:
        hub.service.edit_figure(CLERK, SCHOOLS, "GD01", "12,5")
    assert refused.value.context["finding"] == "V113"
    with pytest.raises(NotFound, match=r"submissions\.no_indicator"):
        hub.service.edit_figure(CLERK, SCHOOLS, "NN02", 5)
    with pytest.raises(Invalid, match=r"submissions\.status"):
        hub.service.edit_figure(CLERK, SCHOOLS, "GD01", 5, status="cuối")
    submitted(hub)
    with pytest.raises(Conflict, match=r"submissions\.submitted"):
        hub.service.edit_figure(CLERK, SCHOOLS, "GD01", 5)
    with pytest.raises(Conflict, match=r"submissions\.submitted"):
        hub.service.remove_figure(CLERK, SCHOOLS, "GD01")


def test_rights_and_scope_are_asked_for(hub: Hub) -> None:
    other = replace(CLERK, forms=("NN-NAM",))
    for call in (
        lambda: hub.service.read_submission(other, SCHOOLS),
        lambda: hub.service.edit_figure(other, SCHOOLS, "GD01", 1),
        lambda: hub.service.submit(replace(CLERK, rights=("submissions.read",)), SCHOOLS),
        lambda: hub.service.list_submissions(replace(CLERK, rights=())),
    ):
        with pytest.raises(Forbidden):
            call()
    assert {item.form for item in hub.service.list_submissions(other).submissions} == {"NN-NAM"}
    with pytest.raises(NotFound):
        hub.service.read_submission(CLERK, "nichts")


def test_lists_page_through_everything_once_in_key_order(hub: Hub) -> None:
    seen: list[str] = []
    after: str | None = None
    while True:
        page = hub.service.list_submissions(CLERK, after=after, limit=20)
        seen += [f"{item.form}|{item.unit}|{item.period}" for item in page.submissions]
        after = page.next
        if after is None:
            break
    assert seen == sorted(set(seen))
    assert len(seen) == 22 * 4 + 20 + 2
