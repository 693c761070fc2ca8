"""Deliveries to partners and their attempts."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter
from starlette.responses import Response

from gateway import examples
from gateway.auth import Caller, requires
from gateway.documentation import documented
from gateway.routes import After, Id, Limit, plain_text, reply
from gateway.routes.bodies import Body
from shared.contracts.views.integration import DeliveryDetail, DeliveryPage, DeliveryView

router = APIRouter(tags=["federation"])
Reader = Annotated[Caller, requires("deliveries.read")]
Operator = Annotated[Caller, requires("deliveries.manage")]
DeliveryState = Literal["planned", "sending", "acknowledged", "rejected", "waiting", "in_doubt", "superseded", "dead"]


class Settling(Body):
    """How a delivery in doubt ended, by the word of a person who has found out."""

    applied: bool
    reason: Annotated[str, plain_text(2000)]


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


@router.post(
    "/v1/deliveries/{delivery_id}/settle",
    **documented(
        "Say how a delivery in doubt ended",
        DeliveryView,
        examples.DELIVERY,
        body={"applied": True, "reason": "Đầu mối của bộ xác nhận qua điện thoại là đã nhận."},
    ),
)
async def settle_delivery(delivery_id: Id, settling: Settling, caller: Operator) -> Response:
    """Say whether the partner applied it, where the partner itself cannot be asked; the reason is kept."""
    return reply(
        await caller.ask(
            "integration",
            "settle_delivery",
            delivery_id=delivery_id,
            applied=settling.applied,
            reason=settling.reason,
        )
    )
