"""Applying what a load, a publication or a reform changes: one version of the catalogue, one event, one audit entry."""

from __future__ import annotations

from typing import Any

from services.indicators.domain.catalogue import Bodies, Key
from services.indicators.storage import catalogue as entries
from shared.contracts.events import CatalogueChanged, CatalogueEntry
from shared.errors import Conflict
from shared.storage import Unit

MAX_DELTA = 500
"""Changed entries that travel with the event; beyond that readers fetch the snapshot."""


def expect(version: int, expected: int | None) -> None:
    """Refuse what was planned or previewed for another version of the catalogue; None: for any.

    Raises Conflict("indicators.catalogue_moved").
    """
    if expected not in (None, version):
        raise Conflict(
            "indicators.catalogue_moved",
            f"the catalogue is at version {version}, not at {expected}: preview again",
            "Danh mục đã thay đổi sau khi xem trước; hãy xem trước lại.",
        )


def apply(unit: Unit, version: int, stored: Bodies, changed: dict[Key, dict[str, Any]], because: str = "load") -> int:
    """Write these entries as the version after `version` (whose lock the caller holds), tell and audit it, and return
    it; without changes there is no new version. `because` says in the audit where they come from."""
    if not changed:
        return version
    version += 1
    entries.save(unit.connection, changed, version, unit.now, unit.actor.id)
    delta = [CatalogueEntry(kind, key, body) for (kind, key), body in sorted(changed.items())]
    unit.emit(CatalogueChanged(version=version, entries=delta if len(delta) <= MAX_DELTA else None))
    added = len(changed.keys() - stored.keys())
    counts = {"added": added, "changed": len(changed) - added, "because": because}
    unit.audit("catalogue.loaded", f"catalogue/{version}", counts)
    return version
