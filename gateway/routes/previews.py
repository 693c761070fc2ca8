"""What a partner would be sent, before anything leaves."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from gateway.auth import Caller, requires
from gateway.documentation import documented
from gateway.examples import previews as examples
from gateway.routes import Id, reply
from shared.contracts.views.previews import RequestPreview

router = APIRouter(tags=["federation"])
Reader = Annotated[Caller, requires("deliveries.read")]


@router.get(
    "/v1/partners/{partner}/preview",
    **documented("Preview a delivery", RequestPreview, examples.PREVIEW),
)
async def preview_delivery(partner: Id, form: Id, unit: Id, period: Id, caller: Reader) -> Response:
    """Read the exact request by which this partner would be handed what is approved for a form, unit and period now.
    Credentials are masked; nothing is sent."""
    return reply(
        await caller.ask("integration", "preview_delivery", partner=partner, form=form, unit=unit, period=period)
    )
