"""A draft's figures against what is approved of the same unit: last period, the same period last year, the history."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

from services.submissions.domain import findings as rules
from services.submissions.domain.catalogue import Indicator
from services.submissions.domain.findings import Finding, Rule, find
from services.submissions.domain.validation.draft import Draft, rounded, shown
from services.submissions.domain.validation.outliers import History
from services.submissions.domain.validation.past import Known

MAX_CHANGE_PERCENT = 50
"""By how many percent a figure may differ from last period's and last year's where its definition names no limit."""


def comparisons(draft: Draft) -> Iterator[Finding]:
    """Find figures that changed by more than their indicator's limit. Nothing is said where nothing occurred, where
    the figure before was 0 (a change from nothing is no percentage), and of a change of one unit of the last place.
    For periods that come once a year the period before is the same one of last year."""
    period = draft.past.period
    if period is None:
        return
    compared = [(rules.CHANGED_SINCE_LAST_YEAR, period.year_before)]
    if period.previous != period.year_before:
        compared.insert(0, (rules.CHANGED_SINCE_LAST_PERIOD, period.previous))
    for indicator in draft.entered():
        value = draft.values.get(indicator.code)
        if value is None:
            continue
        for rule, earlier in compared:
            before = draft.past.at(indicator.code, earlier)
            if before is not None and before.value is not None:
                yield from _changed(rule, indicator, value, str(earlier), before, before.value)


def _changed(
    rule: Rule, indicator: Indicator, value: Decimal, period: str, known: Known, before: Decimal
) -> Iterator[Finding]:
    limit = MAX_CHANGE_PERCENT if indicator.max_change_percent is None else indicator.max_change_percent
    change = value - before
    if before == 0 or abs(change) <= Decimal(1).scaleb(-indicator.decimals):
        return
    if abs(change) * 100 > limit * abs(before):
        facts = {"value": shown(value), "before": shown(before), "change": _percent(change, before)}
        facts |= {"period": period, "limit": str(limit), "how": known.how, "how_vi": known.how_vi}
        yield find(rule, indicator.code, **facts)


def _percent(change: Decimal, before: Decimal) -> str:
    percent = rounded(Fraction(change) * 100 / abs(Fraction(before)), 1)
    return percent if change < 0 else f"+{percent}"


def history(draft: Draft) -> Iterator[Finding]:
    """Find figures that lie far from the unit's own history of the indicator (see `outliers`)."""
    for indicator in draft.entered():
        value, known = draft.values.get(indicator.code), draft.past.history(indicator.code)
        if value is None or not known:
            continue
        earlier = History(item.value for item in known if item.value is not None)
        found = (
            (rules.FAR_FROM_MEAN, earlier.z_score(value)),
            (rules.FAR_FROM_MEDIAN, earlier.modified_z_score(value)),
            (rules.OUTSIDE_RANGE, earlier.outside_range(value, indicator.decimals)),
        )
        said = Known(None, units=tuple(sorted({unit for item in known for unit in item.units})))
        facts = {"value": shown(value), "points": str(len(known)), "how": said.how, "how_vi": said.how_vi}
        for rule, outlier in found:
            if outlier is not None:
                yield find(rule, indicator.code, **facts, **outlier._asdict())
