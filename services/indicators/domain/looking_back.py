"""What formulas find at earlier periods: a unit's own figure, or, where it did not stand yet, the roll-up of the units
it came from. Pure.

A merged unit has no figure of its own before the merger. What its predecessors reported together stands for it by the
indicator's rule: sums are added (by share where a unit was split), weighted means are weighed, ratios are computed from
their inputs rolled up; what is never added has no such figure. A value that rests on one says so in its `basis`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import NamedTuple

from services.indicators.domain.cells import ESTIMATED, PREDECESSORS, Cell, combined
from services.indicators.domain.derivations import Derivation, Rules
from shared.calendar import Period
from shared.canonical import decimal_text
from shared.catalogue.entries import Definition
from shared.catalogue.formulas import parse
from shared.catalogue.looks import Look, look_back, needed, periods_after, total
from shared.catalogue.succession import Lineage
from shared.errors import Invalid

_WIDE = Context(prec=100, rounding=ROUND_HALF_EVEN)


class Place(NamedTuple):
    """One unit in one period."""

    unit: str
    period: Period


Held = Mapping[tuple[Place, str], Cell]
"""Current cells by place and indicator."""


@dataclass(frozen=True, slots=True)
class Past:
    """What was found at the periods before `period`, by indicator and period."""

    period: Period
    cells: Mapping[tuple[str, Period], Cell] = field(default_factory=dict)


class Reading(NamedTuple):
    """What has to be read: these places, these indicators."""

    places: frozenset[Place]
    indicators: frozenset[str]


def reading(rules: Rules, derivations: Iterable[Derivation], place: Place) -> Reading:
    """Return what these derivations may look at in earlier periods; nothing, as a rule."""
    wanted = _wanted(derivations, place.period)
    places = {Place(place.unit, period) for _, period in wanted}
    codes = {code for code, _ in wanted}
    for code, period in wanted:
        if rules.organisation.lineage(place.unit, period.end, place.period.end).is_itself:
            continue
        for constituent, at in _behind(rules, code, period):
            lineage = rules.organisation.lineage(place.unit, at.end, place.period.end)
            places |= {Place(part.unit, at) for part in lineage.parts}
            codes.add(constituent)
    return Reading(frozenset(places), frozenset(codes))


def _behind(rules: Rules, code: str, period: Period, above: frozenset[str] = frozenset()) -> set[tuple[str, Period]]:
    """Return what a roll-up of this indicator may be made of, by indicator and period, itself included."""
    found = {(code, period)}
    definition = rules.definition(code, period.end)
    how, _, weight = definition.rollup.partition(":") if definition else ("none", "", "")
    if how == "weighted":
        found.add((weight, period))
    if definition is not None and definition.formula and code not in above:
        formula = parse(definition.formula)
        inputs = {(current, period) for current in formula.current} | needed(formula.past, period)
        for constituent, at in inputs:
            found |= _behind(rules, constituent, at, above | {code})
    return found


def found(rules: Rules, derivations: Iterable[Derivation], place: Place, held: Held) -> Past:
    """Return what the derivations find in `held`, which has what `reading` asked for."""
    cells: dict[tuple[str, Period], Cell] = {}
    for code, period in _wanted(derivations, place.period):
        earlier = _earlier(rules, code, period, place, held)
        comparable = None if earlier is None else _in_todays_measure(rules, code, period, place.period, earlier)
        if comparable is not None:
            cells[code, period] = comparable
    return Past(place.period, cells)


def _in_todays_measure(rules: Rules, code: str, then: Period, now: Period, cell: Cell) -> Cell | None:
    """Return the cell as the definition in force now measures it; None where that cannot be told exactly, because a
    figure in another unit of measure is another number."""
    before, after = rules.definition(code, then.end), rules.definition(code, now.end)
    if before is None or after is None or cell.value is None or rules.measures.are_same(before.measure, after.measure):
        return cell
    try:
        return replace(
            cell, value=decimal_text(rules.measures.convert(Decimal(cell.value), before.measure, after.measure))
        )
    except Invalid:
        return None


def _wanted(derivations: Iterable[Derivation], period: Period) -> set[tuple[str, Period]]:
    return needed((item for derivation in derivations for item in derivation.formula.past), period)


def _earlier(
    rules: Rules, code: str, period: Period, place: Place, held: Held, above: frozenset[str] = frozenset()
) -> Cell | None:
    """Return the figure of an earlier period, seen from `place`: the unit's own, else what those it came from reported
    together; None where one of them has no figure, or where figures of this indicator do not make one together."""
    own = held.get((Place(place.unit, period), code))
    lineage = rules.organisation.lineage(place.unit, period.end, place.period.end)
    definition = rules.definition(code, period.end)
    if own is not None or definition is None or lineage.is_itself or not lineage.parts:
        return own
    how, _, weight = definition.rollup.partition(":")
    if how == "derived":
        return None if code in above else _recomputed(rules, definition, period, place, held, above | {code})
    if how not in ("sum", "weighted"):
        return None
    cells = [held.get((Place(part.unit, period), code)) for part in lineage.parts]
    weights = [held.get((Place(part.unit, period), weight)) for part in lineage.parts] if weight else []
    known = [cell for cell in (*cells, *weights) if cell is not None]
    if len(known) < len(cells) + len(weights):
        return None
    shares = [part.share for part in lineage.parts]
    value = _added(cells, shares) if how == "sum" else _weighed(cells, weights, shares)
    if value is not None and (how == "weighted" or not lineage.is_exact):
        value = value.quantize(Decimal(1).scaleb(-definition.decimals), context=_WIDE)
    return combined(known, None if value is None else decimal_text(value), basis=_basis(lineage))


def _recomputed(
    rules: Rules, definition: Definition, period: Period, place: Place, held: Held, above: frozenset[str]
) -> Cell | None:
    """Return what the formula gives over its inputs rolled up, each at its own period."""
    formula = parse(definition.formula or "0")
    wanted = {(code, period) for code in formula.current} | needed(formula.past, period)
    inputs = {(code, at): _earlier(rules, code, at, place, held, above) for code, at in wanted}
    known = {key: cell for key, cell in inputs.items() if cell is not None}
    numbers = {key: None if cell.value is None else Decimal(cell.value) for key, cell in known.items()}
    values = {code: numbers[code, period] for code in formula.current if (code, period) in numbers}
    value = formula.evaluate(values, definition.decimals, look_back(formula.past, period, numbers))
    return None if value is None else combined(known.values(), decimal_text(value))


def _added(cells: Iterable[Cell | None], shares: Iterable[Decimal]) -> Decimal | None:
    parts = [
        None if cell is None or cell.value is None else _WIDE.multiply(Decimal(cell.value), share)
        for cell, share in zip(cells, shares, strict=True)
    ]
    return total(parts)


def _weighed(cells: list[Cell | None], weights: list[Cell | None], shares: list[Decimal]) -> Decimal | None:
    weighed = [
        (Decimal(cell.value), _WIDE.multiply(Decimal(weight.value), share))
        for cell, weight, share in zip(cells, weights, shares, strict=True)
        if cell is not None and cell.value is not None and weight is not None and weight.value is not None
    ]
    weight_of_all = sum((weight for _, weight in weighed), Decimal(0))
    if not weight_of_all:
        return None
    return _WIDE.divide(sum((_WIDE.multiply(value, weight) for value, weight in weighed), Decimal(0)), weight_of_all)


def _basis(lineage: Lineage) -> str:
    return PREDECESSORS if lineage.is_exact else ESTIMATED


def looking_back_at(rules: Rules, place: Place, indicators: Iterable[str]) -> set[Place]:
    """Return the later places whose formulas may read these indicators of this one: of the unit itself, and of those
    that came from it."""
    looks: set[Look] = set().union(*(rules.watched.get(code, frozenset()) for code in indicators))
    later = {period for look in looks for period in periods_after(look, place.period)}
    places: set[Place] = set()
    for period in later:
        heirs = rules.organisation.successions.descendants(place.unit, place.period.end, period.end)
        places |= {Place(unit, period) for unit in (place.unit, *(part.unit for part in heirs.parts))}
    return places
