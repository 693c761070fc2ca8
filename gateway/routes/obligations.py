"""Obligations: following what is owed, and what the owner of a form does to it (Đ17.4, Đ19)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response

from gateway.auth import Caller, requires
from gateway.documentation import documented
from gateway.examples import obligations as examples
from gateway.routes import After, Id, Limit, Round, plain_text, reply
from gateway.routes.bodies import Body, Moment, WrittenDay
from shared.contracts.views.obligations import AnnouncementView, CompletenessView, SubmissionHistory
from shared.contracts.views.submissions import SubmissionPage, SubmissionView

router = APIRouter(tags=["obligations"])
Reader = Annotated[Caller, requires("submissions.read")]
Submitter = Annotated[Caller, requires("submissions.submit")]
Owner = Annotated[Caller, requires("obligations.manage")]
SUBMISSION = "/v1/submissions/{submission_id}"
Reason = Annotated[str, plain_text(2000)]
WHICH = {"form": "XA-THANG", "period": "2026-09", "reason": "Mưa lũ chia cắt nhiều xã từ ngày 20/9."}


class Which(Body):
    """The obligations of a form and period, of one unit or of all within one's scope, and why."""

    form: Id
    period: Id
    unit: Id | None = None
    reason: Reason


class Extension(Which):
    """The new deadline."""

    to: Moment


class Opening(Which):
    """Until when the intake stays so; without it until the next announcement."""

    until: Moment | None = None


class Urging(Body):
    """Whom to remind: those who are late with this form, or due within so many days."""

    form: Id
    period: Id | None = None
    unit: Id | None = None
    agency: Id | None = None
    within_days: Annotated[int, Field(ge=0, le=60)] = 0
    reason: Annotated[str, plain_text(2000, 0)] = ""


class Paper(Body):
    """When a report had come on paper, under which document, who vouches for it, and why it came so."""

    received_on: WrittenDay
    document: Annotated[str, plain_text(2000)]
    vouched_by: Annotated[str, plain_text(2000)]
    reason: Reason


@router.get("/v1/obligations", **documented("List obligations", SubmissionPage, examples.OBLIGATIONS))
async def list_obligations(
    caller: Reader,
    form: Id | None = None,
    unit: Id | None = None,
    agency: Id | None = None,
    period: Id | None = None,
    state: Literal["due", "draft", "submitted", "returned", "approved", "waived"] | None = None,
    late: Annotated[bool | None, Query(description="owed and past the deadline now, or not")] = None,
    due_before: Annotated[Moment | None, Query(description="owed and due before this instant")] = None,
    after: After = None,
    limit: Limit = 100,
) -> Response:
    """List what is owed and how far it has come, in key order."""
    return reply(
        await caller.ask(
            "submissions",
            "list_obligations",
            form=form,
            unit=unit,
            agency=agency,
            period=period,
            state=state,
            late=late,
            due_before=due_before,
            after=after,
            limit=limit,
        )
    )


@router.get("/v1/completeness", **documented("Completeness and timeliness", CompletenessView, examples.COMPLETENESS))
async def completeness(
    caller: Reader,
    by: Literal["unit", "form", "period", "agency"] = "unit",
    form: Id | None = None,
    period: Annotated[list[Id] | None, Query(max_length=120, description="one or more periods")] = None,
    under: Annotated[Id | None, Query(description="this unit and those below it as of the period")] = None,
    agency: Id | None = None,
) -> Response:
    """Count what is expected, what came, and what came on time: by unit (with all below it), form, period or agency."""
    return reply(
        await caller.ask("submissions", "completeness", by=by, form=form, periods=period, under=under, agency=agency)
    )


async def _announce(caller: Caller, method: str, body: Body) -> Response:
    return reply(await caller.ask("submissions", method, **body.model_dump()))


def _told(summary: str, act: str, **body: Any) -> dict[str, Any]:
    answer = {**examples.ANNOUNCEMENT, "act": act}
    return documented(summary, AnnouncementView, answer, body={**WHICH, **body})


@router.post("/v1/obligations/extend", **_told("Extend a deadline", "extended", to="2026-09-30T17:00:00+07:00"))
async def extend(body: Extension, caller: Owner) -> Response:
    """Give obligations a later deadline; the agencies are told. What is approved or waived is named under `refused`."""
    return await _announce(caller, "extend_obligations", body)


@router.post("/v1/obligations/waive", **_told("Waive obligations", "waived"))
async def waive(body: Which, caller: Owner) -> Response:
    """Call obligations off. What waits for a decision or was approved is named under `refused`."""
    return await _announce(caller, "waive_obligations", body)


@router.post("/v1/obligations/restore", **_told("Restore waived obligations", "restored"))
async def restore(body: Which, caller: Owner) -> Response:
    """Make waived obligations owed again, as far as they had come."""
    return await _announce(caller, "restore_obligations", body)


@router.post("/v1/obligations/open", **_told("Open the intake", "opened", until="2026-09-30T17:00:00+07:00"))
async def open_intake(body: Opening, caller: Owner) -> Response:
    """Take figures outside the schedule; the agencies are told (Đ17.4)."""
    return await _announce(caller, "open_intake", body)


@router.post("/v1/obligations/close", **_told("Close the intake", "closed"))
async def close_intake(body: Opening, caller: Owner) -> Response:
    """Take no figures although the schedule would; the agencies are told (Đ17.4)."""
    return await _announce(caller, "close_intake", body)


@router.post(
    "/v1/obligations/urge",
    **documented(
        "Urge those who owe",
        AnnouncementView,
        {**examples.ANNOUNCEMENT, "act": "urged"},
        body={"form": "XA-THANG", "period": "2026-09", "within_days": 2},
    ),
)
async def urge(body: Urging, caller: Owner) -> Response:
    """Remind clerks and leaders of what is late or due soon (Đ19), each obligation once a day."""
    return await _announce(caller, "urge", body)


@router.get(SUBMISSION + "/history", **documented("A submission's history", SubmissionHistory, examples.HISTORY))
async def history(submission_id: Id, caller: Reader) -> Response:
    """List who did what when: rounds and decisions, announcements, and who entered the draft's figures."""
    return reply(await caller.ask("submissions", "history", submission_id=submission_id))


@router.post(
    SUBMISSION + "/submit-paper",
    **documented("Submit what had come on paper", SubmissionView, examples.OBLIGATION, body=examples.PAPER),
)
async def submit_paper(submission_id: Id, paper: Paper, caller: Submitter) -> Response:
    """Submit figures that had come on paper while the hub could not be reached. The round counts by when it was entered
    until another person confirms the paper's day."""
    said = paper.model_dump()
    return reply(await caller.ask("submissions", "submit", submission_id=submission_id, paper=said))


@router.post(
    SUBMISSION + "/paper/{round}/confirm",
    **documented("Confirm a paper submission", SubmissionView, {**examples.OBLIGATION, "received_on": "2016-12-23"}),
)
async def confirm_paper(submission_id: Id, round: Round, caller: Owner) -> Response:
    """Confirm, as neither author nor submitter, that the round had come on paper; it counts by that day from now on."""
    return reply(await caller.ask("submissions", "confirm_paper", submission_id=submission_id, round=round))
