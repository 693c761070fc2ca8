"""Faults of measures, dimensions and indicators."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from services.indicators.domain.faults.fault import Fault, circles, unknown
from shared.catalogue import formulas
from shared.catalogue.entries import Indicator
from shared.errors import Invalid

if TYPE_CHECKING:
    from services.indicators.domain.catalogue import Catalogue


def faults(catalogue: Catalogue) -> Iterator[Fault]:
    """Yield every fault of measures, dimensions and indicators."""
    indicators: dict[str, Indicator] = catalogue.indicators
    parsed: dict[str, formulas.Formula] = {}
    for code, indicator in indicators.items():
        place = f"indicators[{code}]"
        yield from _own_faults(catalogue, place, indicator)
        if indicator.formula is None:
            continue
        try:
            parsed[code] = formulas.parse(indicator.formula)
        except Invalid as error:
            yield Fault(f"{place}.formula", "formula", error.message, error.detail or "")
            continue
        for needed in sorted(parsed[code].codes - indicators.keys()):
            yield unknown(f"{place}.formula", needed)
    yield from circles("indicators", {code: indicator.parent for code, indicator in indicators.items()})
    try:
        formulas.order(parsed)
    except Invalid as error:
        yield Fault(f"indicators[{_first(error)}].formula", "formula_cycle", error.message, error.detail or "")


def _first(error: Invalid) -> str:
    cycle = error.context.get("cycle")
    return str(cycle[0]) if isinstance(cycle, list) and cycle else ""


def _own_faults(catalogue: Catalogue, place: str, indicator: Indicator) -> Iterator[Fault]:
    if indicator.parent is not None and indicator.parent not in catalogue.indicators:
        yield unknown(f"{place}.parent", indicator.parent)
    if indicator.lead_agency is not None and indicator.lead_agency not in catalogue.units:
        yield unknown(f"{place}.lead_agency", indicator.lead_agency)
    how, _, weight = indicator.rollup.partition(":")
    if how not in ("sum", "none", "derived", "weighted") or (how == "weighted") != bool(weight):
        yield Fault(f"{place}.rollup", "rollup", f"{indicator.rollup!r} is no roll-up", "Cách tổng hợp không hợp lệ.")
    elif weight and weight not in catalogue.indicators:
        yield unknown(f"{place}.rollup", weight)
    if (how == "derived") != (indicator.formula is not None):
        yield Fault(
            f"{place}.formula",
            "derived_without_formula",
            "a derived indicator, and only one, has a formula",
            "Chỉ tiêu tính toán phải có công thức, chỉ tiêu khác thì không.",
        )
    low, high = _bound(indicator.minimum, "-Infinity"), _bound(indicator.maximum, "Infinity")
    if low.is_nan() or high.is_nan() or low > high:
        yield Fault(f"{place}.minimum", "bounds", "the bounds are no range", "Giới hạn giá trị không hợp lệ.")
    if indicator.value_type == "integer" and indicator.decimals:
        yield Fault(f"{place}.decimals", "decimals", "an integer has no decimals", "Số nguyên không có phần thập phân.")


def _bound(value: float | str | None, absent: str) -> Decimal:
    try:
        return Decimal(absent if value is None else str(value))
    except InvalidOperation:
        return Decimal("NaN")
