"""Partners: who the hub exchanges figures with."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter
from starlette.responses import Response

from gateway import examples
from gateway.auth import Caller, requires
from gateway.documentation import documented
from gateway.routes import Id, reply
from shared.contracts.views import PartnerView

router = APIRouter(tags=["federation"])
Reader = Annotated[Caller, requires("deliveries.read")]
Sender = Annotated[Caller, requires("deliveries.manage")]


@router.get("/v1/partners", **documented("List partners", list[PartnerView], examples.PARTNERS))
async def list_partners(caller: Reader) -> Response:
    """List the partners and how the hub stands with each."""
    return reply(await caller.ask("integration", "list_partners"))


@router.post("/v1/partners/{partner}/sync", **documented("Send what is due now", dict[str, int], {"due": 2}))
async def sync(partner: Id, caller: Sender) -> Response:
    """Make every waiting delivery to this partner due now."""
    due = msgspec.json.decode(await caller.ask("integration", "sync", partner=partner))
    return reply(msgspec.Raw(msgspec.json.encode({"due": due})))
