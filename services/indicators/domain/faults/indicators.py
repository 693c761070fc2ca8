"""Faults of indicators: each version's own, versions against one another, formulas together, names."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import TYPE_CHECKING

from services.indicators.domain.faults.fault import Fault, circles, unknown
from shared.catalogue import formulas
from shared.catalogue.definitions import change_days, formulas_on, versions
from shared.catalogue.entries import Definition, Indicator
from shared.catalogue.measures import Measures, same_name
from shared.errors import Invalid

if TYPE_CHECKING:
    from services.indicators.domain.catalogue import Catalogue


def faults(catalogue: Catalogue) -> Iterator[Fault]:
    """Yield every fault of indicators."""
    measures = Measures(catalogue.measures.values())
    readable = True
    for code, indicator in catalogue.indicators.items():
        place = f"indicators[{code}]"
        yield from _reference_faults(catalogue, place, indicator)
        yield from _breakdown_faults(catalogue, place, indicator)
        yield from _version_faults(place, indicator)
        for definition in versions(indicator):
            own = place if definition is indicator else f"{place}.earlier[{definition.version}]"
            yield from _value_faults(own, definition)
            yield from _rollup_faults(catalogue, own, definition)
            if measures and measures.find(definition.measure) is None:
                yield Fault(
                    f"{own}.measure",
                    "unknown_measure",
                    f"{definition.measure!r} is no known unit of measure",
                    f"Không có đơn vị tính “{definition.measure}” trong danh mục.",
                )
            found = list(_formula_faults(catalogue, own, definition))
            readable = readable and all(fault.code != "formula" for fault in found)
            yield from found
    yield from circles("indicators", {code: item.parent for code, item in catalogue.indicators.items()})
    yield from _same_names(catalogue, measures)
    if readable:
        yield from _cycles(catalogue)


def _reference_faults(catalogue: Catalogue, place: str, indicator: Indicator) -> Iterator[Fault]:
    if indicator.parent is not None and indicator.parent not in catalogue.indicators:
        yield unknown(f"{place}.parent", indicator.parent)
    if indicator.lead_agency is not None and indicator.lead_agency not in catalogue.units:
        yield unknown(f"{place}.lead_agency", indicator.lead_agency)


def _breakdown_faults(catalogue: Catalogue, place: str, indicator: Indicator) -> Iterator[Fault]:
    """A part's item must be in its dimension's list for as long as the indicator is reported. A catalogue without any
    dimensions takes breakdowns as they are."""
    if indicator.breakdown is None or not catalogue.dimensions:
        return
    dimension = catalogue.dimensions.get(indicator.breakdown.dimension)
    if dimension is None:
        yield unknown(f"{place}.breakdown.dimension", indicator.breakdown.dimension)
        return
    items = [item for item in dimension.items if item.code == indicator.breakdown.item]
    start, end = versions(indicator)[0].valid_from, indicator.valid_to
    if not items:
        yield unknown(f"{place}.breakdown.item", indicator.breakdown.item)
    elif not any(_covers(item.valid_from, item.valid_to, start, end) for item in items):
        yield Fault(
            f"{place}.breakdown.item",
            "item_not_valid",
            f"{indicator.breakdown.item} is not valid as long as the indicator",
            f"Mã phân tổ {indicator.breakdown.item} không còn hiệu lực trong thời gian của chỉ tiêu.",
        )


def _covers(outer_from: date | None, outer_to: date | None, start: date | None, end: date | None) -> bool:
    # A start that nobody named is unknown, not endless: only an item's end can end before the indicator's.
    begins = outer_from is None or start is None or outer_from <= start
    return begins and (outer_to is None or (end is not None and end <= outer_to))


def _version_faults(place: str, indicator: Indicator) -> Iterator[Fault]:
    """Versions rise, and their spans follow one another without a gap."""
    for one, other in pairwise(versions(indicator)):
        if one.version >= other.version:
            yield Fault(
                f"{place}.earlier",
                "version_order",
                f"version {one.version} stands before version {other.version}",
                f"Phiên bản {one.version} đứng trước phiên bản {other.version}.",
            )
        if other.valid_from is None or one.valid_to != other.valid_from:
            yield Fault(
                f"{place}.earlier[{one.version}].valid_to",
                "version_span",
                f"ends on {one.valid_to}, the next version begins on {other.valid_from}",
                f"Phiên bản {one.version} phải kết thúc đúng ngày phiên bản sau bắt đầu.",
            )
    if any(definition.is_empty() for definition in versions(indicator)):
        yield Fault(place, "empty_span", "a version ends before it begins", "Có phiên bản kết thúc trước khi bắt đầu.")


def _value_faults(place: str, definition: Definition) -> Iterator[Fault]:
    low, high = _bound(definition.minimum, "-Infinity"), _bound(definition.maximum, "Infinity")
    if low.is_nan() or high.is_nan() or low > high:
        yield Fault(f"{place}.minimum", "bounds", "the bounds are no range", "Giới hạn giá trị không hợp lệ.")
    if definition.value_type == "integer" and definition.decimals:
        yield Fault(f"{place}.decimals", "decimals", "an integer has no decimals", "Số nguyên không có phần thập phân.")


def _bound(value: float | str | None, absent: str) -> Decimal:
    try:
        return Decimal(absent if value is None else str(value))
    except InvalidOperation:
        return Decimal("NaN")


def _rollup_faults(catalogue: Catalogue, place: str, definition: Definition) -> Iterator[Fault]:
    how, _, weight = definition.rollup.partition(":")
    if how not in ("sum", "last", "none", "derived", "weighted") or (how == "weighted") != bool(weight):
        yield Fault(f"{place}.rollup", "rollup", f"{definition.rollup!r} is no roll-up", "Cách tổng hợp không hợp lệ.")
    elif weight and weight not in catalogue.indicators:
        yield unknown(f"{place}.rollup", weight)
    if (how == "derived") != (definition.formula is not None):
        yield Fault(
            f"{place}.formula",
            "derived_without_formula",
            "a derived indicator, and only one, has a formula",
            "Chỉ tiêu tính toán phải có công thức, chỉ tiêu khác thì không.",
        )


def _formula_faults(catalogue: Catalogue, place: str, definition: Definition) -> Iterator[Fault]:
    if definition.formula is None:
        return
    try:
        formula = formulas.parse(definition.formula)
    except Invalid as error:
        yield Fault(f"{place}.formula", "formula", error.message, error.detail or "")
        return
    for needed in sorted(formula.codes - catalogue.indicators.keys()):
        yield unknown(f"{place}.formula", needed)


def _cycles(catalogue: Catalogue) -> Iterator[Fault]:
    """Formulas are looked at as they stand together: at first, and from each day on which one of them changes."""
    told: set[str] = set()
    for day in (date.min, *change_days(catalogue.indicators.values())):
        try:
            formulas.order(formulas_on(catalogue.indicators, day))
        except Invalid as error:
            if error.message not in told:
                told.add(error.message)
                place = f"indicators[{_first(error)}].formula"
                yield Fault(place, "formula_cycle", error.message, error.detail or "")


def _first(error: Invalid) -> str:
    cycle = error.context.get("cycle")
    return str(cycle[0]) if isinstance(cycle, list) and cycle else ""


def _same_names(catalogue: Catalogue, measures: Measures) -> Iterator[Fault]:
    """One concept, one method, one unit of measure across sectors (Đ4.2c)."""
    named: dict[tuple[str, ...], tuple[str, Indicator]] = {}
    for code, indicator in catalogue.indicators.items():
        part = indicator.breakdown
        which = (part.dimension, part.item) if part else ("", "")
        key = (same_name(indicator.name), indicator.parent or "", *which)
        other_code, other = named.setdefault(key, (code, indicator))
        if not measures.are_same(indicator.measure, other.measure):
            yield Fault(
                f"indicators[{code}].measure",
                "same_name_other_measure",
                f"{other_code} has the same name and is measured in {other.measure!r}, not {indicator.measure!r}",
                f"Chỉ tiêu {other_code} cùng tên nhưng tính bằng “{other.measure}”, không phải “{indicator.measure}”.",
            )
