"""Working days and deadlines as the catalogue has them."""

from __future__ import annotations

from datetime import date

import msgspec
from sqlalchemy import Connection, Engine

from services.indicators.storage import catalogue as entries
from services.indicators.storage.tables import reading
from shared.calendar import WorkingCalendar
from shared.catalogue import almanac
from shared.catalogue.entries import CalendarDay, Form, Regime
from shared.catalogue.schedules import working_calendar
from shared.contracts.actor import Actor
from shared.contracts.views.calendar import RegimeCalendar, WorkingDayView
from shared.entrypoints import rpc
from shared.errors import Invalid, NotFound
from shared.storage import UnitOfWork

MAX_DAYS = 400


class CalendarCalls:
    """The hub's calendar for those who ask."""

    unit: UnitOfWork

    @rpc
    def next_working_day(self, actor: Actor, days: list[date]) -> list[WorkingDayView]:
        """Say of each day whether offices work on it, why not, and the next day on which they do.

        Raises Invalid("calendar.too_many_days") beyond 400, Invalid("calendar.year") outside 1900 to 2199.
        """
        actor.require("catalogue.read")
        if len(days) > MAX_DAYS:
            raise Invalid("calendar.too_many_days", f"at most {MAX_DAYS} days", f"Tối đa {MAX_DAYS} ngày một lần.")
        with reading(self.unit.engine).connect() as connection:
            calendar = _calendar(connection)
        return [almanac.working_day(calendar, day) for day in days]

    @rpc
    def regime_calendar(self, actor: Actor, regime: str, year: int) -> RegimeCalendar:
        """Return the periods of a year that the regime's forms ask for: data window, opening, deadline of each level,
        and over which days off it moved. Raises NotFound("indicators.no_regime"), Invalid("calendar.year")."""
        actor.require("catalogue.read")
        return regime_year(self.unit.engine, regime, year)


def regime_year(engine: Engine, regime: str, year: int) -> RegimeCalendar:
    """Return the calendar of a regime's year. Raises NotFound("indicators.no_regime"), Invalid("calendar.year")."""
    with reading(engine).connect() as connection:
        regimes = {entry["id"]: entry for entry in entries.of_kind(connection, "regime", "")}
        forms = msgspec.convert(entries.of_kind(connection, "form", ""), list[Form])
        calendar = _calendar(connection)
    if regime not in regimes:
        raise NotFound("indicators.no_regime", f"there is no regime {regime}", "Không có chế độ báo cáo này.")
    return almanac.regime_calendar(msgspec.convert(regimes[regime], Regime), forms, calendar, year)


def _calendar(connection: Connection) -> WorkingCalendar:
    return working_calendar(msgspec.convert(entries.of_kind(connection, "calendar_day", ""), list[CalendarDay]))
