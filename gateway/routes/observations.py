"""Reading the warehouse."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from gateway import examples
from gateway.auth import Caller, requires
from gateway.documentation import documented
from gateway.routes import After, AsOf, Id, Limit, reply
from shared.contracts.views.warehouse import ObservationPage, ObservationView

router = APIRouter(tags=["observations"])
Reader = Annotated[Caller, requires("observations.read")]


@router.get(
    "/v1/observations/{indicator}/{unit}/{period}",
    **documented("Read one value", ObservationView, examples.OBSERVATION),
)
async def find_observation(indicator: Id, unit: Id, period: Id, caller: Reader, as_of: AsOf = None) -> Response:
    """Read the value of an indicator for a unit and period, the current one or as of then, with where it comes from."""
    return reply(
        await caller.ask("indicators", "find_observation", indicator=indicator, unit=unit, period=period, as_of=as_of)
    )


@router.get("/v1/observations", **documented("List values", ObservationPage, examples.OBSERVATIONS))
async def list_observations(
    caller: Reader,
    form: Id | None = None,
    unit: Id | None = None,
    indicator: Id | None = None,
    period_from: Id | None = None,
    period_to: Id | None = None,
    as_of: AsOf = None,
    after: After = None,
    limit: Limit = 500,
) -> Response:
    """List values in key order. `as_of` is a recorded batch, a day or an instant: the answer is what the warehouse held
    then, and never changes later."""
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
