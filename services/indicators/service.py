"""The indicators service as RabbitMQ sees it: questions about catalogue and warehouse, and loading a catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import msgspec

from services.indicators.domain import catalogue as rules
from services.indicators.domain.units import Unit as CatalogueUnit
from services.indicators.storage import catalogue as entries
from services.indicators.storage import warehouse
from services.indicators.storage.tables import reading
from shared.contracts.actor import EVERYWHERE, Actor
from shared.contracts.events import CatalogueChanged, CatalogueEntry
from shared.contracts.views import (
    CataloguePage,
    FormPage,
    FormView,
    IndicatorPage,
    IndicatorView,
    LoadResult,
    ObservationPage,
    ObservationView,
    UnitPage,
)
from shared.entrypoints import Described, rpc
from shared.errors import Invalid, NotFound
from shared.storage import UnitOfWork

MAX_DELTA = 500
"""Changed entries that travel with the event; beyond that readers fetch the snapshot."""
MAX_PAGE = 5_000


class IndicatorsService(Described):
    """Catalogue and warehouse for those who ask."""

    name = "indicators"
    unit = UnitOfWork()

    @rpc
    def load_catalogue(self, actor: Actor, catalogue: dict[str, Any]) -> LoadResult:
        """Check the whole catalogue and take over what is new in it, or refuse it with every fault and its place.

        Adds and changes, never removes. A load that changes nothing makes no version, so it may be repeated.
        Raises Invalid("indicators.catalogue_invalid").
        """
        actor.require("catalogue.manage")
        with self.unit(actor) as unit:
            version = entries.lock(unit.connection)
            stored = entries.bodies(unit.connection)
            changed = rules.accept(stored, catalogue)
            total = sum(len(catalogue.get(section, ())) for section in rules.SECTIONS)
            added = len(changed.keys() - stored.keys())
            if changed:
                version += 1
                entries.save(unit.connection, changed, version, unit.now, actor.id)
                delta = [CatalogueEntry(kind, key, body) for (kind, key), body in sorted(changed.items())]
                unit.emit(CatalogueChanged(version=version, entries=delta if len(delta) <= MAX_DELTA else None))
                counts = {"added": added, "changed": len(changed) - added}
                unit.audit("catalogue.loaded", f"catalogue/{version}", counts)
        return LoadResult(version=version, added=added, changed=len(changed) - added, unchanged=total - len(changed))

    @rpc
    def read_catalogue(self, after: str | None = None, limit: int = 500) -> CataloguePage:
        """Return a page of the snapshot. The cursor is the last entry's `kind/id`; a reader that meets another
        version than its first page's starts anew."""
        limit = _bounded(limit)
        kind, _, key = (after or "").partition("/")
        with reading(self.unit.engine).connect() as connection:
            version, found = entries.page(connection, (kind, key), limit + 1)
        last = found[limit - 1] if len(found) > limit else None
        return CataloguePage(version=version, entries=found[:limit], next=f"{last.kind}/{last.id}" if last else None)

    @rpc
    def catalogue_version(self) -> int:
        """Return the catalogue's version; 0 before the first load."""
        with reading(self.unit.engine).connect() as connection:
            return entries.version(connection)

    @rpc
    def list_units(
        self,
        actor: Actor,
        on: date | None = None,
        kind: str | None = None,
        parent: str | None = None,
        after: str | None = None,
        limit: int = 200,
    ) -> UnitPage:
        """Return units in order of id: those valid on `on`, as they were then, or all there ever were."""
        actor.require("catalogue.read")
        limit = _bounded(limit)
        with reading(self.unit.engine).connect() as connection:
            found = entries.of_kind(connection, "unit", after or "")
        views = (unit.at(on) for unit in msgspec.convert(found, list[CatalogueUnit]) if on is None or unit.holds(on))
        kept = [view for view in views if kind in (None, view.kind) and parent in (None, view.parent)]
        return UnitPage(units=kept[:limit], next=_next(kept, limit))

    @rpc
    def list_indicators(self, actor: Actor, after: str | None = None, limit: int = 200) -> IndicatorPage:
        """Return indicators in order of code."""
        actor.require("catalogue.read")
        limit = _bounded(limit)
        with reading(self.unit.engine).connect() as connection:
            found = entries.of_kind(connection, "indicator", after or "", limit + 1)
        views = msgspec.convert(found, list[IndicatorView])
        return IndicatorPage(indicators=views[:limit], next=_next(views, limit))

    @rpc
    def list_forms(self, actor: Actor, after: str | None = None, limit: int = 200) -> FormPage:
        """Return forms in order of id."""
        actor.require("catalogue.read")
        limit = _bounded(limit)
        with reading(self.unit.engine).connect() as connection:
            found = entries.of_kind(connection, "form", after or "", limit + 1)
        views = msgspec.convert(found, list[FormView])
        return FormPage(forms=views[:limit], next=_next(views, limit))

    @rpc
    def find_observation(self, actor: Actor, indicator: str, unit: str, period: str) -> ObservationView:
        """Return the current value of an indicator for a unit and period.

        Raises NotFound("indicators.no_observation"), Forbidden where unit or form is out of the actor's scope.
        """
        actor.require("observations.read", unit=unit)
        with reading(self.unit.engine).connect() as connection:
            found = warehouse.find(connection, indicator, unit, period)
        if found is None:
            raise NotFound(
                "indicators.no_observation",
                f"there is no {indicator} of {unit} for {period}",
                f"Chưa có số liệu chính thức của chỉ tiêu {indicator}, đơn vị {unit}, kỳ {period}.",
            )
        actor.require("observations.read", form=found.form)
        return found

    @rpc
    def list_observations(
        self,
        actor: Actor,
        form: str | None = None,
        unit: str | None = None,
        indicator: str | None = None,
        period_from: str | None = None,
        period_to: str | None = None,
        as_of: int | None = None,
        after: str | None = None,
        limit: int = 500,
    ) -> ObservationPage:
        """Return values in order of (unit, period, indicator): the current ones, or those the warehouse held right
        after the batch `as_of`. What lies outside the actor's units and forms is left out; asked for by name it is
        refused."""
        actor.require("observations.read", unit=unit, form=form)
        limit = _bounded(limit)
        with reading(self.unit.engine).connect() as connection:
            found = warehouse.page(
                connection,
                form=form,
                unit=unit,
                indicator=indicator,
                period_from=period_from,
                period_to=period_to,
                as_of=as_of,
                units=None if EVERYWHERE in actor.units else actor.units,
                forms=None if EVERYWHERE in actor.forms else actor.forms,
                after=_cursor(after),
                limit=limit + 1,
            )
        last = found[limit - 1] if len(found) > limit else None
        return ObservationPage(
            observations=found[:limit], next=f"{last.unit}|{last.period}|{last.indicator}" if last else None
        )


def _bounded(limit: int) -> int:
    return max(1, min(limit, MAX_PAGE))


def _next(views: Sequence[Any], limit: int) -> str | None:
    return str(views[limit - 1].id) if len(views) > limit else None


def _cursor(after: str | None) -> tuple[str, str, str] | None:
    if after is None:
        return None
    parts = after.split("|")
    if len(parts) != 3:
        raise Invalid("indicators.bad_cursor", f"{after!r} is no cursor", "Con trỏ trang không hợp lệ.")
    return parts[0], parts[1], parts[2]
