"""Rolling several units' figures of one period up into one, by the indicator's rule. Pure, exact.

    rule           the figure of several units together
    sum            added, by share of a unit that was split; where nothing occurred, nothing is added
    weighted:CODE  mean weighted by CODE's figures (by share where CODE is summed); of who reported a value alone
    last           the one approved last
    derived        the formula over its inputs, each rolled up at its own period
    none           there is none

The past of a unit that a reform made is rolled up from those it came from; submissions below an upper unit are rolled
up with the same arithmetic (`added`, `mean`). A past that lacks a part is none: it would pass for the whole. A value
that rests on shares is an estimate and says so (`basis`). Means and estimates are rounded once, half to even, to the
places of the indicator; everything else is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from typing import NamedTuple

from shared.calendar import Period
from shared.catalogue.formulas import Formula
from shared.catalogue.looks import look_back, needed
from shared.catalogue.organisation import Organisation
from shared.catalogue.succession import Lineage

PREDECESSORS, ESTIMATED = "predecessors", "predecessors_estimated"
"""A value that rests on the figures of the units that this one came from: of whole ones, or of shares of one that was
split."""
SUM, LAST, DERIVED, WEIGHTED = "sum", "last", "derived", "weighted:"
_WIDE = Context(prec=200, rounding=ROUND_HALF_EVEN)


def added(parts: Iterable[tuple[Decimal | None, Decimal]]) -> Decimal | None:
    """Return the sum of (value, share) pairs; None where nothing occurred anywhere."""
    occurred = [(value, share) for value, share in parts if value is not None]
    if not occurred:
        return None
    total = Decimal(0)
    for value, share in occurred:
        total = _WIDE.add(total, value if share == 1 else _WIDE.multiply(value, share))
    return total


def mean(weighed: Iterable[tuple[Decimal | Fraction, Decimal | Fraction]]) -> Fraction | None:
    """Return the mean of (value, weight) pairs, not rounded; None where there is no weight."""
    pairs = [(Fraction(value), Fraction(weight)) for value, weight in weighed]
    weights = sum((weight for _, weight in pairs), Fraction(0))
    return sum((value * weight for value, weight in pairs), Fraction(0)) / weights if weights else None


def weighs(weight: Decimal | None) -> bool:
    """Tell whether something can be weighed with this figure."""
    return weight is not None and weight >= 0


def rounded(value: Fraction | Decimal, places: int) -> Decimal:
    """Return it rounded half to even."""
    exact = round(Fraction(value), places)
    return _WIDE.divide(Decimal(exact.numerator), Decimal(exact.denominator))


class Key(NamedTuple):
    """One figure: an indicator of a unit in a period."""

    unit: str
    code: str
    period: Period


class Figure(NamedTuple):
    """An approved figure (None: nothing occurred). What was approved later has the higher `order`."""

    value: Decimal | None
    order: int = 0


class Rule(NamedTuple):
    """How an indicator is rolled up in a period, with its formula and the places that it is given in."""

    rollup: str
    formula: Formula | None = None
    decimals: int = 0

    @property
    def weight(self) -> str | None:
        """The indicator that it is weighted with."""
        return self.rollup.removeprefix(WEIGHTED) if self.rollup.startswith(WEIGHTED) else None


RuleOf = Callable[[str, Period], Rule | None]
"""The rule of an indicator as defined for a period; None for an unknown one."""


@dataclass(frozen=True, slots=True)
class Rolled:
    """A figure (None: nothing occurred) and the figures it rests on. `basis` is None where it is the unit's own."""

    value: Decimal | None
    rests_on: frozenset[Key]
    basis: str | None = None


def inputs_of(formula: Formula, period: Period) -> set[tuple[str, Period]]:
    """Return all that the formula reads from `period`, by indicator and period."""
    return {(code, period) for code in formula.current} | needed(formula.past, period)


def made_of(code: str, period: Period, rule_of: RuleOf, above: frozenset[str] = frozenset()) -> set[tuple[str, Period]]:
    """Return what a roll-up of this indicator may rest on, by indicator and period, itself included."""
    found = {(code, period)}
    rule = rule_of(code, period)
    if rule is None or code in above:
        return found
    if rule.weight is not None:
        found.add((rule.weight, period))
    if rule.rollup == DERIVED and rule.formula is not None:
        for constituent, at in inputs_of(rule.formula, period):
            found |= made_of(constituent, at, rule_of, above | {code})
    return found


