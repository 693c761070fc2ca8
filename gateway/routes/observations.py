"""Reading the warehouse."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from gateway import examples
from gateway.auth import Caller, requires
from gateway.documentation import documented
from gateway.routes import After, Id, Limit, reply
from shared.contracts.views import ObservationPage, ObservationView

router = APIRouter(tags=["observations"])
Reader = Annotated[Caller, requires("observations.read")]


@router.get(
    "/v1/observations/{indicator}/{unit}/{period}",
    **documented("Read one value", ObservationView, examples.OBSERVATION),
)
async def find_observation(indicator: Id, unit: Id, period: Id, caller: Reader) -> Response:
    """Read the current value of an indicator for a unit and period, with where it comes from."""
    return reply(await caller.ask("indicators", "find_observation", indicator=indicator, unit=unit, period=period))


@router.get("/v1/observations", **documented("List values", ObservationPage, examples.OBSERVATIONS))
async def list_observations(
    caller: Reader,
    form: Id | None = None,
    unit: Id | None = None,
    indicator: Id | None = None,
    period_from: Id | None = None,
    period_to: Id | None = None,
    as_of: Annotated[int, Field(ge=0, le=2**63 - 1)] | None = None,
    after: After = None,
    limit: Limit = 500,
) -> Response:
    """List values in key order. `as_of` is a recorded batch: the answer is what the warehouse held right after it,
    and never changes later."""
    return reply(
        await caller.ask(
            "indicators",
            "list_observations",
            form=form,
            unit=unit,
            indicator=indicator,
            period_from=period_from,
            period_to=period_to,
            as_of=as_of,
            after=after,
            limit=limit,
        )
    )
