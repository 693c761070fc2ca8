"""Series, the grid of comparisons, and what was recorded when."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from gateway.auth import Caller, requires
from gateway.documentation import documented
from gateway.examples import warehouse as examples
from gateway.routes import AsOf, Id, Limit, reply
from shared.contracts.views.warehouse import BatchPage, GridView, OutlierPage, SeriesPage

router = APIRouter(tags=["observations"])
Reader = Annotated[Caller, requires("observations.read")]
Ids = Annotated[list[Id], Query(min_length=1, max_length=500)]
OptionalIds = Annotated[list[Id] | None, Query(max_length=500)]
OutlierMethod = Literal["z_score", "modified_z_score", "min_max"]
PeriodKind = Literal["year", "nine_months", "half", "quarter", "month"]


@router.get("/v1/series", **documented("Read series", SeriesPage, examples.SERIES))
async def read_series(
    caller: Reader,
    indicator: Ids,
    unit: Ids,
    period_from: Id,
    period_to: Id,
    kind: PeriodKind | None = None,
    as_of: AsOf = None,
) -> Response:
    """Read indicators of units in every period of one kind between two periods, what is missing included. `indicator`
    and `unit` may be repeated; at most 50,000 points."""
    return reply(
        await caller.ask(
            "indicators",
            "read_series",
            indicators=indicator,
            units=unit,
            period_from=period_from,
            period_to=period_to,
            kind=kind,
            as_of=as_of,
        )
    )


@router.get("/v1/grid", **documented("Read the grid of comparisons", GridView, examples.GRID))
async def read_grid(
    caller: Reader,
    period: Id,
    form: Id | None = None,
    indicator: OptionalIds = None,
    unit: OptionalIds = None,
    under: Id | None = None,
    totals_only: bool = False,
    as_of: AsOf = None,
) -> Response:
    """Compare a period with the one before and the same of last year, in figures, per cent and sums since January. Name
    a `form` or indicators, and units or the unit they are `under`: these come with their sum, or with `totals_only` the
    sum alone. `basis` says where a figure is the roll-up of the units that this one was made of."""
    return reply(
        await caller.ask(
            "indicators",
            "read_grid",
            period=period,
            form=form,
            indicators=indicator,
            units=unit,
            under=under,
            totals_only=totals_only,
            as_of=as_of,
        )
    )


@router.get("/v1/outliers", **documented("Scan a year for unusual values", OutlierPage, examples.OUTLIERS))
async def scan_outliers(
    caller: Reader,
    year: Annotated[int, Query(ge=1900, le=2999)],
    method: OutlierMethod = "modified_z_score",
    threshold: Id | None = None,
    at_least: Annotated[int, Query(ge=2, le=1000)] = 5,
    unit: Id | None = None,
    form: Id | None = None,
    limit: Limit = 200,
) -> Response:
    """Find the year's values that are unusual against the years before in their series, furthest first. `threshold`
    defaults to 3 (z_score), 3.5 (modified_z_score), 0 (min_max). Where series could not be judged yet (`pending`), ask
    again."""
    return reply(
        await caller.ask(
            "indicators",
            "scan_outliers",
            year=year,
            method=method,
            threshold=threshold,
            at_least=at_least,
            unit=unit,
            form=form,
            limit=limit,
        )
    )


@router.get("/v1/batches", **documented("List what was recorded when", BatchPage, examples.BATCHES))
async def list_batches(
    caller: Reader,
    form: Id | None = None,
    unit: Id | None = None,
    period: Id | None = None,
    after: Annotated[int, Query(ge=0, le=2**63 - 1, description="`next` of the page before")] | None = None,
    limit: Limit = 200,
) -> Response:
    """List batches, newest first: number, time, and the submission or load they recorded. Any of them may be read
    `as_of`."""
    return reply(
        await caller.ask("indicators", "list_batches", form=form, unit=unit, period=period, after=after, limit=limit)
    )
