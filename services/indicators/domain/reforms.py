"""Reforms of the organisation against the catalogue: read, applied as a whole, and what they change. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import msgspec

from services.indicators.domain.catalogue import MAX_FAULTS, Bodies, Key, accept, read_load
from shared.catalogue import reform_effects
from shared.catalogue.entries import Form, OwedByEach
from shared.catalogue.organisation import Organisation
from shared.catalogue.reforms import apply
from shared.catalogue.units import Reform, Unit
from shared.contracts.views.organisation import ReformView
from shared.errors import Conflict, Invalid


def read_reform(raw: dict[str, Any]) -> Reform:
    """Return a reform in normal form. Raises Invalid("indicators.reform_invalid")."""
    bodies, faults = read_load({"reforms": [raw]})
    if faults:
        raise _invalid([asdict(fault) for fault in faults])
    [((_, reform_id), body)] = bodies.items()
    return msgspec.convert({"id": reform_id, **body}, Reform)


def stands(stored: Bodies, reform: Reform) -> bool:
    """Tell whether the catalogue holds this reform already.

    Raises Conflict("indicators.reform_differs") if it holds another one under the same id.
    """
    held = stored.get(("reform", reform.id))
    if held is not None and held != _body(reform):
        raise Conflict(
            "indicators.reform_differs",
            f"reform {reform.id} was applied with another content",
            f"Đợt sắp xếp {reform.id} đã được áp dụng với nội dung khác.",
        )
    return held is not None


def applied(stored: Bodies, reform: Reform) -> dict[Key, dict[str, Any]]:
    """Return the entries that the reform changes or makes, itself among them; the catalogue with them is sound.

    Raises Invalid("indicators.reform_invalid") naming changes by their position,
    Invalid("indicators.catalogue_invalid") for what does not fit the rest of the catalogue.
    """
    outcome = apply(_units(stored), reform)
    if outcome.faults:
        raise _invalid([asdict(fault) for fault in outcome.faults])
    units = msgspec.to_builtins(list(outcome.units.values()))
    return accept(stored, {"units": units, "reforms": [msgspec.to_builtins(reform)]})


def view(bodies: Bodies, reform: Reform, version: int, *, is_applied: bool) -> ReformView:
    """Return what the reform changes, told from a catalogue that has it in it."""
    organisation = Organisation(_units(bodies).values())
    changes = reform_effects.unit_changes(organisation, reform)
    turned = {change.id: change.kind for change in changes if {"begun", "ended"} & set(change.what)}
    return ReformView(
        id=reform.id,
        name=reform.name,
        decision=reform.decision,
        on=reform.on.isoformat(),
        version=version,
        applied=is_applied,
        units=changes,
        codes=reform_effects.handovers(organisation, reform),
        counts=reform_effects.counts(organisation, reform),
        forms=sorted(_forms(bodies, reform, turned)),
    )


def _forms(bodies: Bodies, reform: Reform, turned: dict[str, str]) -> Iterator[str]:
    """Yield the forms, still asked for, that another unit owes since: those of a kind of which units begin or end, and
    those that name one of them."""
    for (kind, form_id), body in bodies.items():
        if kind != "form":
            continue
        form = msgspec.convert({"id": form_id, **body}, Form)
        if form.periods.last is not None and str(form.periods.last)[:4] < str(reform.on.year):
            continue
        if isinstance(form.owed_by, OwedByEach):
            concerned = form.owed_by.each in turned.values()
        else:
            concerned = any({item.unit, item.agency} & turned.keys() for item in form.owed_by)
        if concerned:
            yield form_id


def _units(bodies: Bodies) -> dict[str, Unit]:
    found = [{"id": key, **body} for (kind, key), body in bodies.items() if kind == "unit"]
    return {unit.id: unit for unit in msgspec.convert(found, list[Unit])}


def _body(reform: Reform) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.to_builtins(reform)
    del body["id"]
    return body


def _invalid(errors: list[dict[str, Any]]) -> Invalid:
    return Invalid(
        "indicators.reform_invalid",
        f"the reform has {len(errors)} faults; nothing was changed",
        f"Đợt sắp xếp có {len(errors)} lỗi, không đơn vị nào bị thay đổi.",
        {"count": len(errors), "errors": errors[:MAX_FAULTS]},
    )
