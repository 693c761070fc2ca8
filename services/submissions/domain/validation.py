"""Validation of a draft as a whole: what is missing, parts against their total, derived against formula. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import groupby

from services.submissions.domain import findings as rules
from services.submissions.domain.catalogue import Catalogue, Form, Indicator
from services.submissions.domain.findings import Finding, find
from services.submissions.domain.merge import Cell
from services.submissions.domain.values import read_value
from shared.canonical import decimal_text

_HALF = Decimal("0.5")


def validate(cells: Mapping[str, Cell], form: Form | None, catalogue: Catalogue) -> list[Finding]:
    """Return all findings about a draft (cells by indicator, removed ones left out), errors first."""
    if form is None:
        return []
    values = {code: None if cell.value is None else Decimal(cell.value) for code, cell in cells.items()}
    found = [
        *_empty(cells),
        *_missing(cells, form, catalogue),
        *_cells(cells, form, catalogue),
        *_parts(values, form, catalogue),
        *_formulas(values, form, catalogue),
    ]
    return sorted(found, key=lambda finding: (finding.severity, finding.code, finding.indicator or ""))


def missing(cells: Mapping[str, Cell], form: Form | None) -> list[str]:
    """Return the indicators of the form that have no figure, in the form's order."""
    return [] if form is None else [code for code in form.entered if code not in cells]


def blocking(found: list[Finding]) -> list[Finding]:
    """Return the findings that keep a submission from being submitted."""
    return [finding for finding in found if finding.severity == "error"]


def _empty(cells: Mapping[str, Cell]) -> Iterator[Finding]:
    if not cells:
        yield find(rules.EMPTY)


def _missing(cells: Mapping[str, Cell], form: Form, catalogue: Catalogue) -> Iterator[Finding]:
    for code in missing(cells, form):
        indicator = catalogue.indicators.get(code)
        rule = rules.MISSING if code in form.required else rules.OPTIONAL_MISSING
        yield find(rule, code, name=_called(indicator, catalogue) if indicator else code)


def _called(indicator: Indicator, catalogue: Catalogue) -> str:
    parent = catalogue.indicators.get(indicator.parent or "")
    return (
        indicator.name
        if parent is None or parent.name != indicator.name
        else f"{indicator.name}, {indicator.dimension}"
    )


def _cells(cells: Mapping[str, Cell], form: Form, catalogue: Catalogue) -> Iterator[Finding]:
    kept = form.kept
    for code, cell in cells.items():
        indicator = catalogue.indicators.get(code)
        if indicator is None or code not in kept:
            yield find(rules.STALE_INDICATOR, code, form=form.id)
            continue
        if cell.conflict is not None:
            pushed = cell.conflict[0]
            yield find(rules.UNRESOLVED_CONFLICT, code, value=_shown(cell.value), pushed=_shown(pushed.value))
        if cell.value is None:
            continue
        # The definition may have changed since the figure came in (a count that had decimals, a new bound).
        again = read_value(indicator, Decimal(cell.value), nothing_occurred=False)
        if isinstance(again, Finding):
            yield find(rules.WRONG_VALUE, code, reason=again.message, reason_vi=again.detail)
        elif indicator.summed and Decimal(cell.value) < 0:
            yield find(rules.NEGATIVE, code, value=cell.value)


def _parts(values: Mapping[str, Decimal | None], form: Form, catalogue: Catalogue) -> Iterator[Finding]:
    for (total, dimension), parts in _breakdowns(form, catalogue):
        whole = values.get(total.code)
        given = {part.code: values[part.code] or Decimal(0) for part in parts if part.code in values}
        if whole is None or not given:
            continue
        added = sum(given.values(), Decimal(0))
        complete = len(given) == len(parts)
        facts = {"dimension": dimension, "parts": " + ".join(given), "total": _shown(whole), "sum": _shown(added)}
        if complete and abs(added - whole) > _rounding((total, *parts)):
            yield find(rules.PARTS_DIFFER, total.code, **facts)
        elif not complete and total.summed and added - whole > _rounding((total, *parts)):
            yield find(rules.PARTS_EXCEED, total.code, **facts)


def _breakdowns(form: Form, catalogue: Catalogue) -> Iterator[tuple[tuple[Indicator, str], list[Indicator]]]:
    """Yield, per total and dimension of the form, the parts. One total may be broken down in several ways."""
    entered = [catalogue.indicators[code] for code in form.entered if code in catalogue.indicators]
    children = [item for item in entered if item.parent in catalogue.indicators and item.dimension]

    def by(item: Indicator) -> tuple[str, str]:
        return item.parent or "", item.dimension or ""

    for (parent, dimension), parts in groupby(sorted(children, key=by), key=by):
        yield (catalogue.indicators[parent], dimension), list(parts)


def _rounding(items: tuple[Indicator, ...]) -> Decimal:
    """How far a total and the sum of its parts may lie apart when each was rounded by itself; none for counts."""
    return sum((_half_unit(item) for item in items), Decimal(0))


def _half_unit(item: Indicator) -> Decimal:
    return Decimal(0) if item.integer else _HALF.scaleb(-item.decimals)


def _formulas(values: Mapping[str, Decimal | None], form: Form, catalogue: Catalogue) -> Iterator[Finding]:
    for code in (*form.entered, *sorted(form.derived)):
        indicator = catalogue.indicators.get(code)
        formula = indicator.formula if indicator else None
        if indicator is None or formula is None or formula.past:
            continue  # what looks at other periods is judged by the warehouse alone
        if any(values.get(needed) is None for needed in formula.codes):
            continue
        expected = formula.evaluate(values)
        if expected is None:
            yield find(rules.FORMULA_IMPOSSIBLE, code, formula=formula.text)
            continue
        given = values.get(code)
        if given is not None and abs(given - expected) > _tolerance(indicator, expected):
            facts = {"value": _shown(given), "expected": decimal_text(expected), "formula": formula.text}
            yield find(rules.FORMULA_DIFFERS, code, **facts)


def _tolerance(indicator: Indicator, expected: Decimal) -> Decimal:
    # Published ratios were computed from unrounded inputs: 97 of 99 lie within 2 % of what rounded inputs give.
    return max(abs(expected) * Decimal("0.02"), _half_unit(indicator))


def _shown(value: str | Decimal | None) -> str:
    if value is None:
        return "không phát sinh"
    return value if isinstance(value, str) else decimal_text(value)
