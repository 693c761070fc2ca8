"""Faults of units through time and of reforms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from services.indicators.domain.faults.fault import Fault, circles, unknown
from shared.catalogue.units import Span, doubly_used

if TYPE_CHECKING:
    from services.indicators.domain.catalogue import Catalogue


def faults(catalogue: Catalogue) -> Iterator[Fault]:
    """Yield every fault of units and reforms."""
    units = catalogue.units
    for unit_id, unit in units.items():
        place = f"units[{unit_id}]"
        for parent in {unit.parent, *(item.parent for item in unit.parents)} - {None}:
            if parent not in units:
                yield unknown(f"{place}.parent", str(parent))
        for successor in unit.successors:
            if successor.id is not None and successor.id not in units:
                yield unknown(f"{place}.successors", successor.id)
        spans: list[Span] = [unit, *unit.codes, *unit.names, *unit.parents]
        if any(span.is_empty() for span in spans):
            yield Fault(
                place, "empty_span", "a span ends before it begins", "Thời gian hiệu lực kết thúc trước khi bắt đầu."
            )
        for label, named in (("names", list[Span](unit.names)), ("parents", list[Span](unit.parents))):
            if any(a.overlaps(b) for at, a in enumerate(named) for b in named[at + 1 :]):
                yield Fault(f"{place}.{label}", "overlap", "two spans overlap", "Hai khoảng hiệu lực chồng nhau.")
    yield from circles("units", {key: unit.parent for key, unit in units.items()})
    for code, one, other in doubly_used(units.values()):
        yield Fault(
            f"units[{other}].codes",
            "code_in_use",
            f"{code} names {one} at the same time",
            f"Mã {code} đồng thời thuộc đơn vị {one}.",
        )
