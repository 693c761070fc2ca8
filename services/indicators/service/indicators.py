"""Indicators with their definitions through time, units of measure, dimensions; deriving anew after a change."""

from __future__ import annotations

from datetime import date

import msgspec

from services.indicators import recomputing
from services.indicators.service.paging import bounded, following
from services.indicators.storage import catalogue as entries
from services.indicators.storage.tables import reading
from shared.catalogue.definitions import exists
from shared.catalogue.entries import Definition, Indicator
from shared.contracts.actor import Actor
from shared.contracts.views.indicators import (
    DefinitionView,
    DimensionPage,
    DimensionView,
    IndicatorPage,
    IndicatorView,
    MeasurePage,
    MeasureView,
    RecomputeResult,
)
from shared.entrypoints import rpc
from shared.errors import Invalid, NotFound
from shared.storage import UnitOfWork

MAX_PLACES = 500


class IndicatorCalls:
    """What is measured, and how."""

    unit: UnitOfWork

    @rpc
    def list_indicators(
        self, actor: Actor, on: date | None = None, after: str | None = None, limit: int = 200
    ) -> IndicatorPage:
        """Return indicators in order of code: those there were on `on`, as they were defined that day, or all with
        their newest definition and those before it."""
        actor.require("catalogue.read")
        limit = bounded(limit)
        with reading(self.unit.engine).connect() as connection:
            found = entries.of_kind(connection, "indicator", after or "", limit + 1 if on is None else None)
        known = (msgspec.convert(body, Indicator) for body in found)
        views = [indicator_view(indicator, on) for indicator in known if on is None or exists(indicator, on)]
        return IndicatorPage(indicators=views[:limit], next=following(views, limit))

    @rpc
    def find_indicator(self, actor: Actor, indicator: str, on: date | None = None) -> IndicatorView:
        """Return an indicator with all its definitions, or as it was defined on a day.

        Raises NotFound("indicators.no_indicator"), also where there was none yet or any more on that day.
        """
        actor.require("catalogue.read")
        with reading(self.unit.engine).connect() as connection:
            body = entries.find(connection, "indicator", indicator)
        known = None if body is None else msgspec.convert(body, Indicator)
        if known is None or (on is not None and not exists(known, on)):
            raise _unknown(indicator)
        return indicator_view(known, on)

    @rpc
    def list_measures(self, actor: Actor, after: str | None = None, limit: int = 200) -> MeasurePage:
        """Return units of measure in order of id."""
        actor.require("catalogue.read")
        limit = bounded(limit)
        with reading(self.unit.engine).connect() as connection:
            found = entries.of_kind(connection, "measure", after or "", limit + 1)
        views = msgspec.convert(found, list[MeasureView])
        return MeasurePage(measures=views[:limit], next=following(views, limit))

    @rpc
    def list_dimensions(self, actor: Actor, after: str | None = None, limit: int = 200) -> DimensionPage:
        """Return dimensions with their code lists, in order of id."""
        actor.require("catalogue.read")
        limit = bounded(limit)
        with reading(self.unit.engine).connect() as connection:
            found = entries.of_kind(connection, "dimension", after or "", limit + 1)
        views = msgspec.convert(found, list[DimensionView])
        return DimensionPage(dimensions=views[:limit], next=following(views, limit))

    @rpc
    def recompute(
        self,
        actor: Actor,
        indicator: str,
        period_from: str,
        period_to: str,
        after: str | None = None,
        limit: int = 100,
    ) -> RecomputeResult:
        """Derive anew where this indicator, or what it is computed from, was reported between two periods: how a
        changed formula takes effect on what is recorded already. A page is one transaction of at most 500 (unit,
        period); the same again changes nothing.

        Raises NotFound("indicators.no_indicator"), Invalid("indicators.bad_cursor").
        """
        actor.require("catalogue.manage")
        cursor = _cursor(after)
        with self.unit(actor) as unit:
            found = recomputing.recompute(
                unit, indicator, (period_from, period_to), cursor, max(1, min(limit, MAX_PLACES))
            )
            if found is None:
                raise _unknown(indicator)
            return found


def indicator_view(indicator: Indicator, on: date | None) -> IndicatorView:
    """Return the indicator as it is defined on this day; without one, the newest definition and those before it."""
    told = _definition(indicator if on is None else indicator.on(on))
    codes = [code for code in indicator.codes if on is None or code.holds(on)]
    own = {
        "id": indicator.id,
        "name": indicator.name,
        "parent": indicator.parent,
        "breakdown": indicator.breakdown,
        "group": indicator.group,
        "lead_agency": indicator.lead_agency,
        "codes": codes,
        "earlier": [_definition(item) for item in indicator.earlier] if on is None else [],
    }
    return msgspec.convert({**msgspec.to_builtins(told), **msgspec.to_builtins(own)}, IndicatorView)


def _definition(definition: Definition) -> DefinitionView:
    body = {name: getattr(definition, name) for name in Definition.__struct_fields__}
    bounds = {name: _text(body[name]) for name in ("minimum", "maximum")}
    return msgspec.convert(msgspec.to_builtins({**body, **bounds}), DefinitionView)


def _text(bound: float | str | None) -> str | None:
    return None if bound is None else str(bound)


def _unknown(indicator: str) -> NotFound:
    return NotFound("indicators.no_indicator", f"there is no indicator {indicator}", f"Không có chỉ tiêu {indicator}.")


def _cursor(after: str | None) -> tuple[str, str]:
    if after is None:
        return "", ""
    period, separator, unit = after.partition("|")
    if not separator:
        raise Invalid("indicators.bad_cursor", f"{after!r} is no cursor", "Con trỏ trang không hợp lệ.")
    return period, unit
