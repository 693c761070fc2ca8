"""What is measured, and how: indicators through time, units of measure, dimensions."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from gateway.auth import Caller, requires
from gateway.documentation import documented
from gateway.examples import indicators as examples
from gateway.routes import After, Day, Id, Limit, reply
from gateway.routes.bodies import Body
from shared.contracts.views.indicators import DimensionPage, IndicatorPage, IndicatorView, MeasurePage, RecomputeResult

router = APIRouter(tags=["catalogue"])
Reader = Annotated[Caller, requires("catalogue.read")]
Manager = Annotated[Caller, requires("catalogue.manage")]
RECOMPUTE_TIMEOUT_SECONDS = 60.0


class Span(Body):
    """Between which periods to derive anew, both included; `after` is `next` of the answer before, `limit` how many
    units and periods one call looks at."""

    period_from: Id
    period_to: Id
    after: Id | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 100


@router.get("/v1/indicators", **documented("List indicators", IndicatorPage, examples.INDICATORS))
async def list_indicators(caller: Reader, on: Day | None = None, after: After = None, limit: Limit = 200) -> Response:
    """List the indicators: those of a day as they were defined then, or all with every definition they had."""
    return reply(await caller.ask("indicators", "list_indicators", on=on, after=after, limit=limit))


@router.get("/v1/indicators/{indicator}", **documented("Read an indicator", IndicatorView, examples.INDICATOR))
async def find_indicator(indicator: Id, caller: Reader, on: Day | None = None) -> Response:
    """Read an indicator with every definition it had, or as it was defined on a day."""
    return reply(await caller.ask("indicators", "find_indicator", indicator=indicator, on=on))


@router.post(
    "/v1/indicators/{indicator}/recompute",
    **documented(
        "Derive anew",
        RecomputeResult,
        {"looked_at": 12, "changed": 12, "next": None},
        body={"period_from": "2016", "period_to": "2016"},
    ),
)
async def recompute(indicator: Id, span: Span, caller: Manager) -> Response:
    """Derive an indicator anew from what is recorded, as after a change of its formula, with all that looks back at it.
    Go on until `next` is null."""
    return reply(
        await caller.ask(
            "indicators",
            "recompute",
            timeout_seconds=RECOMPUTE_TIMEOUT_SECONDS,
            indicator=indicator,
            period_from=span.period_from,
            period_to=span.period_to,
            after=span.after,
            limit=span.limit,
        )
    )


@router.get("/v1/measures", **documented("List units of measure", MeasurePage, examples.MEASURES))
async def list_measures(caller: Reader, after: After = None, limit: Limit = 200) -> Response:
    """List the units of measure with their other names, and how they convert into one another."""
    return reply(await caller.ask("indicators", "list_measures", after=after, limit=limit))


@router.get("/v1/dimensions", **documented("List dimensions", DimensionPage, examples.DIMENSIONS))
async def list_dimensions(caller: Reader, after: After = None, limit: Limit = 200) -> Response:
    """List the ways of breaking figures down, with their code lists."""
    return reply(await caller.ask("indicators", "list_dimensions", after=after, limit=limit))
