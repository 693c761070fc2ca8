"""Submissions: reading them, entering figures by hand, submitting, withdrawing, reopening."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from gateway import examples
from gateway.auth import Caller, requires
from gateway.documentation import documented
from gateway.examples import rollups, validation
from gateway.routes import After, Id, Limit, Round, plain_text, reply
from gateway.routes.bodies import Body
from shared.contracts.views.approval import CaseView
from shared.contracts.views.submissions import (
    CommentView,
    FigureView,
    FindingList,
    RollupView,
    SubmissionDetail,
    SubmissionPage,
    SubmissionView,
)

router = APIRouter(tags=["submissions"])
Reader = Annotated[Caller, requires("submissions.read")]
Editor = Annotated[Caller, requires("submissions.edit")]
Submitter = Annotated[Caller, requires("submissions.submit")]
SUBMISSION = "/v1/submissions/{submission_id}"
FIGURE = SUBMISSION + "/figures/{indicator}"


class FigureEntry(Body):
    """One figure entered by hand. `value` is a text ("3.507,6" or "3507.6") or a whole number; a fraction must be sent
    as text, because JSON numbers are rounded on their way. `measure` is the unit of measure it is given in (default:
    the indicator's), `label` the name of the row that it stands in, of an open list."""

    value: Annotated[str, plain_text(60)] | int | None = None
    nothing_occurred: bool = False
    status: Literal["estimate", "preliminary", "official"] = "official"
    expected_version: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    measure: Annotated[str, plain_text(60)] | None = None
    label: Annotated[str, plain_text(300)] | None = None


class Choice(Body):
    """Which of two values stays, by where it comes from: entered by hand, pushed, or rolled up from below."""

    keep: Literal["hand", "push", "rollup"]


class Comment(Body):
    """An explanation of a warning: number `code` about `indicator` (without one: about the whole). Without a code it
    explains every warning about the indicator that wants a comment."""

    text: Annotated[str, plain_text(2000)]
    code: Annotated[str, plain_text(10)] | None = None
    indicator: Id | None = None


class Withdrawal(Body):
    """The round that is taken back."""

    round: Round


class Reopening(Body):
    """Why an approved submission is opened again."""

    reason: Annotated[str, plain_text(2000)]


@router.get("/v1/submissions", **documented("List submissions", SubmissionPage, examples.SUBMISSIONS))
async def list_submissions(
    caller: Reader,
    form: Id | None = None,
    unit: Id | None = None,
    agency: Id | None = None,
    period: Id | None = None,
    state: Literal["due", "draft", "submitted", "returned", "approved", "waived"] | None = None,
    after: After = None,
    limit: Limit = 100,
) -> Response:
    """List submissions in key order; what is owed and not begun is there too, in state `due`."""
    return reply(
        await caller.ask(
            "submissions",
            "list_submissions",
            form=form,
            unit=unit,
            agency=agency,
            period=period,
            state=state,
            after=after,
            limit=limit,
        )
    )


@router.get(SUBMISSION, **documented("Read a submission", SubmissionDetail, examples.SUBMISSION_DETAIL))
async def read_submission(submission_id: Id, caller: Reader, round: Round | None = None) -> Response:
    """Read the current round, or a past one as it was frozen: figures with their origin, findings, missing ones, and
    the reasons it was returned for."""
    return reply(await caller.ask("submissions", "read_submission", submission_id=submission_id, round=round))


@router.put(FIGURE, **documented("Enter a figure", FigureView, examples.FIGURE, body={"value": "8.966"}))
async def edit_figure(submission_id: Id, indicator: Id, entry: FigureEntry, caller: Editor) -> Response:
    """Enter or change a figure of the draft. With `expected_version` it is refused (409) if somebody else was
    faster."""
    return reply(
        await caller.ask(
            "submissions",
            "edit_figure",
            submission_id=submission_id,
            indicator=indicator,
            value=None if entry.value is None else str(entry.value),
            nothing_occurred=entry.nothing_occurred,
            status=entry.status,
            expected_version=entry.expected_version,
            measure=entry.measure,
            label=entry.label,
        )
    )


@router.delete(FIGURE, **documented("Remove a figure", SubmissionView, {**examples.SUBMISSION, "state": "draft"}))
async def remove_figure(submission_id: Id, indicator: Id, caller: Editor) -> Response:
    """Take a figure out of the draft. One that is not there is no error."""
    return reply(await caller.ask("submissions", "remove_figure", submission_id=submission_id, indicator=indicator))


@router.post(
    SUBMISSION + "/conflicts/{indicator}",
    **documented("Resolve a conflict", FigureView, examples.FIGURE, body={"keep": "hand"}),
)
async def resolve_conflict(submission_id: Id, indicator: Id, choice: Choice, caller: Editor) -> Response:
    """Decide between a figure and one that came for the same cell by another road."""
    return reply(
        await caller.ask(
            "submissions", "resolve_conflict", submission_id=submission_id, indicator=indicator, keep=choice.keep
        )
    )


@router.post(SUBMISSION + "/aggregate", **documented("Roll up from below", RollupView, rollups.ROLLUP))
async def aggregate(submission_id: Id, caller: Editor) -> Response:
    """Fill the draft from the approved submissions of the units below, by each indicator's rule. A figure entered by
    hand or pushed stays, with a conflict beside it. The same again changes nothing."""
    return reply(await caller.ask("submissions", "aggregate", submission_id=submission_id))


@router.get(SUBMISSION + "/contributions", **documented("Read contributions", RollupView, rollups.ROLLUP))
async def read_contributions(submission_id: Id, caller: Reader, indicator: Id | None = None) -> Response:
    """Read what the last roll-up was made of: what each submission below gave, and which gave nothing."""
    return reply(
        await caller.ask("submissions", "read_contributions", submission_id=submission_id, indicator=indicator)
    )


@router.post(SUBMISSION + "/validate", **documented("Validate a draft", FindingList, validation.FINDINGS))
async def validate_submission(submission_id: Id, caller: Reader) -> Response:
    """Check the draft as submitting would, changing nothing: errors, warnings, and which of these want a comment."""
    return reply(await caller.ask("submissions", "validate_submission", submission_id=submission_id))


@router.post(
    SUBMISSION + "/comments",
    **documented(
        "Explain a warning",
        list[CommentView],
        [validation.COMMENT],
        body={"code": "V312", "indicator": "GD03.THPT", "text": "Sáp nhập hai trường THPT từ tháng 9."},
    ),
)
async def comment_finding(submission_id: Id, comment: Comment, caller: Editor) -> Response:
    """Explain a warning of the draft. The comment counts for the figures as they are now and goes to the leader with
    the round."""
    return reply(
        await caller.ask(
            "submissions",
            "comment_finding",
            submission_id=submission_id,
            text=comment.text,
            code=comment.code,
            indicator=comment.indicator,
        )
    )


@router.post(SUBMISSION + "/submit", **documented("Submit", SubmissionView, examples.SUBMISSION))
async def submit(submission_id: Id, caller: Submitter) -> Response:
    """Freeze the draft as a round with its content hash and lay it before the leader. Findings that are errors refuse
    it (422 `submissions.findings`), and so do warnings that want a comment and have none (422
    `submissions.comments_missing`); `errors` lists them."""
    return reply(await caller.ask("submissions", "submit", submission_id=submission_id))


@router.post(
    SUBMISSION + "/withdraw",
    **documented("Withdraw a round", CaseView, {**examples.CASE, "state": "withdrawn"}, body={"round": 1}),
)
async def withdraw(submission_id: Id, withdrawal: Withdrawal, caller: Submitter) -> Response:
    """Take a submitted round back before it is decided."""
    return reply(await caller.ask("approval", "withdraw", submission_id=submission_id, round=withdrawal.round))


@router.post(
    SUBMISSION + "/reopen",
    **documented(
        "Reopen for correction",
        SubmissionView,
        {**examples.SUBMISSION, "state": "draft", "round": 2},
        body={"reason": "Trường THPT Phong Thổ báo cáo bổ sung 12 học sinh."},
    ),
)
async def reopen(submission_id: Id, reopening: Reopening, caller: Submitter) -> Response:
    """Open the next round of an approved submission, filled with the approved figures."""
    return reply(await caller.ask("submissions", "reopen", submission_id=submission_id, reason=reopening.reason))
