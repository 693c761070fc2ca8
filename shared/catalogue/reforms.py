"""Reforms of the organisation as change sets: what the units become by one. Pure.

All changes take effect on the reform's day and are read in the order written: a new unit is made by the change that
first names it `into`. Nothing is forgotten: units end, and the names, parents and codes they had keep their spans.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, TypeVar

from msgspec.structs import replace

from shared.calendar import FIRST_YEAR, LAST_YEAR
from shared.catalogue.units import Change, Code, Name, Parent, Reform, Span, Succession, Unit

YEARS = range(FIRST_YEAR, LAST_YEAR + 1)
"""In which a reform may take effect."""

S = TypeVar("S", bound=Span)

_BECOMES = frozenset({"name", "type_vi", "parent", "codes"})
_MAKES = _BECOMES | {"into", "kind"}
_FIELDS: dict[str, tuple[frozenset[str], frozenset[str]]] = {  # what a change needs, and what else it may say
    "merge": (frozenset({"units", "into"}), _MAKES),
    "split": (frozenset({"units", "into", "share"}), _MAKES),
    "create": (frozenset({"into", "name", "kind"}), _MAKES),
    "abolish": (frozenset({"units"}), frozenset()),
    "rename": (frozenset({"units", "name"}), _BECOMES),
    "retype": (frozenset({"units", "type_vi"}), _BECOMES),
    "move": (frozenset({"units", "parent"}), _BECOMES),
    "recode": (frozenset({"units", "codes"}), _BECOMES),
}
_BECAME: dict[str, Literal["merged", "split", "abolished"]] = {
    "merge": "merged",
    "split": "split",
    "abolish": "abolished",
}


@dataclass(frozen=True, slots=True)
class ReformFault:
    """What keeps a reform from being applied. `place` names the change by its position (`changes[3].units`)."""

    place: str
    code: str
    message: str
    detail: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """The units that a reform changes or makes, as they become, by id; with faults nothing of it counts."""

    units: dict[str, Unit]
    faults: tuple[ReformFault, ...]


def apply(units: Mapping[str, Unit], reform: Reform) -> Outcome:
    """Return what the units become by this reform, with every fault found in it."""
    if reform.on.year not in YEARS:
        message = f"{reform.on} is not from {YEARS[0]} to {YEARS[-1]}"
        return Outcome({}, (ReformFault("on", "day", message, "Ngày hiệu lực không hợp lệ."),))
    draft = _Draft(units, reform.on)
    for position, change in enumerate(reform.changes):
        place = f"changes[{position}]"
        faults = [*_misshapen(change, place), *draft.not_standing(change, place)]
        draft.faults += faults
        if not faults:
            draft.take(change, place)
    draft.close()
    return Outcome(draft.changed, tuple(draft.faults))


@dataclass
class _Draft:
    """The units while a reform is applied to them, change by change."""

    units: Mapping[str, Unit]
    on: date
    changed: dict[str, Unit] = field(default_factory=dict)
    faults: list[ReformFault] = field(default_factory=list)
    told: dict[tuple[str, str], object] = field(default_factory=dict)  # what changes say of a unit
    made: set[str] = field(default_factory=set)
    received: list[tuple[str, str]] = field(default_factory=list)  # place of a change, the unit that goes on by it
    altered: set[str] = field(default_factory=set)
    edges: dict[str, list[tuple[str, Succession]]] = field(default_factory=dict)  # what becomes of whom, with the place

    def not_standing(self, change: Change, place: str) -> list[ReformFault]:
        """Return a fault for each unit of the change that does not stand, or has moved on already."""
        named = [(unit_id, f"{place}.units") for unit_id in change.units]
        if change.into in self.units:
            named.append((str(change.into), f"{place}.into"))
        return [fault for unit_id, at in named for fault in _unfit(self.units.get(unit_id), unit_id, self.on, at)]

    def take(self, change: Change, place: str) -> None:
        """Apply a change that is sound by itself."""
        if change.how != "abolish":
            self._remember(change, change.into or change.units[0], place)
        if change.into is not None:
            self._receive(change, change.into, place)
        elif change.how != "abolish":
            for unit_id in change.units:
                self._alter(unit_id, change)
        if change.how in _BECAME:
            for unit_id in change.units:
                if change.how == "split" or unit_id != change.into:
                    edge = Succession(id=change.into, how=_BECAME[change.how], on=self.on, share=change.share)
                    self.edges.setdefault(unit_id, []).append((place, edge))

    def _remember(self, change: Change, unit_id: str, place: str) -> None:
        """Find out whether two changes want different things of one unit: one of them would be lost unseen."""
        told: dict[str, object] = {name: getattr(change, name) for name in ("name", "type_vi", "parent")}
        for code in change.codes or ():
            told.setdefault(f"codes {code.scheme}", change.codes)
        for what, value in told.items():
            if value is not None and self.told.setdefault((unit_id, what), value) != value:
                name = what.partition(" ")[0]
                message = f"another change gives {unit_id} another one"
                self._fault(f"{place}.{name}", "contradicts", message, f"Thay đổi khác đã quy định khác cho {unit_id}.")

    def _receive(self, change: Change, into: str, place: str) -> None:
        """Make the unit that goes on, or alter it if it is there."""
        self.received.append((place, into))
        known = into in self.made or into in self.units
        if known and change.how == "create":
            self._fault(f"{place}.into", "exists", f"{into} exists", f"Đã có đơn vị “{into}”.")
        elif known:
            self._alter(into, change)
        elif change.name is None:
            self._fault(f"{place}.name", "missing", f"{into} is new: it needs a name", "Đơn vị mới chưa có tên.")
        else:
            self._make(change, into, change.name)

    def close(self) -> None:
        """End those whom nothing of themselves is left of, and find what only shows at the end."""
        ending = {unit for unit, found in self.edges.items() if all(edge.id != unit for _, edge in found)}
        for place, into in self.received:
            if into in ending:
                self._fault(f"{place}.into", "ends", f"{into} goes on and ends", f"Đơn vị kế tục {into} cũng kết thúc.")
        for unit_id, found in self.edges.items():
            self.faults += _contradicting(unit_id, found)
            unit = self._now(unit_id)
            edges = [edge for _, edge in found]
            unit = replace(unit, successors=[*unit.successors, *edges])
            if unit_id in ending:
                if unit_id in self.altered:
                    message = f"{unit_id} ends and is changed too"
                    detail = f"Đơn vị {unit_id} vừa kết thúc vừa được thay đổi."
                    self._fault(f"{found[0][0]}.units", "ends", message, detail)
                unit = _ended(unit, self.on)
            self.changed[unit_id] = unit

    def _now(self, unit_id: str) -> Unit:
        return self.changed.get(unit_id) or self.units[unit_id]

    def _make(self, change: Change, into: str, name: str) -> None:
        origin = self._now(change.units[0]) if change.units else None
        type_vi = change.type_vi or ""
        parent = change.parent or (origin.parent if origin else None)
        self.made.add(into)
        self.changed[into] = Unit(
            id=into,
            name=name,
            kind=change.kind or (origin.kind if origin else "agency"),
            type_vi=type_vi,
            parent=parent,
            valid_from=self.on,
            codes=_begun(change.codes, self.on),
            names=[Name(name=name, type_vi=type_vi, valid_from=self.on)],
            parents=[Parent(parent=parent, valid_from=self.on)],
        )

    def _alter(self, unit_id: str, change: Change) -> None:
        """Give a unit another name, type or parent, or other codes of the schemes named, from the day on."""
        unit = self._now(unit_id)
        new: dict[str, Any] = {}
        name, type_vi = change.name or unit.name, change.type_vi or unit.type_vi
        if (name, type_vi) != (unit.name, unit.type_vi):
            names = unit.names or [Name(name=unit.name, type_vi=unit.type_vi, valid_from=unit.valid_from)]
            names = [*_cut(names, self.on), Name(name=name, type_vi=type_vi, valid_from=self.on)]
            new |= {"name": name, "type_vi": type_vi, "names": names}
        if change.parent not in (None, unit.parent):
            parents = unit.parents or [Parent(parent=unit.parent, valid_from=unit.valid_from)]
            parents = [*_cut(parents, self.on), Parent(parent=change.parent, valid_from=self.on)]
            new |= {"parent": change.parent, "parents": parents}
        if change.codes:
            schemes = {code.scheme for code in change.codes}
            ended = _cut([code for code in unit.codes if code.scheme in schemes], self.on)
            kept = [code for code in unit.codes if code.scheme not in schemes]
            new["codes"] = [*kept, *ended, *_begun(change.codes, self.on)]
        if new:
            self.altered.add(unit_id)
            self.changed[unit_id] = replace(unit, **new)

    def _fault(self, place: str, code: str, message: str, detail: str) -> None:
        self.faults.append(ReformFault(place, code, message, detail))


def _misshapen(change: Change, place: str) -> list[ReformFault]:
    """Return a fault for each field that the change lacks, or that would be lost unseen."""
    needed, allowed = _FIELDS[change.how]
    given = {name for name in ("units", "share", *_MAKES) if getattr(change, name) not in (None, [], "")}
    faults = [
        ReformFault(f"{place}.{name}", "missing", f"{change.how} needs it", "Thay đổi này thiếu thông tin bắt buộc.")
        for name in sorted(needed - given)
    ]
    faults += [
        ReformFault(f"{place}.{name}", "not_here", f"{change.how} takes none", "Thay đổi này không dùng thông tin này.")
        for name in sorted(given - needed - allowed)
    ]
    if change.how not in ("merge", "abolish") and len(change.units) > 1:
        faults.append(
            ReformFault(f"{place}.units", "one_unit", f"{change.how} is about one unit", "Chỉ nêu một đơn vị.")
        )
    if len(set(change.units)) < len(change.units):
        faults.append(ReformFault(f"{place}.units", "twice", "a unit stands twice", "Có đơn vị xuất hiện hai lần."))
    if change.share is not None and not _is_share(change.share):
        message = f"{change.share!r} is no share above 0 and at most 1"
        faults.append(ReformFault(f"{place}.share", "share", message, "Tỷ lệ phải lớn hơn 0 và không quá 1."))
    return faults


def _unfit(unit: Unit | None, unit_id: str, on: date, place: str) -> list[ReformFault]:
    """Return the fault of a unit that does not stand right before this day, or of which later things are known."""
    if unit is None:
        return [ReformFault(place, "unknown", f"there is no unit {unit_id}", f"Không có đơn vị “{unit_id}”.")]
    day = f"{on:%d/%m/%Y}"
    spans: list[Span] = [*unit.names, *unit.parents, *unit.codes]
    if any(span.valid_from is not None and span.valid_from >= on for span in spans) or any(
        edge.on >= on for edge in unit.successors
    ):
        message = f"{unit_id} has changes of {on} or later already"
        return [ReformFault(place, "moved_on", message, f"Đơn vị {unit_id} đã có thay đổi từ ngày {day} trở đi.")]
    if unit.valid_to is not None or not unit.holds(on - timedelta(days=1)):
        message = f"{unit_id} does not stand on the eve of {on}, or its end is set"
        return [ReformFault(place, "not_standing", message, f"Đơn vị {unit_id} không tồn tại trước ngày {day}.")]
    return []


def _contradicting(unit_id: str, found: list[tuple[str, Succession]]) -> list[ReformFault]:
    """Return the fault of a unit of which two things become, or whose shares are not the whole."""
    place = found[-1][0]
    if all(edge.how == "split" for _, edge in found):
        total = sum(Decimal(str(edge.share)) for _, edge in found)
        if total == 1:
            return []
        message = f"the shares of {unit_id} add up to {total}, not to 1"
        return [ReformFault(f"{place}.share", "shares", message, f"Tổng tỷ lệ của {unit_id} là {total}, phải bằng 1.")]
    if len(found) == 1:
        return []
    message = f"{unit_id} leaves by {found[0][0]} already"
    return [ReformFault(f"{place}.units", "leaves_twice", message, f"Đơn vị {unit_id} đã kết thúc ở thay đổi khác.")]


def _is_share(text: str) -> bool:
    try:
        return 0 < Decimal(text) <= 1
    except InvalidOperation:
        return False


def _begun(codes: Iterable[Code] | None, on: date) -> list[Code]:
    return [code if code.valid_from else replace(code, valid_from=on) for code in codes or ()]


def _cut(spans: Iterable[S], on: date) -> list[S]:
    """Return the spans as they are when nothing of them holds from this day on."""
    kept = [span for span in spans if span.valid_from is None or span.valid_from < on]
    return [span if span.valid_to is not None and span.valid_to <= on else replace(span, valid_to=on) for span in kept]


def _ended(unit: Unit, on: date) -> Unit:
    return replace(
        unit,
        valid_to=on,
        codes=_cut(unit.codes, on),
        names=_cut(unit.names, on),
        parents=_cut(unit.parents, on),
    )
