"""Figures against formulas: derived ones that were given, and the rules between a form's cells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from services.submissions.domain import findings as rules
from services.submissions.domain.catalogue import Indicator
from services.submissions.domain.findings import Finding, find
from services.submissions.domain.validation.draft import Draft, about, half_unit, shown
from shared.canonical import decimal_text
from shared.catalogue.looks import Earlier, Input, look_back, needed


def derived(draft: Draft) -> Iterator[Finding]:
    """Find given figures that differ from their formula, and formulas that divide by zero. Inputs that are not on the
    form are those approved for the same period; inputs of other periods, too, are what is approved."""
    for code in (*draft.form.entered, *sorted(draft.form.derived)):
        indicator = draft.catalogue.indicators.get(code)
        formula = indicator.formula if indicator else None
        if indicator is None or formula is None:
            continue
        values, earlier = _inputs(draft, formula.codes), _earlier(draft, formula.past)
        if any(values.get(item) is None for item in formula.current) or len(earlier) < len(formula.past):
            continue
        involved = (code, *sorted(formula.codes))
        expected = formula.evaluate(values, earlier=earlier)
        given = draft.values.get(code)
        if expected is None:
            if all(value is not None for value in earlier.values()):
                yield find(rules.FORMULA_IMPOSSIBLE, code, formula=formula.text).among(*involved)
        elif given is not None and abs(given - expected) > _tolerance(indicator, expected):
            facts = {"value": shown(given), "expected": decimal_text(expected), "formula": formula.text}
            yield find(rules.FORMULA_DIFFERS, code, **facts).among(*involved)


def _tolerance(indicator: Indicator, expected: Decimal) -> Decimal:
    # Published ratios were computed from unrounded inputs: 97 of 99 lie within 2 % of what rounded inputs give.
    return max(abs(expected) * Decimal("0.02"), half_unit(indicator))


def between_cells(draft: Draft) -> Iterator[Finding]:
    """Find rules of the form that do not hold. One whose figures are not all there says nothing."""
    for rule in draft.form.rules:
        codes = tuple(sorted({item.code for item in rule.comparison.inputs}))
        past = frozenset(item for item in rule.comparison.inputs if item.look != "this")
        if rule.comparison.holds(_inputs(draft, codes), _earlier(draft, past)) is not False:
            continue
        said = about(draft.values, codes)
        facts = {"rule": rule.id, "expression": rule.comparison.text, "values": said}
        facts |= {"reason": rule.message, "reason_vi": rule.detail}
        kind = rules.RULE_BROKEN if rule.severity == "error" else rules.RULE_QUESTIONED
        # Bound to its rule besides its figures: two rules may be about the same ones.
        yield find(kind, **facts).among(*codes, about=f"{rule.id}: {said}")


def _inputs(draft: Draft, codes: tuple[str, ...] | frozenset[str]) -> Mapping[str, Decimal | None]:
    found: dict[str, Decimal | None] = {}
    for code in codes:
        if code in draft.values:
            found[code] = draft.values[code]
        elif code not in draft.form.entered and (known := draft.past.now(code)) is not None:
            found[code] = known.value
    return found


def _earlier(draft: Draft, inputs: frozenset[Input]) -> Earlier:
    period = draft.past.period
    if period is None or not inputs:
        return {}
    known = {key: draft.past.at(*key) for key in needed(inputs, period)}
    return look_back(inputs, period, {key: held.value for key, held in known.items() if held is not None})
