"""What formulas find at earlier periods: a unit's own figure, or, where it did not stand yet, the roll-up of the units
it came from. Pure.

A merged unit has no figure of its own before the merger. What its predecessors reported together stands for it by the
indicator's rule (shared.catalogue.rollup), for formulas as for series and the grid. A value that rests on one says so
in its `basis`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from services.indicators.domain.cells import Cell, combined
from services.indicators.domain.derivations import Derivation, Rules
from shared.calendar import Period
from shared.canonical import decimal_text
from shared.catalogue import rollup
from shared.catalogue.looks import Look, needed, periods_after
from shared.catalogue.rollup import Figure, Key, Rolled, Rule, made_of
from shared.errors import Invalid


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
    return reading_of(rules, _wanted(derivations, place.period), place.unit, place.period.end)


def reading_of(rules: Rules, wanted: Iterable[tuple[str, Period]], unit: str, on: date) -> Reading:
    """Return what the earlier figures of the unit as it is on this day, by indicator and period, may be made of,
    themselves included."""
    places: set[Place] = set()
    codes: set[str] = set()
    rule_of = partial(_rule, rules)
    for code, period in wanted:
        places.add(Place(unit, period))
        codes.add(code)
        if rules.organisation.lineage(unit, period.end, on).is_itself:
            continue
        for constituent, at in made_of(code, period, rule_of):
            lineage = rules.organisation.lineage(unit, at.end, on)
            places.add(Place(unit, at))
            places |= {Place(part.unit, at) for part in lineage.parts}
            codes.add(constituent)
    return Reading(frozenset(places), frozenset(codes))


def _rule(rules: Rules, code: str, period: Period) -> Rule | None:
    definition = rules.definition(code, period.end)
    if definition is None:
        return None
    return Rule(definition.rollup, rules.formulas(period.end).get(code), definition.decimals)


def found(rules: Rules, derivations: Iterable[Derivation], place: Place, held: Held) -> Past:
    """Return what the derivations find in `held`, which has what `reading` asked for, in the measures of now."""
    then = earlier(rules, _wanted(derivations, place.period), place.unit, place.period.end, held)
    now = {key: _in_todays_measure(rules, *key, place.period, cell) for key, cell in then.items()}
    return Past(place.period, {key: cell for key, cell in now.items() if cell is not None})


def earlier(
    rules: Rules, wanted: Iterable[tuple[str, Period]], unit: str, on: date, held: Held
) -> dict[tuple[str, Period], Cell]:
    """Return the figures of earlier periods of the unit as it is on this day, out of what `reading_of` asked for: its
    own, else what those it came from reported together. What has neither is left out."""
    past = rollup.Past(unit, on, rules.organisation, partial(_rule, rules), partial(_figure, held))
    cells: dict[tuple[str, Period], Cell] = {}
    for code, period in wanted:
        rolled = past.at(code, period)
        if rolled is not None:
            cells[code, period] = held.get((Place(unit, period), code)) or _together(rolled, held)
    return cells


def _figure(held: Held, key: Key) -> Figure | None:
    cell = held.get((Place(key.unit, key.period), key.code))
    return None if cell is None else Figure(None if cell.value is None else Decimal(cell.value), cell.batch)


def _together(rolled: Rolled, held: Held) -> Cell:
    cells = (held[Place(key.unit, key.period), key.code] for key in rolled.rests_on)
    return combined(cells, None if rolled.value is None else decimal_text(rolled.value), basis=rolled.basis)


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
