"""What a draft lacks, and whether each figure still is what its indicator wants."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from services.submissions.domain import findings as rules
from services.submissions.domain.catalogue import Catalogue, Indicator
from services.submissions.domain.findings import Finding, find
from services.submissions.domain.merge import HAND, PUSH, ROLLUP, Cell, Pushed, Source
from services.submissions.domain.rows import labels_of
from services.submissions.domain.validation.draft import Draft, shown
from services.submissions.domain.values import read_value


def missing(draft: Draft) -> Iterator[Finding]:
    """Find an empty draft, required indicators without a figure, and the others without one."""
    if not draft.cells:
        yield find(rules.EMPTY)
    for code in draft.form.entered:
        if code not in draft.cells:
            indicator = draft.catalogue.indicators.get(code)
            rule = rules.MISSING if code in draft.form.required else rules.OPTIONAL_MISSING
            yield find(rule, code, name=called(indicator, draft.catalogue) if indicator else code)


def figures(draft: Draft) -> Iterator[Finding]:
    """Find figures that are no longer entered, conflicts, and values that no longer fit their definition."""
    kept = draft.form.kept
    for code, cell in draft.cells.items():
        indicator = draft.catalogue.indicators.get(code) if code in kept else _column(draft, code)
        if indicator is None:
            yield find(rules.STALE_INDICATOR, code, form=draft.form.id)
            continue
        if cell.conflict is not None:
            yield _conflict(code, cell, *cell.conflict)
        if cell.value is None:
            continue
        # The definition may have changed since the figure came in (a count that had decimals, a new bound).
        again = read_value(indicator, Decimal(cell.value), nothing_occurred=False)
        if isinstance(again, Finding):
            yield find(rules.WRONG_VALUE, code, reason=again.message, reason_vi=again.detail)
        elif indicator.summed and Decimal(cell.value) < 0:
            yield find(rules.NEGATIVE, code, value=cell.value)


def rows(draft: Draft) -> Iterator[Finding]:
    """Find rows of open lists that nobody named, or that bear several names."""
    labelled = [(row, cell.label) for code, cell in draft.cells.items() if (row := draft.form.row(code)) is not None]
    for found, number, labels in labels_of(labelled):
        if len(labels) != 1:
            first = f"{found.columns[0]}.R{number}"
            rule = rules.ROW_LABELS_DIFFER if labels else rules.ROW_UNNAMED
            yield find(rule, first, list=found.label, row=number, labels=", ".join(labels))


def _column(draft: Draft, code: str) -> Indicator | None:
    row = draft.form.row(code)
    column = None if row is None else draft.catalogue.indicators.get(row.column)
    return None if column is None else replace(column, code=code)


_ORIGINS = {
    HAND: ("entered by hand", "nhập tay"),
    PUSH: ("sent by a system", "hệ thống khác gửi"),
    ROLLUP: ("rolled up from below", "tổng hợp từ cấp dưới"),
}


def _conflict(code: str, cell: Cell, beside: Pushed, source: Source) -> Finding:
    (origin, origin_vi), (other, other_vi) = _ORIGINS[cell.origin], _ORIGINS[source.origin]
    facts = {"value": shown(cell.value), "beside": shown(beside.value), "origin": origin, "other": other}
    return find(rules.UNRESOLVED_CONFLICT, code, **facts, origin_vi=origin_vi, other_vi=other_vi)


def called(indicator: Indicator, catalogue: Catalogue) -> str:
    """Return the indicator's name, with what it is a part by where parts bear their total's name."""
    parent = catalogue.indicators.get(indicator.parent or "")
    if parent is None or parent.name != indicator.name:
        return indicator.name
    return f"{indicator.name}, {indicator.dimension}"
