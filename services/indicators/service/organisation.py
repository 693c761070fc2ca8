"""Units through time and reforms."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec

from services.indicators.applying import apply, expect
from services.indicators.domain import reforms as rules
from services.indicators.service.paging import bounded, following
from services.indicators.storage import catalogue as entries
from services.indicators.storage import organisation as organisations
from services.indicators.storage.tables import reading
from shared.catalogue import identifiers
from shared.catalogue.organisation import Organisation
from shared.catalogue.reform_effects import succession_view
from shared.contracts.actor import Actor
from shared.contracts.views.catalogue import UnitPage
from shared.contracts.views.organisation import (
    LineagePart,
    LineageView,
    ReformEntry,
    ReformPage,
    ReformView,
    UnitDetail,
)
from shared.entrypoints import rpc
from shared.errors import Invalid, NotFound
from shared.storage import UnitOfWork


class OrganisationCalls:
    """Units as they were, are and came about; reforms previewed and applied."""

    unit: UnitOfWork

    @rpc
    def list_units(
        self,
        actor: Actor,
        on: date | None = None,
        kind: str | None = None,
        parent: str | None = None,
        under: str | None = None,
        code: str | None = None,
        after: str | None = None,
        limit: int = 200,
    ) -> UnitPage:
        """Return units in order of id: those valid on `on`, as they were then, or all there ever were, as they were
        last. `parent` is the unit directly above, `under` any above; `code` (`gso:03388`, an identifier in either
        order) is what it bore on that day, or ever.

        Raises Invalid("indicators.bad_code", "catalogue.identifier", "catalogue.identifier_order").
        """
        actor.require("catalogue.read")
        limit = bounded(limit)
        organisation = organisations.current(self.unit.engine)
        views = {
            unit_id: unit.at(on)
            for unit_id, unit in sorted(organisation.units.items())
            if on is None or unit.holds(on)
        }  # fmt: skip
        wanted = set(views)
        if code is not None:
            wanted &= _bearers(organisation, code, on)
        if under is not None:
            wanted &= _below(under, {unit_id: view.parent for unit_id, view in views.items()})
        kept = [
            view
            for unit_id, view in views.items()
            if unit_id in wanted and unit_id > (after or "")
            and kind in (None, view.kind) and parent in (None, view.parent)
        ]  # fmt: skip
        return UnitPage(units=kept[:limit], next=following(kept, limit))

    @rpc
    def find_unit(self, actor: Actor, unit: str) -> UnitDetail:
        """Return a unit with its whole history. Raises NotFound("indicators.no_unit")."""
        actor.require("catalogue.read")
        organisation = organisations.current(self.unit.engine)
        known = organisation.units.get(unit)
        if known is None:
            raise _no_unit(unit)
        successions = organisation.successions
        return UnitDetail(
            unit=known.at(None),
            names=msgspec.to_builtins(known.names),
            parents=msgspec.to_builtins(known.parents),
            codes=msgspec.to_builtins(known.codes),
            predecessors=[succession_view(organisation, link) for link in successions.predecessors(unit)],
            successors=[succession_view(organisation, link) for link in successions.successors(unit)],
        )

    @rpc
    def trace_unit(self, actor: Actor, unit: str, earlier: date, on: date | None = None) -> LineageView:
        """Return the units whose figures of the day `earlier` together are the earlier figure of `unit` as it is on
        `on` (default: last). Raises NotFound("indicators.no_unit")."""
        actor.require("catalogue.read")
        organisation = organisations.current(self.unit.engine)
        if unit not in organisation.units:
            raise _no_unit(unit)
        lineage = organisation.lineage(unit, earlier, on)
        parts = [
            LineagePart(unit=part.unit, name=organisation.name(part.unit, earlier) or "", share=f"{part.share:f}")
            for part in lineage.parts
        ]
        return LineageView(
            unit=unit,
            earlier=earlier.isoformat(),
            parts=parts,
            itself=lineage.is_itself,
            exact=lineage.is_exact,
            through=[day.isoformat() for day in lineage.through],
        )

    @rpc
    def list_reforms(self, actor: Actor, after: str | None = None, limit: int = 200) -> ReformPage:
        """Return the reforms that the catalogue holds, in order of id."""
        actor.require("catalogue.read")
        limit = bounded(limit)
        with reading(self.unit.engine).connect() as connection:
            found = entries.of_kind(connection, "reform", after or "", limit + 1)
        reforms = msgspec.convert(found, list[ReformEntry])
        return ReformPage(reforms=reforms[:limit], next=following(reforms, limit))

    @rpc
    def preview_reform(self, actor: Actor, reform: dict[str, Any]) -> ReformView:
        """Return what a reform would change, and change nothing. Its `version` guards the applying.

        Raises Invalid("indicators.reform_invalid", "indicators.catalogue_invalid") with every fault and its place,
        Conflict("indicators.reform_differs") if another one stands under its id.
        """
        actor.require("catalogue.manage")
        read = rules.read_reform(reform)
        with self.unit(actor) as unit:
            version = entries.lock(unit.connection)  # entries and version are of one moment
            stored = entries.bodies(unit.connection)
        standing = rules.stands(stored, read)
        changed = {} if standing else rules.applied(stored, read)
        return rules.view({**stored, **changed}, read, version, is_applied=standing)

    @rpc
    def apply_reform(self, actor: Actor, reform: dict[str, Any], expected_version: int) -> ReformView:
        """Apply a reform whole as one version of the catalogue, or refuse it whole; the same again changes nothing.

        `expected_version` is the catalogue's that was previewed. Raises what `preview_reform` raises, and
        Conflict("indicators.catalogue_moved") if the catalogue has changed since.
        """
        actor.require("catalogue.manage")
        read = rules.read_reform(reform)
        with self.unit(actor) as unit:
            version = entries.lock(unit.connection)
            stored = entries.bodies(unit.connection)
            changed: dict[tuple[str, str], dict[str, Any]] = {}
            if not rules.stands(stored, read):
                expect(version, expected_version)
                changed = rules.applied(stored, read)
                version = apply(unit, version, stored, changed, because=f"reform/{read.id}")
                unit.audit("reform.applied", f"reform/{read.id}", {"decision": read.decision, "version": version})
        return rules.view({**stored, **changed}, read, version, is_applied=True)


def _bearers(organisation: Organisation, code: str, on: date | None) -> set[str]:
    scheme, separator, value = code.partition(":")
    if not (scheme and separator and value):
        raise Invalid(
            "indicators.bad_code",
            f"{code!r} is no code: scheme:value",
            "Mã phải viết dạng “hệ mã:mã”, ví dụ gso:03388.",
        )
    if scheme in identifiers.SCHEMES:
        identifiers.read(value)
    if on is None:
        return set(organisation.bearers(code))
    return {unit for unit in (organisation.resolve(code, on),) if unit is not None}


def _below(top: str, parents: dict[str, str | None]) -> set[str]:
    below: set[str] = set()
    found = {unit for unit, parent in parents.items() if parent == top}
    while found:
        below |= found
        found = {unit for unit, parent in parents.items() if parent in found} - below
    return below - {top}


def _no_unit(unit: str) -> NotFound:
    return NotFound("indicators.no_unit", f"there is no unit {unit}", f"Không có đơn vị “{unit}” trong danh mục.")
