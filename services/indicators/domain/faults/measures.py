"""Faults of units of measure and of dimensions with their code lists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

from services.indicators.domain.faults.fault import Fault
from shared.catalogue.measures import names

if TYPE_CHECKING:
    from services.indicators.domain.catalogue import Catalogue

_FACTOR = re.compile(r"\d{1,20}(\.\d{1,12})?", re.ASCII)


def faults(catalogue: Catalogue) -> Iterator[Fault]:
    """Yield every fault of measures and dimensions."""
    yield from _measure_faults(catalogue)
    yield from _dimension_faults(catalogue)


def _measure_faults(catalogue: Catalogue) -> Iterator[Fault]:
    named: dict[str, str] = {}
    for measure_id, measure in catalogue.measures.items():
        place = f"measures[{measure_id}]"
        for name in dict.fromkeys(names(measure)):
            owner = named.setdefault(name, measure_id)
            if owner != measure_id:
                yield Fault(
                    f"{place}.name",
                    "twice",
                    f"{name!r} names {owner} too",
                    f"Tên “{name}” đã thuộc đơn vị tính {owner}.",
                )
        if not _FACTOR.fullmatch(measure.factor) or not Decimal(measure.factor):
            yield Fault(
                f"{place}.factor",
                "factor",
                f"{measure.factor!r} is no positive decimal",
                f"Hệ số “{measure.factor}” không phải là số thập phân dương.",
            )


def _dimension_faults(catalogue: Catalogue) -> Iterator[Fault]:
    for dimension_id, dimension in catalogue.dimensions.items():
        place = f"dimensions[{dimension_id}].items"
        for at, item in enumerate(dimension.items):
            if item.is_empty():
                yield Fault(
                    place,
                    "empty_span",
                    f"{item.code} ends before it begins",
                    f"Mã {item.code} hết hiệu lực trước khi bắt đầu.",
                )
            if any(item.code == other.code and item.overlaps(other) for other in dimension.items[:at]):
                yield Fault(place, "twice", f"{item.code} stands twice", f"Mã {item.code} xuất hiện hai lần.")
