"""Working days, and when a regime's reports are due."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from gateway.auth import Caller, requires
from gateway.documentation import documented
from gateway.examples import calendar as examples
from gateway.routes import Day, Id, reply
from shared.calendar import FIRST_YEAR, LAST_YEAR
from shared.contracts.views.calendar import RegimeCalendar, WorkingDayView

router = APIRouter(tags=["catalogue"])
Reader = Annotated[Caller, requires("catalogue.read")]
Year = Annotated[int, Query(ge=FIRST_YEAR, le=LAST_YEAR)]


@router.get("/v1/calendar/next-working-day", **documented("Working days", list[WorkingDayView], examples.WORKING_DAYS))
async def next_working_day(
    caller: Reader, day: Annotated[list[Day], Query(min_length=1, max_length=100, description="one or more days")]
) -> Response:
    """Say of each day whether offices work on it, why not, and which day is the next on which they do."""
    return reply(await caller.ask("indicators", "next_working_day", days=day))


@router.get(
    "/v1/regimes/{regime}/calendar", **documented("A regime's calendar", RegimeCalendar, examples.REGIME_CALENDAR)
)
async def regime_calendar(regime: Id, caller: Reader, year: Year) -> Response:
    """List the regime's periods of a year: data window, opening of the intake, deadline of each level, and over which
    days off it moved."""
    return reply(await caller.ask("indicators", "regime_calendar", regime=regime, year=year))
