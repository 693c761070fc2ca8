"""The past of a unit that a reform made: the roll-up of the units it went on from. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_EVEN, Decimal

from services.submissions.domain.catalogue import Catalogue, Form, Indicator
from services.submissions.domain.validation.past import Known, Past, periods_before
from shared.calendar import Period
from shared.canonical import MAX_SCALE
from shared.catalogue.looks import needed
from shared.catalogue.organisation import Organisation
from shared.catalogue.succession import Lineage

_STATUSES = ("estimate", "preliminary", "official")
_STEP = Decimal(1).scaleb(-MAX_SCALE)

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


def past_of(unit: str, period: Period, periods: Iterable[Period], values: Values, catalogue: Catalogue) -> Past:
    """Return the past of `unit` as seen from `period`, out of the values of it and of the units before it. A value of
    its own tells best, even one that was loaded for a time before the reform."""
    held: dict[str, dict[str, Known]] = {}
    for (holder, code, earlier), known in values.items():
        of_code = held.setdefault(code, {})
        if holder == unit:
            of_code[earlier] = known
    now = catalogue.as_of(period).indicators
    for before in periods:
        lineage = catalogue.organisation.lineage(unit, before.end, period.end)
        then, text = catalogue.as_of(before).indicators, str(before)
        for code, of_code in held.items():
            defined = now.get(code)
            if then.get(code) is not defined and not _comparable(then.get(code), defined):
                of_code.pop(text, None)
            elif defined is not None and defined.summed and not lineage.is_itself and text not in of_code:
                rolled = _added_up(lineage, code, text, values)
                if rolled is not None:
                    of_code[text] = rolled
    return Past(period, held)


def _comparable(then: Indicator | None, now: Indicator | None) -> bool:
    """Tell whether figures of two definitions can be compared: another unit of measure is another number."""
    return then is not None and now is not None and then.measure == now.measure


def _added_up(lineage: Lineage, code: str, period: str, values: Values) -> Known | None:
    known = {part.unit: values.get((part.unit, code, period)) for part in lineage.parts}
    given = {unit: held for unit, held in known.items() if held is not None}
    if not given or len(given) < len(known):
        return None  # a roll-up that lacks a part would only look like a fall
    units = tuple(part.unit if part.share == 1 else f"{part.unit} × {part.share}" for part in lineage.parts)
    status = min((held.status for held in given.values()), key=_STATUSES.index)
    if not lineage.is_exact:
        status = _STATUSES[0]
    if all(held.value is None for held in given.values()):
        return Known(None, status, units)
    added = lineage.add({unit: held.value or Decimal(0) for unit, held in given.items()})
    return None if added is None else Known(added.quantize(_STEP, rounding=ROUND_HALF_EVEN), status, units)
