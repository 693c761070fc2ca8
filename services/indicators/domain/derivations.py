"""Which formulas apply to a unit in a period, which form carries what they give, and who looks back at a figure. Pure.

A formula is that of the definition in force on the period's last day, so the order of computation may differ from one
stretch of time to the next.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from services.indicators.domain.catalogue import Catalogue
from shared.calendar import Period
from shared.catalogue.definitions import change_days, formulas_on, versions
from shared.catalogue.entries import Definition, Form, OwedByEach
from shared.catalogue.formulas import Formula, order, parse
from shared.catalogue.looks import Look
from shared.catalogue.measures import Measures
from shared.catalogue.organisation import Organisation


@dataclass(frozen=True, slots=True)
class Derivation:
    """How one derived indicator is computed for a unit, and the form that carries it."""

    indicator: str
    form: str
    formula: Formula
    decimals: int


class Rules:
    """What recording needs from the catalogue: the derivations that apply to a unit, in order of need."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._turns = change_days(catalogue.indicators.values())
        self._formulas: dict[int, dict[str, Formula]] = {}

    @property
    def catalogue(self) -> Catalogue:
        """The catalogue itself."""
        return self._catalogue

    @cached_property
    def organisation(self) -> Organisation:
        """Its units through time."""
        return Organisation(self._catalogue.units.values())

    @cached_property
    def measures(self) -> Measures:
        """Its units of measure."""
        return Measures(self._catalogue.measures.values())

    def formulas(self, day: date) -> dict[str, Formula]:
        """Return the formulas in force on this day, each after those whose figures it needs."""
        stretch = bisect_right(self._turns, day)
        found = self._formulas.get(stretch)
        if found is None:
            parsed = formulas_on(self._catalogue.indicators, day)
            found = self._formulas[stretch] = {code: parsed[code] for code in order(parsed)}
        return found

    def definition(self, code: str, day: date) -> Definition | None:
        """Return what the indicator was defined as on this day; None if there is no such indicator."""
        known = self._catalogue.indicators.get(code)
        return None if known is None else known.on(day)

    def derived(self, period: Period) -> frozenset[str]:
        """Return the indicators that are computed, not entered, in this period."""
        return frozenset(self.formulas(period.end))

    def derivations(self, unit: str, period: Period) -> list[Derivation]:
        """Return the derivations for this unit and period; an indicator is carried by one form at most. Forms that are
        asked for in the period come first: a copy for the next year carries the same indicators."""
        carriers: dict[str, str] = {}
        for form in sorted(self.forms_about(unit, period), key=lambda form: not form.periods.holds(period)):
            for code in form.derived:
                carriers.setdefault(code, form.id)
        return [
            Derivation(code, carriers[code], formula, self._catalogue.indicators[code].on(period.end).decimals)
            for code, formula in self.formulas(period.end).items()
            if code in carriers
        ]

    def forms_about(self, unit: str, period: Period) -> Iterator[Form]:
        """Yield the forms of this kind of period that are owed about this unit, in order of id."""
        known = self._catalogue.units.get(unit)
        for _, form in sorted(self._catalogue.forms.items()):
            owed = form.owed_by
            if form.period_kind != period.kind:
                continue
            if isinstance(owed, OwedByEach):
                below = owed.under is None or owed.under in self.organisation.path(unit, period.end)
                if known is not None and known.kind == owed.each and below:
                    yield form
            elif any(item.unit == unit for item in owed):
                yield form

    def forms_with(self, indicator: str) -> frozenset[str]:
        """Return the forms that carry this indicator or something it is computed from."""
        codes = {indicator} | self.constituents(indicator)
        return frozenset(
            form.id for form in self._catalogue.forms.values() if codes & {*form.indicators, *form.derived}
        )

    def agency(self, form: str, unit: str) -> str:
        """Return the agency that owes `form` about `unit`; the unit itself where each owes for itself."""
        known = self._catalogue.forms.get(form)
        if known is not None and not isinstance(known.owed_by, OwedByEach):
            return next((item.agency for item in known.owed_by if item.unit == unit), unit)
        return unit

    def constituents(self, indicator: str) -> frozenset[str]:
        """Return everything that the indicator was ever computed from or weighted with, directly or not."""
        found: set[str] = set()
        waiting = [indicator]
        while waiting:
            known = self._catalogue.indicators.get(waiting.pop())
            for definition in versions(known) if known else ():
                new = _needs(definition) - found
                found |= new
                waiting += new
        return frozenset(found)

    @cached_property
    def watched(self) -> dict[str, frozenset[Look]]:
        """By indicator: the looks with which formulas of later periods read it, or something made of it."""
        found: dict[str, set[Look]] = defaultdict(set)
        for indicator in self._catalogue.indicators.values():
            for definition in versions(indicator):
                for item in parse(definition.formula).past if definition.formula else ():
                    for code in {item.code} | self.constituents(item.code):
                        found[code].add(item.look)
        return {code: frozenset(looks) for code, looks in found.items()}


def _needs(definition: Definition) -> frozenset[str]:
    codes = parse(definition.formula).codes if definition.formula else frozenset()
    how, _, weight = definition.rollup.partition(":")
    return codes | {weight} if how == "weighted" else codes
