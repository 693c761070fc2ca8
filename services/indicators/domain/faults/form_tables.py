"""Faults of how a form is laid out: its table, its open lists, its rules between cells and its help."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from services.indicators.domain.faults.fault import Fault, unknown
from shared.catalogue.entries import FormContent, Layout
from shared.catalogue.formulas import parse_rule
from shared.errors import Invalid

if TYPE_CHECKING:
    from services.indicators.domain.catalogue import Catalogue


def faults(catalogue: Catalogue, place: str, content: FormContent) -> Iterator[Fault]:
    """Yield every fault of one version's layout, open lists, rules and help."""
    columns = [code for item in content.open_lists for code in item.columns]
    own = {*content.indicators, *content.derived}
    if content.layout is not None:
        yield from _layout_faults(f"{place}.layout", content.layout, content.indicators, own)
    yield from _list_faults(catalogue, place, content, columns)
    yield from _rule_faults(place, content, own)
    for code in sorted(content.help.keys() - own - set(columns)):
        yield _not_of_form(f"{place}.help", code)


def _layout_faults(place: str, layout: Layout, entered: list[str], own: set[str]) -> Iterator[Fault]:
    rows, columns = len(layout.rows), len(layout.columns)
    if len(layout.cells) != rows or any(len(row) != columns for row in layout.cells):
        yield Fault(
            f"{place}.cells",
            "layout_size",
            f"is not {rows} rows of {columns} cells",
            f"Bảng phải có đúng {rows} dòng, mỗi dòng {columns} ô.",
        )
        return
    stands = Counter(code for row in layout.cells for code in row if code is not None)
    for code in sorted(stands.keys() - own):
        yield _not_of_form(f"{place}.cells", code)
    for code in entered:
        if stands[code] != 1:
            yield Fault(
                f"{place}.cells",
                "layout_cell",
                f"{code} stands in {stands[code]} cells instead of one",
                f"Chỉ tiêu {code} phải nằm ở đúng một ô, hiện có {stands[code]} ô.",
            )


def _list_faults(catalogue: Catalogue, place: str, content: FormContent, columns: list[str]) -> Iterator[Fault]:
    if len({item.id for item in content.open_lists}) != len(content.open_lists):
        yield Fault(f"{place}.open_lists", "twice", "an id stands twice", "Có danh sách xuất hiện hai lần.")
    for code, times in Counter(columns).items():
        indicator = catalogue.indicators.get(code)
        if indicator is None:
            yield unknown(f"{place}.open_lists", code)
        elif indicator.formula is not None or code in content.indicators:
            yield Fault(
                f"{place}.open_lists",
                "list_column",
                f"{code} is computed, or entered in a cell of its own too",
                f"Cột {code} của danh sách mở không được là chỉ tiêu tính toán hoặc ô nhập riêng.",
            )
        if times > 1:
            yield Fault(f"{place}.open_lists", "twice", f"{code} is two columns", f"Cột {code} xuất hiện hai lần.")


def _rule_faults(place: str, content: FormContent, own: set[str]) -> Iterator[Fault]:
    if len({rule.id for rule in content.rules}) != len(content.rules):
        yield Fault(f"{place}.rules", "twice", "an id stands twice", "Có quy tắc xuất hiện hai lần.")
    for rule in content.rules:
        own_place = f"{place}.rules[{rule.id}]"
        try:
            codes = {item.code for item in parse_rule(rule.expression).inputs}
        except Invalid as error:
            yield Fault(own_place, "formula", error.message, error.detail or "")
            continue
        for code in sorted(codes - own):
            yield _not_of_form(own_place, code)


def _not_of_form(place: str, code: str) -> Fault:
    return Fault(place, "not_of_form", f"{code} is not of this form", f"{code} không thuộc biểu mẫu này.")
