"""The catalogue: what may stand in it, checked as a whole. Pure.

Loading adds and changes, it never removes: what was reported with an entry must stay readable, so entries end by
their dates or periods. A load is refused whole, with every fault and its place.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import msgspec

from services.indicators.domain import definitions, editions
from services.indicators.domain.faults import Fault, each_fault
from services.indicators.domain.faults.fault import unknown
from shared.catalogue.entries import (
    SECTIONS,
    CalendarDay,
    Dimension,
    Form,
    Indicator,
    Measure,
    Regime,
)
from shared.catalogue.units import Reform, Unit
from shared.errors import Invalid

Key = tuple[str, str]  # kind, id
Bodies = Mapping[Key, dict[str, Any]]
MAX_FAULTS = 200
_TYPES = dict(SECTIONS.values())
_CARRIED = {"form": editions.carry, "indicator": definitions.carry}
"""How an entry that stands meets its successor, where earlier versions stay with it."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All entries, typed, by id."""

    measures: dict[str, Measure]
    dimensions: dict[str, Dimension]
    units: dict[str, Unit]
    reforms: dict[str, Reform]
    indicators: dict[str, Indicator]
    calendar: dict[str, CalendarDay]
    regimes: dict[str, Regime]
    forms: dict[str, Form]

    @classmethod
    def of(cls, bodies: Bodies) -> Catalogue:
        """Type stored bodies. Raises msgspec.ValidationError on what `read_load` would have refused."""
        typed: dict[str, dict[str, Any]] = {kind: {} for kind in _TYPES}
        for (kind, entry_id), body in bodies.items():
            typed[kind][entry_id] = msgspec.convert({"id": entry_id, **body}, _TYPES[kind])
        return cls(**{section: typed[kind] for section, (kind, _) in SECTIONS.items()})


def accept(stored: Bodies, load: dict[str, Any]) -> dict[Key, dict[str, Any]]:
    """Return the bodies that `load` adds or changes, normalised, or refuse the whole load.

    Raises Invalid("indicators.catalogue_invalid"); `context["errors"]` lists each fault with its place.
    """
    bodies, faults = examine(stored, load)
    if faults:
        raise Invalid(
            "indicators.catalogue_invalid",
            f"the catalogue has {len(faults)} faults; nothing was loaded",
            f"Danh mục có {len(faults)} lỗi, không mục nào được nạp.",
            {"count": len(faults), "errors": [asdict(fault) for fault in faults[:MAX_FAULTS]]},
        )
    return {key: body for key, body in bodies.items() if stored.get(key) != body}


def examine(stored: Bodies, load: dict[str, Any]) -> tuple[dict[Key, dict[str, Any]], list[Fault]]:
    """Return the bodies that `load` would leave, in normal form and with the versions before them, and every
    fault of it: those of shape and those between entries."""
    bodies, faults = read_load(load)
    for key in [key for key in bodies if key[0] in _CARRIED and key in stored]:
        bodies[key], unlike = _CARRIED[key[0]](stored[key], key[1], bodies[key])
        faults += unlike
    # An entry whose shape is wrong is told once, not again wherever others name it.
    lost = {unknown("", fault.place.partition("[")[2].partition("]")[0]).message for fault in faults}
    between = each_fault(Catalogue.of({**stored, **bodies}))
    return bodies, faults + [fault for fault in between if fault.code != "unknown" or fault.message not in lost]


def read_load(load: dict[str, Any]) -> tuple[dict[Key, dict[str, Any]], list[Fault]]:
    """Return the load's bodies by key, in one normal form (NFC, absent fields filled in), and the faults of shape."""
    bodies: dict[Key, dict[str, Any]] = {}
    faults = [Fault(str(name), "unknown_section", "there is no such section", "Không có phần này trong danh mục.")
              for name in sorted(load.keys() - SECTIONS.keys())]  # fmt: skip
    for section, (kind, cls) in SECTIONS.items():
        entries = load.get(section, [])
        if not isinstance(entries, list):
            faults.append(Fault(section, "not_a_list", "is not a list", "Phần này phải là một danh sách."))
            continue
        for position, raw in enumerate(entries):
            entry_id = raw.get("id") if isinstance(raw, dict) else None
            place = f"{section}[{entry_id if isinstance(entry_id, str) else position}]"
            try:
                body = msgspec.to_builtins(msgspec.convert(_nfc(raw), cls))
            except msgspec.ValidationError as error:
                message, _, path = str(error).partition(" - at ")
                inside = path.strip("`").removeprefix("$")
                faults.append(Fault(place + inside, "shape", message, f"Mục này sai cấu trúc: {message}."))
                continue
            key = (kind, body.pop("id"))
            if key in bodies:
                faults.append(Fault(place, "twice", "stands twice", "Mục này xuất hiện hai lần."))
            bodies[key] = body
    return bodies, faults


def _nfc(value: Any) -> Any:
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if isinstance(value, list):
        return [_nfc(item) for item in value]
    if isinstance(value, dict):
        return {key: _nfc(item) for key, item in value.items()}
    return value
