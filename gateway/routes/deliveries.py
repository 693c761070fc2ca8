"""Deliveries to partners and their attempts."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter
from starlette.responses import Response

from gateway import examples
from gateway.auth import Caller, requires
from gateway.documentation import documented
from gateway.routes import After, Id, Limit, reply
from shared.contracts.views import DeliveryDetail, DeliveryPage

router = APIRouter(tags=["federation"])
Reader = Annotated[Caller, requires("deliveries.read")]
DeliveryState = Literal["planned", "sending", "acknowledged", "rejected", "waiting", "in_doubt", "superseded", "dead"]


@router.get("/v1/deliveries", **documented("List deliveries", DeliveryPage, examples.DELIVERIES))
async def list_deliveries(
    caller: Reader,
    partner: Id | None = None,
    state: DeliveryState | None = None,
    after: After = None,
    limit: Limit = 50,
) -> Response:
    """List deliveries, newest first."""
    return reply(
        await caller.ask("integration", "list_deliveries", partner=partner, state=state, after=after, limit=limit)
    )


@router.get("/v1/deliveries/{delivery_id}", **documented("Read a delivery", DeliveryDetail, examples.DELIVERY_DETAIL))
async def read_delivery(delivery_id: Id, caller: Reader) -> Response:
    """Read a delivery with its attempts."""
    return reply(await caller.ask("integration", "read_delivery", delivery_id=delivery_id))
