"""Approval cases: reading them and deciding them. A decision names the content that was read."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import Field, StringConstraints
from starlette.responses import Response

from gateway import examples
from gateway.auth import Caller, requires
from gateway.documentation import documented
from gateway.routes import After, Id, Limit, Round, plain_text, reply
from gateway.routes.bodies import Body
from shared.contracts.views.approval import CasePage, CaseView

router = APIRouter(tags=["cases"])
Reader = Annotated[Caller, requires("cases.read")]
Decider = Annotated[Caller, requires("cases.decide")]
CASE = "/v1/cases/{submission_id}/{round}"
ContentHash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
RETURNED: dict[str, Any] = {
    **examples.CASE,
    "state": "returned",
    "reasons": [{"text": "Số học sinh THPT chưa khớp với sổ của các trường.", "indicator": "GD03.THPT"}],
}


class Approval(Body):
    """The content that was read and is approved."""

    content_hash: ContentHash


class ReturnReason(Body):
    """Why it goes back: for one cell, or for the whole where `indicator` is missing."""

    text: Annotated[str, plain_text(2000)]
    indicator: Id | None = None


class Return(Body):
    """The content that was read and goes back, and why (Đ15.4a)."""

    content_hash: ContentHash
    reasons: Annotated[list[ReturnReason], Field(min_length=1, max_length=500)]


@router.get("/v1/cases", **documented("List cases", CasePage, examples.CASES))
async def list_cases(
    caller: Reader,
    state: Literal["open", "approved", "returned", "withdrawn"] | None = None,
    agency: Id | None = None,
    after: After = None,
    limit: Limit = 50,
) -> Response:
    """List cases, newest first."""
    return reply(await caller.ask("approval", "list_cases", state=state, agency=agency, after=after, limit=limit))


@router.get(CASE, **documented("Read a case", CaseView, examples.CASE))
async def read_case(submission_id: Id, round: Round, caller: Reader) -> Response:
    """Read a case. Right after submitting it may still be on its way (404)."""
    return reply(await caller.ask("approval", "read_case", submission_id=submission_id, round=round))


@router.post(CASE + "/approve", **documented("Approve", CaseView, examples.CASE, body={"content_hash": examples.HASH}))
async def approve(submission_id: Id, round: Round, approval: Approval, caller: Decider) -> Response:
    """Approve exactly the content that was read. Its authors may not."""
    return reply(
        await caller.ask(
            "approval", "approve", submission_id=submission_id, round=round, content_hash=approval.content_hash
        )
    )


@router.post(
    CASE + "/return",
    **documented(
        "Return with reasons",
        CaseView,
        RETURNED,
        body={"content_hash": examples.HASH, "reasons": RETURNED["reasons"]},
    ),
)
async def return_submission(submission_id: Id, round: Round, body: Return, caller: Decider) -> Response:
    """Send the round back; the clerk sees the reasons at the cells they name."""
    return reply(
        await caller.ask(
            "approval",
            "return_submission",
            submission_id=submission_id,
            round=round,
            content_hash=body.content_hash,
            reasons=[{"text": reason.text, "indicator": reason.indicator} for reason in body.reasons],
        )
    )
