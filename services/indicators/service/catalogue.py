"""Loading and reading the catalogue."""

from __future__ import annotations

from typing import Any

import msgspec

from services.indicators.applying import apply, expect
from services.indicators.domain import catalogue as rules
from services.indicators.domain.plan import plan
from services.indicators.service.paging import bounded, following
from services.indicators.storage import catalogue as entries
from services.indicators.storage.tables import reading
from shared.catalogue.entries import SECTIONS
from shared.contracts.actor import Actor
from shared.contracts.views.catalogue import CataloguePage, CataloguePlan, FormPage, FormView, LoadResult
from shared.entrypoints import rpc
from shared.storage import UnitOfWork


class CatalogueCalls:
    """The catalogue as a whole, and its entries one by one."""

    unit: UnitOfWork

    @rpc
    def plan_catalogue(self, actor: Actor, catalogue: dict[str, Any]) -> CataloguePlan:
        """Tell what `load_catalogue` would add and change, field by field, and every fault; nothing is changed."""
        actor.require("catalogue.manage")
        with reading(self.unit.engine).connect() as connection:
            version = entries.version(connection)
            return plan(version, entries.bodies(connection), catalogue)

    @rpc
    def load_catalogue(
        self, actor: Actor, catalogue: dict[str, Any], expected_version: int | None = None
    ) -> LoadResult:
        """Check the whole catalogue and take over what is new in it, or refuse it with every fault and its place.

        Adds and changes, never removes. A load that changes nothing makes no version, so it may be repeated. Who loads
        what a plan showed names the plan's version: if the catalogue moved on, the plan may no longer be true.
        Raises Invalid("indicators.catalogue_invalid"), Conflict("indicators.catalogue_moved").
        """
        actor.require("catalogue.manage")
        with self.unit(actor) as unit:
            version = entries.lock(unit.connection)
            expect(version, expected_version)
            stored = entries.bodies(unit.connection)
            changed = rules.accept(stored, catalogue)
            total = sum(len(catalogue.get(section, ())) for section in SECTIONS)
            added = len(changed.keys() - stored.keys())
            version = apply(unit, version, stored, changed)
        return LoadResult(version=version, added=added, changed=len(changed) - added, unchanged=total - len(changed))

    @rpc
    def read_catalogue(self, after: str | None = None, limit: int = 500) -> CataloguePage:
        """Return a page of the snapshot. The cursor is the last entry's `kind/id`; a reader that meets another
        version than its first page's starts anew."""
        limit = bounded(limit)
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
    def list_forms(self, actor: Actor, after: str | None = None, limit: int = 200) -> FormPage:
        """Return forms in order of id."""
        actor.require("catalogue.read")
        limit = bounded(limit)
        with reading(self.unit.engine).connect() as connection:
            found = entries.of_kind(connection, "form", after or "", limit + 1)
        views = msgspec.convert(found, list[FormView])
        return FormPage(forms=views[:limit], next=following(views, limit))
