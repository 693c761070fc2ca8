"""Rolling figures of the units below up into a draft (Đ10.1, Đ15), by each indicator's rule. Pure.

    rule           across units                                  over time (a quarter's form over months)
    sum            added; "không phát sinh" adds nothing         `over_time` sum: all periods; last: the last one's
    weighted:CODE  mean, weighted by CODE of the same submission  only within one period
    last           the value approved last                       only within one period
    derived        left to its formula                           left to its formula
    none           never added: listed as not additive           one unit's own: by `over_time`

Only approved rounds count. Nothing is guessed: a value without a weight is left out and listed. Results are exact; a
mean that needs more than 4 places (for a count: any) is rounded once, half to even, and says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from services.submissions.domain.catalogue import Catalogue, Form, Indicator
from services.submissions.domain.merge import Pushed
from shared.calendar import Period
from shared.canonical import MAX_DIGITS, MAX_SCALE, decimal_text
from shared.catalogue.rollup import added, mean, rounded, weighs

ROLLED, NOT_ADDITIVE, DERIVED, NOTHING, TOO_LARGE = "rolled", "not_additive", "derived", "nothing", "too_large"
NO_WEIGHT, DID_NOT_OCCUR = "no_weight", "did_not_occur"
_WEIGHTED = "weighted:"
_CERTAINTY = ("estimate", "preliminary", "official")


@dataclass(frozen=True, slots=True)
class Lower:
    """A submission that is owed below, for the period or a part of it. `round` is its approved round, None while it has
    none; `figures` are that round's."""

    submission_id: str
    unit: str
    period: str
    state: str
    round: int | None = None
    approved_at: datetime | None = None
    figures: Mapping[str, Pushed] | None = None


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one approved submission gives to one indicator. `note` says why a value is not `used`."""

    submission_id: str
    unit: str
    period: str
    round: int
    value: str | None
    status: str
    weight: str | None = None
    used: bool = True
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Rolled:
    """What became of one indicator: its `value` where `outcome` is "rolled", and what it was made of."""

    indicator: str
    rule: str
    outcome: str
    value: Pushed | None = None
    rounded: bool = False
    contributions: tuple[Contribution, ...] = ()


def is_below(unit: str, upper: str, tile: Period, period: Period, catalogue: Catalogue) -> bool:
    """Tell whether a submission of `unit` for `tile` goes into that of `upper` for `period`: its unit was below then,
    or it is the unit's own for a part of the period."""
    return unit in catalogue.organisation.under(upper, tile.end) or (unit == upper and tile != period)


def roll_up(
    form: Form, catalogue: Catalogue, upper: str, lowers: Iterable[Lower], periods: Sequence[Period]
) -> list[Rolled]:
    """Return what the approved submissions below make of each entered indicator of `form`, in the form's order.
    `catalogue` is as of the period, `periods` are the tiles that the lower form is for."""
    given = sorted((item for item in lowers if item.round is not None), key=lambda item: (item.period, item.unit))
    own = all(item.unit == upper for item in given)
    found: list[Rolled] = []
    for code in form.entered:
        indicator = catalogue.indicators.get(code)
        if indicator is not None:
            found.append(_rolled(indicator, given, [str(item) for item in periods], own=own))
    return found


def _rolled(indicator: Indicator, given: Sequence[Lower], periods: Sequence[str], *, own: bool) -> Rolled:
    code, rule = indicator.code, indicator.rollup
    if indicator.formula is not None or rule == "derived":
        return Rolled(code, "derived", DERIVED)
    if len(periods) > 1:
        rule, given = _over_time(indicator, given, periods, own=own)
    weight = rule.removeprefix(_WEIGHTED) if rule.startswith(_WEIGHTED) else None
    contributions = [_contribution(item, code, weight) for item in given if item.figures and code in item.figures]
    if rule == "none":
        return _unused(Rolled(code, rule, NOT_ADDITIVE, contributions=tuple(contributions)), "not_additive")
    if not any(item.used for item in contributions):
        return Rolled(code, rule, NOTHING, contributions=tuple(contributions))
    if rule == "last":
        return _last(Rolled(code, rule, ROLLED, contributions=tuple(contributions)), given)
    if weight is not None:
        return _mean(Rolled(code, rule, ROLLED, contributions=tuple(contributions)), indicator)
    return _sum(Rolled(code, rule, ROLLED, contributions=tuple(contributions)))


def _over_time(
    indicator: Indicator, given: Sequence[Lower], periods: Sequence[str], *, own: bool
) -> tuple[str, Sequence[Lower]]:
    """Return the rule for several periods, and the submissions that it takes."""
    over, rule = indicator.over_time, indicator.rollup
    if over == "last":
        return "last" if own else rule, [item for item in given if item.period == periods[-1]]
    if over == "sum" and (own or rule == "sum"):
        return "sum", given
    return "none", given


def _contribution(lower: Lower, code: str, weight: str | None) -> Contribution:
    figures = lower.figures or {}
    given, by = figures[code], figures.get(weight or "")
    made = Contribution(lower.submission_id, lower.unit, lower.period, lower.round or 0, given.value, given.status)
    if weight is None:
        return made
    if by is None or by.value is None or not weighs(Decimal(by.value)):
        return replace(made, used=False, note=NO_WEIGHT)
    return replace(made, weight=by.value)


def _sum(rolled: Rolled) -> Rolled:
    values = (None if item.value is None else Decimal(item.value) for item in rolled.contributions)
    total = added((value, Decimal(1)) for value in values)
    if total is not None and abs(total) >= 10**MAX_DIGITS:
        return replace(rolled, outcome=TOO_LARGE)
    status = _least_certain(rolled.contributions)
    return replace(rolled, value=Pushed(None if total is None else decimal_text(total), status))


def _mean(rolled: Rolled, indicator: Indicator) -> Rolled:
    marked = tuple(
        replace(item, used=False, note=DID_NOT_OCCUR) if item.used and item.value is None else item
        for item in rolled.contributions
    )
    pairs = [(Decimal(item.value or 0), Decimal(item.weight or 0)) for item in marked if item.used]
    rolled = replace(rolled, contributions=marked)
    if not pairs:
        return replace(rolled, value=Pushed(None, _least_certain(item for item in marked if item.note != NO_WEIGHT)))
    exact = mean(pairs)
    if exact is None:
        return _unused(replace(rolled, outcome=NOTHING), NO_WEIGHT)
    value = rounded(exact, 0 if indicator.integer else MAX_SCALE)
    status = _least_certain(item for item in marked if item.used)
    return replace(rolled, value=Pushed(decimal_text(value), status), rounded=Fraction(value) != exact)


def _last(rolled: Rolled, given: Sequence[Lower]) -> Rolled:
    approved = {item.submission_id: (item.approved_at, item.unit) for item in given}
    newest = max(rolled.contributions, key=lambda item: approved[item.submission_id])
    kept = tuple(item if item is newest else replace(item, used=False) for item in rolled.contributions)
    return replace(rolled, value=Pushed(newest.value, newest.status), contributions=kept)


def _unused(rolled: Rolled, note: str) -> Rolled:
    marked = tuple(replace(item, used=False, note=item.note or note) for item in rolled.contributions)
    return replace(rolled, contributions=marked)


def _least_certain(contributions: Iterable[Contribution]) -> str:
    return min((item.status for item in contributions), key=_CERTAINTY.index)
