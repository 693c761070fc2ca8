"""What a load would do, entry by entry and field by field, without doing it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from services.indicators.domain.catalogue import MAX_FAULTS, Bodies, examine
from shared.catalogue.entries import SECTIONS
from shared.contracts.views.catalogue import CatalogueFault, CataloguePlan, FieldChange, PlannedChange

_SECTION = {kind: section for section, (kind, _) in SECTIONS.items()}


def plan(version: int, stored: Bodies, load: dict[str, Any]) -> CataloguePlan:
    """Return what loading this on top of `stored`, the catalogue at `version`, would do. With faults it would do
    nothing; what else it says then is what could be read."""
    bodies, faults = examine(stored, load)
    added, changed = [], []
    for (kind, entry_id), body in sorted(bodies.items()):
        place, before = f"{_SECTION[kind]}[{entry_id}]", stored.get((kind, entry_id))
        if before is None:
            added.append(place)
        elif before != body:
            changed.append(PlannedChange(place=place, fields=list(_changes("", before, body))))
    return CataloguePlan(
        version=version,
        added=added,
        changed=changed,
        unchanged=len(bodies) - len(added) - len(changed),
        fault_count=len(faults),
        faults=[CatalogueFault(**asdict(fault)) for fault in faults[:MAX_FAULTS]],
    )


def _changes(path: str, before: Any, after: Any) -> Iterator[FieldChange]:
    """Yield what differs. Objects are compared field by field; a list is one value, because its order may matter."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted(before.keys() | after.keys()):
            yield from _changes(f"{path}.{name}" if path else name, before.get(name), after.get(name))
    elif before != after:
        yield FieldChange(field=path, before=before, after=after)
