"""Faults of forms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from services.indicators.domain.faults.fault import Fault, unknown
from shared.catalogue.entries import Form

if TYPE_CHECKING:
    from services.indicators.domain.catalogue import Catalogue


def faults(catalogue: Catalogue) -> Iterator[Fault]:
    """Yield every fault of forms."""
    for form_id, form in catalogue.forms.items():
        yield from _form_faults(catalogue, f"forms[{form_id}]", form)
    yield from _contested(catalogue)


def _form_faults(catalogue: Catalogue, place: str, form: Form) -> Iterator[Fault]:
    regime = catalogue.regimes.get(form.regime)
    if regime is None:
        yield unknown(f"{place}.regime", form.regime)
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
                yield unknown(f"{place}.{label}", code)
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
            yield unknown(f"{place}.owed_by", name)
    if form.periods.last is not None and str(form.periods.first) > str(form.periods.last):
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
