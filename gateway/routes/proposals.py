"""Proposals: a change of the catalogue from its draft over reviews to publication (Đ14.2, Đ24)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gateway.auth import Caller, requires
from gateway.documentation import documented
from gateway.examples import proposals as examples
from gateway.routes import After, Id, Limit, plain_text, reply
from gateway.routes.bodies import Body, free_json
from shared.contracts.views.proposals import ProposalDetail, ProposalPage, ProposalView, ReviewView

router = APIRouter(tags=["proposals"])
Proposer = Annotated[Caller, requires("catalogue.propose")]
Reviewer = Annotated[Caller, requires("catalogue.review")]
Publisher = Annotated[Caller, requires("catalogue.publish")]
PROPOSAL = "/v1/proposals/{proposal_id}"
PLAN_TIMEOUT_SECONDS = 60.0
Text = Annotated[str, plain_text(4000)]


class _Draft(msgspec.Struct, forbid_unknown_fields=True):
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    content: dict[str, Any]
    expected_hash: str | None = None


class Read(Body):
    """The content that was read."""

    content_hash: Id


class Publication(Body):
    """The decision that publication rests on, and the content that was read."""

    decision: Text
    content_hash: Id


class Reason(Body):
    """Why a proposal is returned or rejected."""

    reason: Text


class Opinion(Body):
    """What a reviewer thinks; disagreeing needs a text."""

    agrees: bool
    text: Annotated[str, plain_text(4000, 0)] = ""


@router.get("/v1/proposals", **documented("List proposals", ProposalPage, examples.PROPOSALS))
async def list_proposals(
    caller: Reviewer,
    state: Literal["draft", "proposed", "published", "rejected", "withdrawn"] | None = None,
    after: After = None,
    limit: Limit = 50,
) -> Response:
    """List proposals, newest first. Drafts and withdrawn ones are seen by their authors and their agency alone."""
    return reply(await caller.ask("indicators", "list_proposals", state=state, after=after, limit=limit))


@router.get(PROPOSAL, **documented("Read a proposal", ProposalDetail, examples.DETAIL))
async def read_proposal(proposal_id: Id, caller: Reviewer) -> Response:
    """Read a proposal with its content and reviews, and what publishing it now would change or why it cannot be."""
    return reply(
        await caller.ask("indicators", "read_proposal", timeout_seconds=PLAN_TIMEOUT_SECONDS, proposal_id=proposal_id)
    )


@router.put(
    PROPOSAL,
    **documented(
        "Write a draft",
        ProposalView,
        {**examples.PROPOSAL, "state": "draft"},
        body=examples.DRAFT,
        body_schema={
            "type": "object",
            "required": ["title", "content"],
            "properties": {
                "title": {"type": "string", "maxLength": 500},
                "content": {"type": "object"},
                "expected_hash": {"type": ["string", "null"]},
            },
        },
    ),
)
async def propose(proposal_id: Id, request: Request, caller: Proposer) -> Response:
    """Begin a draft under an id of your choice, or change it. `content` has the sections of a catalogue load; a draft
    may still have faults (reading tells them). With `expected_hash` it is refused (409) if somebody else was faster."""
    draft = free_json(await request.body(), _Draft)
    return reply(
        await caller.ask(
            "indicators",
            "propose",
            proposal_id=proposal_id,
            title=draft.title,
            content=draft.content,
            expected_hash=draft.expected_hash,
        )
    )


@router.post(
    PROPOSAL + "/submit",
    **documented("Submit a proposal", ProposalView, examples.PROPOSAL, body={"content_hash": examples.HASH}),
)
async def submit_proposal(proposal_id: Id, read: Read, caller: Proposer) -> Response:
    """Lay the draft before reviewers and the publisher; refused (422) while it has faults."""
    return reply(
        await caller.ask(
            "indicators",
            "submit_proposal",
            timeout_seconds=PLAN_TIMEOUT_SECONDS,
            proposal_id=proposal_id,
            content_hash=read.content_hash,
        )
    )


@router.post(
    PROPOSAL + "/reviews",
    **documented(
        "Review a proposal", ReviewView, examples.REVIEW, body={"agrees": False, "text": examples.REVIEW["text"]}
    ),
)
async def review_proposal(proposal_id: Id, opinion: Opinion, caller: Reviewer) -> Response:
    """Agree or disagree with a proposal that waits; one's last word in a round counts."""
    return reply(
        await caller.ask(
            "indicators", "review_proposal", proposal_id=proposal_id, agrees=opinion.agrees, text=opinion.text
        )
    )


@router.post(
    PROPOSAL + "/publish",
    **documented(
        "Publish a proposal",
        ProposalView,
        examples.PUBLISHED,
        body={"decision": "Quyết định 15/2026/QĐ-UBND", "content_hash": examples.HASH},
    ),
)
async def publish_proposal(proposal_id: Id, publication: Publication, caller: Publisher) -> Response:
    """Publish exactly the content that was read: it becomes one version of the catalogue. Its authors may not; an
    agency's administrator publishes the agency's own thematic and ad hoc regimes only (Đ14.3)."""
    return reply(
        await caller.ask(
            "indicators",
            "publish_proposal",
            timeout_seconds=PLAN_TIMEOUT_SECONDS,
            proposal_id=proposal_id,
            decision=publication.decision,
            content_hash=publication.content_hash,
        )
    )


@router.post(
    PROPOSAL + "/return",
    **documented(
        "Return a proposal",
        ProposalView,
        {**examples.PROPOSAL, "state": "draft", "round": 2, "reason": "Chưa nêu phương pháp tính."},
        body={"reason": "Chưa nêu phương pháp tính."},
    ),
)
async def return_proposal(proposal_id: Id, why: Reason, caller: Publisher) -> Response:
    """Send a proposal back to its authors, who change it and submit it again."""
    return reply(await caller.ask("indicators", "return_proposal", proposal_id=proposal_id, reason=why.reason))


@router.post(
    PROPOSAL + "/reject",
    **documented(
        "Reject a proposal",
        ProposalView,
        {**examples.PROPOSAL, "state": "rejected", "reason": "Trùng chế độ báo cáo đã có."},
        body={"reason": "Trùng chế độ báo cáo đã có."},
    ),
)
async def reject_proposal(proposal_id: Id, why: Reason, caller: Publisher) -> Response:
    """Refuse a proposal for good."""
    return reply(await caller.ask("indicators", "reject_proposal", proposal_id=proposal_id, reason=why.reason))


@router.post(
    PROPOSAL + "/withdraw",
    **documented("Withdraw a proposal", ProposalView, {**examples.PROPOSAL, "state": "withdrawn"}),
)
async def withdraw_proposal(proposal_id: Id, caller: Proposer) -> Response:
    """Take one's own proposal back for good, before it is decided."""
    return reply(await caller.ask("indicators", "withdraw_proposal", proposal_id=proposal_id))
