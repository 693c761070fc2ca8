"""What can be wrong between the entries of a catalogue, found all at once, each with its place. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from services.indicators.domain import formulas
from services.indicators.domain.units import Span, doubly_used
from shared.errors import Invalid

if TYPE_CHECKING:
    from services.indicators.domain.catalogue import Catalogue, Form, Indicator


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: where (`forms[GD-NAM].indicators`), which kind, in English and in Vietnamese."""

    place: str
    code: str
    message: str
    detail: str


def each_fault(catalogue: Catalogue) -> Iterator[Fault]:
    """Yield every fault between these entries."""
    yield from _unit_faults(catalogue)
    yield from _indicator_faults(catalogue)
    for form_id, form in catalogue.forms.items():
        yield from _form_faults(catalogue, f"forms[{form_id}]", form)
    yield from _contested(catalogue)


def _unknown(place: str, what: str) -> Fault:
    return Fault(place, "unknown", f"{what} is not in the catalogue", f"“{what}” không có trong danh mục.")


def _unit_faults(catalogue: Catalogue) -> Iterator[Fault]:
    units = catalogue.units
    for unit_id, unit in units.items():
        place = f"units[{unit_id}]"
        for parent in {unit.parent, *(item.parent for item in unit.parents)} - {None}:
            if parent not in units:
                yield _unknown(f"{place}.parent", str(parent))
        for successor in unit.successors:
            if successor.id not in units:
                yield _unknown(f"{place}.successors", successor.id)
        spans: list[Span] = [unit, *unit.codes, *unit.names, *unit.parents]
        if any(span.is_empty() for span in spans):
            yield Fault(
                place, "empty_span", "a span ends before it begins", "Thời gian hiệu lực kết thúc trước khi bắt đầu."
            )
        for label, named in (("names", list[Span](unit.names)), ("parents", list[Span](unit.parents))):
            if any(a.overlaps(b) for at, a in enumerate(named) for b in named[at + 1 :]):
                yield Fault(f"{place}.{label}", "overlap", "two spans overlap", "Hai khoảng hiệu lực chồng nhau.")
    yield from _circles("units", {key: unit.parent for key, unit in units.items()})
    for code, one, other in doubly_used(units.values()):
        yield Fault(
            f"units[{other}].codes",
            "code_in_use",
            f"{code} names {one} at the same time",
            f"Mã {code} đồng thời thuộc đơn vị {one}.",
        )


def _indicator_faults(catalogue: Catalogue) -> Iterator[Fault]:
    indicators, parsed = catalogue.indicators, {}
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
            yield _unknown(f"{place}.formula", needed)
    yield from _circles("indicators", {code: indicator.parent for code, indicator in indicators.items()})
    try:
        formulas.order(parsed)
    except Invalid as error:
        yield Fault(f"indicators[{_first(error)}].formula", "formula_cycle", error.message, error.detail or "")


def _first(error: Invalid) -> str:
    cycle = error.context.get("cycle")
    return str(cycle[0]) if isinstance(cycle, list) and cycle else ""


def _own_faults(catalogue: Catalogue, place: str, indicator: Indicator) -> Iterator[Fault]:
    if indicator.parent is not None and indicator.parent not in catalogue.indicators:
        yield _unknown(f"{place}.parent", indicator.parent)
    if indicator.lead_agency is not None and indicator.lead_agency not in catalogue.units:
        yield _unknown(f"{place}.lead_agency", indicator.lead_agency)
    how, _, weight = indicator.rollup.partition(":")
    if how not in ("sum", "none", "derived", "weighted") or (how == "weighted") != bool(weight):
        yield Fault(f"{place}.rollup", "rollup", f"{indicator.rollup!r} is no roll-up", "Cách tổng hợp không hợp lệ.")
    elif weight and weight not in catalogue.indicators:
        yield _unknown(f"{place}.rollup", weight)
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


def _form_faults(catalogue: Catalogue, place: str, form: Form) -> Iterator[Fault]:
    regime = catalogue.regimes.get(form.regime)
    if regime is None:
        yield _unknown(f"{place}.regime", form.regime)
    elif regime.period_kind != form.period_kind:
        yield Fault(
            f"{place}.period_kind",
            "period_kind",
            f"the regime's is {regime.period_kind}",
            "Kỳ khác với chế độ báo cáo.",
        )
    for label, codes in (("indicators", form.indicators), ("derived", form.derived)):
        for code in codes:
            indicator = catalogue.indicators.get(code)
            if indicator is None:
                yield _unknown(f"{place}.{label}", code)
            elif (indicator.formula is not None) != (label == "derived"):
                yield Fault(
                    f"{place}.{label}",
                    "entered_or_derived",
                    f"{code} is entered where it is computed, or the reverse",
                    f"Chỉ tiêu {code} nằm sai phần nhập liệu hoặc tính toán.",
                )
        if len(set(codes)) != len(codes):
            yield Fault(f"{place}.{label}", "twice", "a code stands twice", "Có mã xuất hiện hai lần.")
    for code in sorted(set(form.required) - set(form.indicators)):
        yield Fault(
            f"{place}.required", "not_entered", f"{code} is not entered here", f"{code} không thuộc phần nhập liệu."
        )
    if isinstance(form.owed_by, list):
        for name in sorted(
            {name for item in form.owed_by for name in (item.unit, item.agency)} - catalogue.units.keys()
        ):
            yield _unknown(f"{place}.owed_by", name)
    if form.periods.first > form.periods.last:
        yield Fault(f"{place}.periods", "periods", "ends before it begins", "Năm cuối trước năm đầu.")


def _contested(catalogue: Catalogue) -> Iterator[Fault]:
    """An observation's key is (indicator, unit, period): two forms about one unit must not both carry an indicator."""
    owners: dict[tuple[str, str, str], str] = {}
    by_kind: dict[str, list[str]] = {}
    for unit_id, unit in catalogue.units.items():
        by_kind.setdefault(unit.kind, []).append(unit_id)
    for form_id, form in sorted(catalogue.forms.items()):
        about = (
            [item.unit for item in form.owed_by]
            if isinstance(form.owed_by, list)
            else by_kind.get(form.owed_by.each, [])
        )
        reported: set[str] = set()
        for code in [*form.indicators, *form.derived]:
            for about_unit in about:
                owner = owners.setdefault((code, about_unit, form.period_kind), form_id)
                if owner != form_id and owner not in reported:
                    reported.add(owner)
                    yield Fault(
                        f"forms[{form_id}]",
                        "contested",
                        f"{code} of {about_unit} is on {owner} too",
                        f"Chỉ tiêu {code} của đơn vị {about_unit} đã thuộc biểu {owner}.",
                    )


def _circles(section: str, parents: Mapping[str, str | None]) -> Iterator[Fault]:
    sound: set[str] = set()
    for start in parents:
        path: list[str] = []
        at: str | None = start
        while at is not None and at not in sound and at not in path:
            path.append(at)
            at = parents.get(at)
        if at is not None and at in path:
            yield Fault(
                f"{section}[{at}].parent", "circle", "belongs to itself", "Đơn vị hoặc chỉ tiêu trực thuộc chính nó."
            )
        sound.update(path)
