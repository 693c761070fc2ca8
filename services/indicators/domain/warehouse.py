"""What an approved round does to the warehouse: which values it puts, which it ends, what follows from formulas. Pure.

All of one (unit, period) is looked at together, because a ratio may take its inputs from several forms. A value that
does not change keeps its row, whatever round repeats it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from services.indicators.domain.cells import Cell, combined
from services.indicators.domain.derivations import Derivation
from services.indicators.domain.looking_back import Past
from shared.canonical import decimal_text
from shared.catalogue.looks import look_back, needed
from shared.contracts.events import Figure
from shared.errors import Invalid


@dataclass(frozen=True, slots=True)
class Change:
    """What a batch does to one (unit, period): `put` supersedes or adds, `end` ends without a successor."""

    put: dict[str, Cell]
    end: tuple[str, ...]
    touched: tuple[str, ...]
    """The forms whose content changes; a recorded round's own is always among them."""


def cells_of(form: str, level: str, figures: Iterable[Figure], derived: frozenset[str]) -> dict[str, Cell]:
    """Return the cells that a round puts. A figure for a derived indicator is left out: the hub computes those.

    Raises Invalid("indicators.value_unreadable") for a value that is no decimal text.
    """
    return {
        figure.indicator: Cell(form, _normal(figure), figure.status, False, level, figure.label)
        for figure in figures
        if figure.indicator not in derived
    }


def _normal(figure: Figure) -> str | None:
    if figure.value is None:
        return None
    try:
        return decimal_text(Decimal(figure.value))
    except InvalidOperation:
        raise Invalid(
            "indicators.value_unreadable",
            f"{figure.indicator}: {figure.value!r} is not a decimal text",
            f"Giá trị “{figure.value}” của chỉ tiêu {figure.indicator} không phải là số.",
        ) from None


def settle(
    current: Mapping[str, Cell],
    form: str,
    entered: Mapping[str, Cell],
    derivations: Sequence[Derivation],
    past: Past | None = None,
) -> Change:
    """Return what changes when `entered` becomes the whole entered content of `form` for this (unit, period)."""
    kept = {code: cell for code, cell in current.items() if not cell.derived and cell.form != form}
    return _change(current, {**kept, **entered}, derivations, past, form)


def rederive(current: Mapping[str, Cell], derivations: Sequence[Derivation], past: Past) -> Change:
    """Return what changes when the values of this (unit, period) are derived anew. What was entered for an indicator
    that is computed by now gives way to what its formula gives, and stays where that is nothing."""
    kept = {code: cell for code, cell in current.items() if not cell.derived}
    return _change(current, kept, derivations, past, None)


def _change(
    current: Mapping[str, Cell],
    entered: Mapping[str, Cell],
    derivations: Sequence[Derivation],
    past: Past | None,
    form: str | None,
) -> Change:
    target = {**entered, **derive(entered, derivations, past)}
    put = {code: cell for code, cell in target.items() if current.get(code) != cell}
    end = tuple(sorted(current.keys() - target.keys()))
    touched = {cell.form for cell in put.values()} | ({form} if form else set())
    touched |= {current[code].form for code in (*put, *end) if code in current}
    return Change(put, end, tuple(sorted(touched)))


def derive(entered: Mapping[str, Cell], derivations: Iterable[Derivation], past: Past | None = None) -> dict[str, Cell]:
    """Return the computed cells; where nothing was entered nothing is computed."""
    if not entered:
        return {}
    known = dict(entered)
    values = {code: _number(cell) for code, cell in entered.items()}
    before = {} if past is None else {key: _number(cell) for key, cell in past.cells.items()}
    result: dict[str, Cell] = {}
    for rule in derivations:
        formula = rule.formula
        earlier = look_back(formula.past, past.period, before) if past and formula.past else {}
        value = formula.evaluate(values, rule.decimals, earlier)
        if value is None:
            continue
        inputs = [known[code] for code in formula.current]
        if past:
            inputs += [past.cells[key] for key in needed(formula.past, past.period)]
        cell = combined(inputs, decimal_text(value), form=rule.form)
        known[rule.indicator] = result[rule.indicator] = cell
        values[rule.indicator] = value
    return result


def _number(cell: Cell) -> Decimal | None:
    return None if cell.value is None else Decimal(cell.value)