@dataclass(frozen=True, slots=True)
class Past:
    """The earlier figures of `unit` as it is on the day `on`, out of the approved ones that `held` finds."""

    unit: str
    on: date
    organisation: Organisation
    rule_of: RuleOf
    held: Callable[[Key], Figure | None]

    def at(self, code: str, period: Period, above: frozenset[str] = frozenset()) -> Rolled | None:
        """Return its own figure, else what those it came from reported together; None where there is neither."""
        own = Key(self.unit, code, period)
        figure = self.held(own)
        if figure is not None:
            return Rolled(figure.value, frozenset({own}))
        lineage = self.organisation.lineage(self.unit, period.end, self.on)
        rule = self.rule_of(code, period)
        if rule is None or lineage.is_itself or not lineage.parts or code in above:
            return None
        if rule.rollup == DERIVED:
            return self._computed(rule, period, above | {code})
        figures = self._all(lineage, code, period)
        return None if figures is None else self._together(rule, lineage, period, figures)

    def _together(self, rule: Rule, lineage: Lineage, period: Period, figures: Mapping[Key, Figure]) -> Rolled | None:
        """Return the one figure of these, which are the parts' in the parts' order."""
        if rule.rollup == SUM:
            shares = [part.share for part in lineage.parts]
            total = added(zip((figure.value for figure in figures.values()), shares, strict=True))
            if total is not None and not lineage.is_exact:
                total = rounded(total, rule.decimals)
            return Rolled(total, frozenset(figures), _basis(lineage))
        if rule.rollup == LAST:
            newest = max(figures, key=lambda key: (figures[key].order, key.unit))
            return Rolled(figures[newest].value, frozenset(figures), _basis(lineage))
        return None if rule.weight is None else self._weighed(rule, lineage, period, figures, rule.weight)

    def _all(self, lineage: Lineage, code: str, period: Period) -> dict[Key, Figure] | None:
        """Return the parts' figures in the parts' order; None if one is missing."""
        found: dict[Key, Figure] = {}
        for part in lineage.parts:
            key = Key(part.unit, code, period)
            figure = self.held(key)
            if figure is None:
                return None
            found[key] = figure
        return found

    def _weighed(
        self, rule: Rule, lineage: Lineage, period: Period, figures: Mapping[Key, Figure], weight: str
    ) -> Rolled | None:
        weights, weight_rule = self._all(lineage, weight, period), self.rule_of(weight, period)
        if weights is None or weight_rule is None or not (lineage.is_exact or weight_rule.rollup == SUM):
            return None  # the weight of a part of a unit is a share of the unit's only where the weight is a sum
        rests_on = frozenset(figures) | frozenset(weights)
        pairs = _pairs(list(figures.values()), list(weights.values()), lineage)
        if pairs is None:
            return None
        if not pairs:
            return Rolled(None, rests_on, _basis(lineage))
        exact = mean(pairs)
        return None if exact is None else Rolled(rounded(exact, rule.decimals), rests_on, _basis(lineage))

    def _computed(self, rule: Rule, period: Period, above: frozenset[str]) -> Rolled | None:
        if rule.formula is None:
            return None
        found = {key: self.at(*key, above) for key in inputs_of(rule.formula, period)}
        known = {key: rolled for key, rolled in found.items() if rolled is not None}
        numbers = {key: rolled.value for key, rolled in known.items()}
        values = {code: numbers[code, period] for code in rule.formula.current if (code, period) in numbers}
        value = rule.formula.evaluate(values, rule.decimals, look_back(rule.formula.past, period, numbers))
        if value is None or all(rolled.basis is None for rolled in known.values()):
            return None  # what rests on the unit's own figures alone is for its own derivation
        rests_on = frozenset[Key]().union(*(rolled.rests_on for rolled in known.values()))
        bases = {rolled.basis for rolled in known.values()}
        return Rolled(value, rests_on, next((basis for basis in (ESTIMATED, PREDECESSORS) if basis in bases), None))


def _pairs(
    values: Sequence[Figure], weights: Sequence[Figure], lineage: Lineage
) -> list[tuple[Decimal, Decimal]] | None:
    """Return what occurred with its weight; None where something occurred that cannot be weighed."""
    pairs: list[tuple[Decimal, Decimal]] = []
    for figure, weight, part in zip(values, weights, lineage.parts, strict=True):
        if figure.value is None:
            continue
        if weight.value is None or not weighs(weight.value):
            return None
        pairs.append((figure.value, _WIDE.multiply(weight.value, part.share)))
    return pairs


def _basis(lineage: Lineage) -> str:
    return PREDECESSORS if lineage.is_exact else ESTIMATED
