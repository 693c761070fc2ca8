"""What an approved round does to the warehouse: which values it puts, which it ends, what follows from formulas. Pure.

All of one (unit, period) is looked at together, because a ratio may take its inputs from several forms. A value that
does not change keeps its row, whatever round repeats it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from services.indicators.domain.catalogue import Derivation
from shared.canonical import decimal_text
from shared.contracts.events import Figure
from shared.errors import Invalid

_STATUSES = ("estimate", "preliminary", "official")  # from the least to the most certain
_LEVELS = ("agency", "commune", "district", "province")  # from the lowest to the highest


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of a (unit, period): on which form, how certain, how it came about, approved at which level. `label`
    names the row of an open list, `basis` tells of a value that rests on other units' figures."""

    form: str
    value: str | None
    status: str
    derived: bool
    level: str
    label: str | None = None
    basis: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What a batch does to one (unit, period): `put` supersedes or adds, `end` ends without a successor."""

    put: dict[str, Cell]
    end: tuple[str, ...]
    touched: tuple[str, ...]
    """The forms whose content changes, the submission's own always among them."""


def cells_of(form: str, level: str, figures: Iterable[Figure], derived: frozenset[str]) -> dict[str, Cell]:
    """Return the cells that a round puts. A figure for a derived indicator is left out: the hub computes those.

    Raises Invalid("indicators.value_unreadable") for a value that is no decimal text.
    """
    return {
        figure.indicator: Cell(form, _normal(figure), figure.status, False, level)
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


def settle(current: Mapping[str, Cell], form: str, entered: Mapping[str, Cell], rules: Iterable[Derivation]) -> Change:
    """Return what changes when `entered` becomes the whole entered content of `form` for this (unit, period)."""
    target = {code: cell for code, cell in current.items() if not cell.derived and cell.form != form}
    target.update(entered)
    target.update(derive(target, rules))
    put = {code: cell for code, cell in target.items() if current.get(code) != cell}
    end = tuple(sorted(current.keys() - target.keys()))
    touched = {form} | {cell.form for cell in put.values()}
    touched |= {current[code].form for code in (*put, *end) if code in current}
    return Change(put, end, tuple(sorted(touched)))


def derive(entered: Mapping[str, Cell], rules: Iterable[Derivation]) -> dict[str, Cell]:
    """Return the computed cells. One is as certain as its least certain input and as highly approved as its lowest."""
    known = dict(entered)
    values = {code: Decimal(cell.value) for code, cell in entered.items() if cell.value is not None}
    result: dict[str, Cell] = {}
    for rule in rules:
        value = rule.formula.evaluate(values, rule.decimals)
        if value is None:
            continue
        inputs = [known[code] for code in rule.formula.codes]
        cell = Cell(
            rule.form,
            decimal_text(value),
            min((item.status for item in inputs), key=_rank(_STATUSES), default="official"),
            True,
            min((item.level for item in inputs), key=_rank(_LEVELS), default="province"),
        )
        known[rule.indicator] = result[rule.indicator] = cell
        values[rule.indicator] = value
    return result


def _rank(scale: tuple[str, ...]) -> Callable[[str], int]:
    """Return a word's place in its scale; unknown words are lowest."""
    return lambda word: scale.index(word) if word in scale else -1
