"""The past of a unit that a reform made: the roll-up of the units it went on from. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

from services.submissions.domain.catalogue import Catalogue, Form, Indicator
from services.submissions.domain.validation.past import Known, Past, periods_before
from shared.calendar import Period
from shared.catalogue import rollup
from shared.catalogue.looks import needed
from shared.catalogue.organisation import Organisation
from shared.catalogue.rollup import ESTIMATED, Figure, Key, Rolled, Rule
from shared.catalogue.succession import Lineage

_STATUSES = ("estimate", "preliminary", "official")

Values = Mapping[tuple[str, str, str], Known]
"""What is approved, by (unit, indicator, period)."""


def periods_read(form: Form, indicators: Iterable[Indicator], period: Period) -> set[Period]:
    """Return the periods of which validation of a draft for `period` may need values, its own among them."""
    inputs = {item for indicator in indicators if indicator.formula for item in indicator.formula.past}
    inputs |= {item for rule in form.rules for item in rule.comparison.inputs}
    return {period, *periods_before(period), *(earlier for _code, earlier in needed(inputs, period))}


def units_read(organisation: Organisation, unit: str, period: Period, periods: Iterable[Period]) -> set[str]:
    """Return the units whose values make up the past of `unit`: itself and those it went on from."""
    return {unit} | {
        part.unit for earlier in periods for part in organisation.lineage(unit, earlier.end, period.end).parts
    }


def made_of(
    catalogue: Catalogue, codes: Iterable[str], unit: str, period: Period, periods: Iterable[Period]
) -> set[tuple[str, Period]]:
    """Return what the past of these indicators of `unit` may be rolled up from, by indicator and period."""
    reformed = [each for each in periods if not catalogue.organisation.lineage(unit, each.end, period.end).is_itself]
    rule_of = partial(_rule, catalogue)
    return {item for each in reformed for code in codes for item in rollup.made_of(code, each, rule_of)}


def _rule(catalogue: Catalogue, code: str, period: Period) -> Rule | None:
    indicator = catalogue.as_of(period).indicators.get(code)
    return None if indicator is None else Rule(indicator.rollup, indicator.formula, indicator.decimals)


def past_of(
    unit: str,
    period: Period,
    periods: Iterable[Period],
    values: Values,
    catalogue: Catalogue,
    codes: Iterable[str] = (),
) -> Past:
    """Return the past of `unit` as seen from `period`, out of the values of it and of the units before it; of these
    indicators and those there are values of. A value of its own tells best, even one that was loaded for a time before
    the reform."""
    held: dict[str, dict[str, Known]] = {code: {} for code in codes}
    for (holder, code, earlier), known in values.items():
        of_code = held.setdefault(code, {})
        if holder == unit:
            of_code[earlier] = known
    now = catalogue.as_of(period).indicators
    before_reforms = rollup.Past(
        unit, period.end, catalogue.organisation, partial(_rule, catalogue), partial(_figure, values)
    )
    for before in periods:
        lineage = catalogue.organisation.lineage(unit, before.end, period.end)
        then, text = catalogue.as_of(before).indicators, str(before)
        for code, of_code in held.items():
            defined = now.get(code)
            if then.get(code) is not defined and not _comparable(then.get(code), defined):
                of_code.pop(text, None)
            elif defined is not None and not lineage.is_itself and text not in of_code:
                rolled = before_reforms.at(code, before)
                if rolled is not None:
                    of_code[text] = _rolled_up(rolled, lineage, values)
    return Past(period, {code: of_code for code, of_code in held.items() if of_code})


def _figure(values: Values, key: Key) -> Figure | None:
    known = values.get((key.unit, key.code, str(key.period)))
    return None if known is None else Figure(known.value, known.order)


def _comparable(then: Indicator | None, now: Indicator | None) -> bool:
    """Tell whether figures of two definitions can be compared: another unit of measure is another number."""
    return then is not None and now is not None and then.measure == now.measure


def _rolled_up(rolled: Rolled, lineage: Lineage, values: Values) -> Known:
    units = tuple(part.unit if part.share == 1 else f"{part.unit} × {part.share}" for part in lineage.parts)
    if rolled.basis == ESTIMATED:
        return Known(rolled.value, _STATUSES[0], units)
    rests_on = (values[key.unit, key.code, str(key.period)] for key in rolled.rests_on)
    return Known(rolled.value, min((known.status for known in rests_on), key=_STATUSES.index), units)
