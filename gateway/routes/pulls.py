"""Pulls from source systems."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter
from starlette.responses import Response

from gateway import examples
from gateway.auth import Caller, requires
from gateway.documentation import documented
from gateway.examples import pulls
from gateway.routes import After, Id, Limit, reply
from gateway.routes.bodies import Body
from shared.contracts.actor import EVERYWHERE
from shared.contracts.views.pulls import PullDetail, PullPage, PullView
from shared.contracts.views.submissions import ReceiptView
from shared.errors import NotFound

router = APIRouter(tags=["federation"])
Reader = Annotated[Caller, requires("deliveries.read")]
Puller = Annotated[Caller, requires("deliveries.manage")]
ReceiptReader = Annotated[Caller, requires("submissions.read")]


class PullOrder(Body):
    """From which mark to pull, as the source writes it (default: where the last pull ended), and whether to send on
    again what was sent before."""

    since: Id | None = None
    again: bool = False


@router.post(
    "/v1/partners/{partner}/pull",
    **documented("Pull from a source now", PullView, pulls.RUNNING, status=202, body={"again": False}),
)
async def pull(partner: Id, order: PullOrder, caller: Puller) -> Response:
    """Start a pull from a source; one that is under way is answered instead. Poll it until `finished_at`."""
    answer = await caller.ask("integration", "pull", partner=partner, since=order.since, again=order.again)
    return reply(answer, 202)


@router.get("/v1/partners/{partner}/pulls", **documented("List pulls", PullPage, pulls.PULLS))
async def list_pulls(partner: Id, caller: Reader, after: After = None, limit: Limit = 50) -> Response:
    """List the pulls from a source, newest first, and how far it was pulled."""
    return reply(await caller.ask("integration", "list_pulls", partner=partner, after=after, limit=limit))


@router.get("/v1/pulls/{pull_id}", **documented("Read a pull", PullDetail, pulls.PULL_DETAIL))
async def read_pull(pull_id: Id, caller: Reader) -> Response:
    """Read a pull with the rows that were not sent on, and the receipts of what was."""
    return reply(await caller.ask("integration", "read_pull", pull_id=pull_id))


@router.get(
    "/v1/pulls/{pull_id}/receipts/{receipt_id}",
    **documented("Read a pull's receipt", ReceiptView, {**examples.RECEIPT, "receipt_id": "p_4be1c0a7f2d94be1c0a7"}),
)
async def read_pull_receipt(pull_id: Id, receipt_id: Id, caller: ReceiptReader) -> Response:
    """Read what became of the figures of one push of a pull: accepted, unchanged, refused, in conflict with what was
    entered by hand. `accepted` until it is processed."""
    await caller.ask("integration", "check_pull_receipt", pull_id=pull_id, receipt_id=receipt_id)
    raw = await caller.ask("submissions", "find_receipt", receipt_id=receipt_id)
    if bytes(raw) == b"null":
        if not (EVERYWHERE in caller.actor.units and EVERYWHERE in caller.actor.forms):
            raise NotFound("data.no_receipt", "it takes a scope over everything", "Không có biên nhận này.")
        return reply(msgspec.Raw(msgspec.json.encode(ReceiptView(receipt_id=receipt_id, state="accepted"))))
    return reply(raw)
