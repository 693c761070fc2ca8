"""Faults of units through time and of reforms."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal, InvalidOperation
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from services.indicators.domain.faults.fault import Fault, circles, unknown
from shared.catalogue import identifiers, reform_effects
from shared.catalogue.organisation import Organisation
from shared.catalogue.reforms import YEARS
from shared.catalogue.units import Parent, Span, Succession, Unit, doubly_used
from shared.errors import Invalid

if TYPE_CHECKING:
    from services.indicators.domain.catalogue import Catalogue

_AREAS = {"province", "district"}
_BODIES = {"agency", "vertical", "enterprise", "department"}
_ABOVE: dict[str, set[str]] = {
    "district": {"province"},
    "commune": _AREAS,
    "department": _BODIES | {"district", "commune"},
}
"""Kinds of units under which a unit of this kind stands; the others may stand anywhere, or under nobody."""


def faults(catalogue: Catalogue) -> Iterator[Fault]:
    """Yield every fault of units and reforms."""
    units: dict[str, Unit] = catalogue.units
    sound = True
    for unit_id, unit in units.items():
        place = f"units[{unit_id}]"
        for fault in (*_references(units, place, unit), *_spans(place, unit), *_identifiers(place, unit)):
            sound = False
            yield fault
        yield from _place_in_tree(units, place, unit)
        yield from _successions(units, place, unit)
    yield from circles("units", {key: unit.parent for key, unit in units.items()})
    yield from _descent(units)
    for code, one, other in doubly_used(units.values()):
        yield Fault(
            f"units[{other}].codes",
            "code_in_use",
            f"{code} names {one} at the same time",
            f"Mã {code} đồng thời thuộc đơn vị {one}.",
        )
    if sound and catalogue.reforms:
        yield from _reforms(catalogue)


def _references(units: dict[str, Unit], place: str, unit: Unit) -> Iterator[Fault]:
    if unit.parent is not None and unit.parent not in units:
        yield unknown(f"{place}.parent", unit.parent)
    for position, held in enumerate(unit.parents):
        if held.parent not in (None, unit.parent) and held.parent not in units:
            yield unknown(f"{place}.parents[{position}].parent", str(held.parent))
    for successor in unit.successors:
        if successor.id is not None and successor.id not in units:
            yield unknown(f"{place}.successors", successor.id)


def _spans(place: str, unit: Unit) -> Iterator[Fault]:
    spans: list[Span] = [unit, *unit.codes, *unit.names, *unit.parents]
    days = {day for span in spans for day in (span.valid_from, span.valid_to) if day is not None}
    if any(day.year not in YEARS for day in (*days, *(edge.on for edge in unit.successors))):
        yield Fault(place, "day", "a day is not from 1900 to 2199", "Có ngày nằm ngoài khoảng từ năm 1900 đến 2199.")
    if any(span.is_empty() for span in spans):
        yield Fault(
            place, "empty_span", "a span ends before it begins", "Thời gian hiệu lực kết thúc trước khi bắt đầu."
        )
    for label, named in (("names", list[Span](unit.names)), ("parents", list[Span](unit.parents))):
        if any(a.overlaps(b) for at, a in enumerate(named) for b in named[at + 1 :]):
            yield Fault(f"{place}.{label}", "overlap", "two spans overlap", "Hai khoảng hiệu lực chồng nhau.")


def _identifiers(place: str, unit: Unit) -> Iterator[Fault]:
    for position, code in enumerate(unit.codes):
        if code.scheme in identifiers.SCHEMES:
            try:
                identifiers.read(code.code)
            except Invalid as error:
                yield Fault(f"{place}.codes[{position}].code", "identifier", error.message, error.detail or "")


def _place_in_tree(units: dict[str, Unit], place: str, unit: Unit) -> Iterator[Fault]:
    """A unit stands where its kind can, and not under one that is gone."""
    allowed = _ABOVE.get(unit.kind)
    for span in unit.parents or [Parent(parent=unit.parent, valid_from=unit.valid_from)]:
        parent = units.get(span.parent or "")
        if allowed is not None and (parent.kind if parent else None) not in allowed and (parent or not span.parent):
            under = parent.kind if parent else "nobody"
            yield Fault(
                f"{place}.parent",
                "misplaced",
                f"a {unit.kind} does not stand under {under}",
                "Đơn vị loại này không thể trực thuộc đơn vị cấp trên đã khai.",
            )
        if parent is not None and not _within(unit, span, parent):
            yield Fault(
                f"{place}.parent",
                "parent_ended",
                f"{parent.id} does not stand all the time that it is the parent",
                f"Đơn vị cấp trên {parent.id} không tồn tại trong suốt thời gian đã khai.",
            )


def _within(unit: Unit, span: Span, parent: Unit) -> bool:
    """An open beginning is an unknown one and says nothing; an open end says that it still holds."""
    end = min((day for day in (span.valid_to, unit.valid_to) if day is not None), default=None)
    begun = span.valid_from is None or parent.valid_from is None or parent.valid_from <= span.valid_from
    return begun and (parent.valid_to is None or (end is not None and end <= parent.valid_to))


def _successions(units: dict[str, Unit], place: str, unit: Unit) -> Iterator[Fault]:
    days: dict[date, list[Succession]] = defaultdict(list)
    for edge in unit.successors:
        days[edge.on].append(edge)
        after = units.get(edge.id or "")
        if (edge.id is None) != (edge.how == "abolished"):
            yield Fault(
                f"{place}.successors",
                "succession",
                "only who is abolished has no successor",
                "Chỉ đơn vị bị giải thể mới không có đơn vị kế tục.",
            )
        if after is not None and not after.holds(edge.on):
            yield Fault(
                f"{place}.successors",
                "succession_day",
                f"{edge.id} does not stand on {edge.on}",
                f"Đơn vị kế tục {edge.id} không tồn tại tại ngày {edge.on:%d/%m/%Y}.",
            )
    for day, edges in days.items():
        if all(edge.id != unit.id for edge in edges) and unit.valid_to != day:
            yield Fault(
                f"{place}.successors",
                "succession_day",
                f"it has successors of {day} and ends on {unit.valid_to}",
                f"Ngày kế tục {day:%d/%m/%Y} khác với ngày đơn vị kết thúc.",
            )
        if _total(edges) != 1:
            yield Fault(
                f"{place}.successors",
                "shares",
                f"the shares of {day} do not add up to 1",
                f"Tổng tỷ lệ phân chia ngày {day:%d/%m/%Y} khác 1.",
            )


def _total(edges: list[Succession]) -> Decimal | None:
    try:
        shares = [Decimal("1" if edge.share is None else edge.share) for edge in edges]
        return sum(shares, Decimal(0)) if all(0 < share <= 1 for share in shares) else None
    except InvalidOperation:
        return None


def _descent(units: dict[str, Unit]) -> Iterator[Fault]:
    """Nobody comes from itself by way of others."""
    after = {unit.id: {edge.id for edge in unit.successors} - {unit.id, None} for unit in units.values()}
    try:
        TopologicalSorter(after).prepare()
    except CycleError as error:
        place = f"units[{error.args[1][0]}].successors"
        yield Fault(place, "circle", "it is its own successor", "Đơn vị kế tục chính nó qua đơn vị khác.")


def _reforms(catalogue: Catalogue) -> Iterator[Fault]:
    organisation = Organisation(catalogue.units.values())
    for reform_id, reform in catalogue.reforms.items():
        for found in reform_effects.disagreements(organisation, reform):
            yield Fault(f"reforms[{reform_id}].{found.place}", found.code, found.message, found.detail)
