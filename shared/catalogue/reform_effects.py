"""What a reform changes, told from the units as they are with it; and where units and reform disagree. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

from shared.catalogue.organisation import Organisation, Tree
from shared.catalogue.reforms import YEARS, ReformFault
from shared.catalogue.succession import Link
from shared.catalogue.units import Change, Reform, Unit
from shared.contracts.views.organisation import CodeHandover, SuccessionView, UnitChange


def concerned(reform: Reform) -> list[str]:
    """Return the ids of all units that the reform names as changed or made, in order."""
    found = {unit for change in reform.changes for unit in (*change.units, change.into) if unit is not None}
    return sorted(found)


def unit_changes(organisation: Organisation, reform: Reform) -> list[UnitChange]:
    """Return what becomes of each unit: the eve of the reform's day against the day itself."""
    found = (_change(organisation, organisation.units[unit], reform.on) for unit in concerned(reform))
    return [change for change in found if change.what or change.successors]


def handovers(organisation: Organisation, reform: Reform) -> list[CodeHandover]:
    """Return the codes that name another unit from the reform's day on."""
    eve = reform.on - timedelta(days=1)
    found = []
    for unit in concerned(reform):
        for code in _codes(organisation.units[unit], reform.on):
            before = organisation.resolve(code, eve)
            if before not in (None, unit):
                names = organisation.name(str(before), eve) or "", organisation.name(unit, reform.on) or ""
                found.append(
                    CodeHandover(code=code, before=str(before), before_name=names[0], since=unit, since_name=names[1])
                )
    return sorted(found, key=lambda item: item.code)


def counts(organisation: Organisation, reform: Reform) -> dict[str, dict[str, int]]:
    """Return how many units of each kind that the reform touches stood on its eve and stand since."""
    eve, since = organisation.at(reform.on - timedelta(days=1)), organisation.at(reform.on)
    kinds = sorted({organisation.units[unit].kind for unit in concerned(reform)})
    return {kind: {"before": len(eve.of_kind(kind)), "since": len(since.of_kind(kind))} for kind in kinds}


def succession_view(organisation: Organisation, link: Link) -> SuccessionView:
    """Return one edge with the names that its ends bore then."""
    eve = link.on - timedelta(days=1)
    return SuccessionView(
        before=link.before,
        before_name=organisation.name(link.before, eve) or "",
        after=link.after,
        after_name=organisation.name(link.after, link.on) if link.after else None,
        how=link.how,
        on=link.on.isoformat(),
        share=f"{link.share:f}",
    )


def disagreements(organisation: Organisation, reform: Reform) -> Iterator[ReformFault]:
    """Yield a fault wherever the units are not as this reform makes them: one that is recorded beside units must tell
    their history."""
    if reform.on.year not in YEARS:
        yield ReformFault("on", "day", f"{reform.on} is not from 1900 to 2199", "Ngày hiệu lực không hợp lệ.")
    for position, change in enumerate(reform.changes):
        place = f"changes[{position}]"
        unknown = [unit for unit in (*change.units, change.into) if unit is not None and unit not in organisation.units]
        for unit in unknown:
            yield ReformFault(f"{place}.units", "unknown", f"{unit} is no unit", f"Không có đơn vị “{unit}”.")
        if not unknown:
            for what in _differing(organisation, change, reform.on):
                message = f"the units are not as this change makes them: {what}"
                yield ReformFault(place, "disagrees", message, f"Danh mục đơn vị không khớp với thay đổi này: {what}.")


def _differing(organisation: Organisation, change: Change, on: date) -> Iterator[str]:
    tree = organisation.at(on)
    for unit in change.units:
        links = organisation.successions.successors(unit, on)
        if change.how in ("merge", "split", "abolish") and unit != change.into:
            if not any(link.after == change.into for link in links):
                yield f"{unit} → {change.into}"
            elif unit in tree and all(link.after != unit for link in links):
                yield unit
    becomes = [change.into] if change.into else [] if change.how == "abolish" else change.units
    for unit in becomes:
        if unit not in tree:
            yield unit
        else:
            yield from _other(organisation, tree, change, unit, on)


def _other(organisation: Organisation, tree: Tree, change: Change, unit: str, on: date) -> Iterator[str]:
    told = (change.name, change.type_vi, change.parent)
    for value, held in zip(told, (tree.name(unit), tree.type_vi(unit), tree.parent(unit)), strict=True):
        if value is not None and value != held:
            yield f"{unit}: {held} ≠ {value}"
    for code in change.codes or ():
        if organisation.resolve(code.text, on) != unit:
            yield f"{unit}: {code.text}"


class _State(NamedTuple):
    """A unit on one day."""

    name: str | None
    type_vi: str | None
    parent: str | None
    codes: list[str]


_ABSENT = _State(None, None, None, [])


def _state(organisation: Organisation, unit: Unit, on: date) -> _State:
    tree = organisation.at(on)
    if unit.id not in tree:
        return _ABSENT
    return _State(tree.name(unit.id), tree.type_vi(unit.id), tree.parent(unit.id), _codes(unit, on))


def _codes(unit: Unit, on: date) -> list[str]:
    return sorted(code.text for code in unit.codes if code.holds(on))


def _change(organisation: Organisation, unit: Unit, on: date) -> UnitChange:
    before, since = _state(organisation, unit, on - timedelta(days=1)), _state(organisation, unit, on)
    if before is _ABSENT or since is _ABSENT:
        what = ["begun"] if before is _ABSENT else ["ended"]
    else:
        words = ("renamed", "retyped", "moved", "recoded")
        what = [word for word, old, new in zip(words, before, since, strict=True) if old != new]
    return UnitChange(
        id=unit.id,
        kind=unit.kind,
        what=what,
        name_before=before.name,
        name_since=since.name,
        type_before=before.type_vi,
        type_since=since.type_vi,
        parent_before=before.parent,
        parent_since=since.parent,
        codes_before=before.codes,
        codes_since=since.codes,
        successors=[succession_view(organisation, link) for link in organisation.successions.successors(unit.id, on)],
    )
