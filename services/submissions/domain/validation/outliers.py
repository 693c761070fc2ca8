"""Values that lie far from the unit's own history of an indicator: z-score, modified z-score, range. Exact.

Each score compares the new value with the earlier ones alone, so that it does not hide itself by widening them.
Everything is reckoned in whole ten-thousandths (the warehouse keeps four places), so no threshold is decided by
rounding; only what a message shows is rounded, half to even.

| method | outlier if | at least |
|---|---|---|
| z-score | |x - mean| / s > 3, s the sample standard deviation | 8 values |
| modified z-score | 0.6745 |x - median| / MAD > 3.5 (Iglewicz and Hoaglin 1993) | 6 values |
| range | x lies outside [min - w/2, max + w/2], w = max - min but at least two units of the last place | 5 values |

A score over a history that does not vary (s or MAD is 0) does not exist; the range judges there.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from math import isqrt
from typing import NamedTuple

from services.submissions.domain.validation.draft import rounded
from shared.canonical import MAX_SCALE, decimal_text

Z_POINTS, MODIFIED_POINTS, RANGE_POINTS = 8, 6, 5
Z_LIMIT, MODIFIED_LIMIT = Fraction(3), Fraction(7, 2)
_CONSISTENCY = Fraction(6745, 10_000)
_SCALE = 10**MAX_SCALE
_PLACES = 2


class Deviation(NamedTuple):
    """A value beyond a limit: its score, and the centre and spread that it was measured with, as texts."""

    score: str
    centre: str
    spread: str


class Range(NamedTuple):
    """A value outside a range: the range of the history and the wider one that is tolerated, as texts."""

    minimum: str
    maximum: str
    low: str
    high: str


def z_score(value: Decimal, history: Sequence[Decimal]) -> Deviation | None:
    """Return how far the value lies from the mean of the earlier ones, None if no further than three deviations."""
    count = len(history)
    if count < Z_POINTS:
        return None
    x, points = _scaled(value), [_scaled(item) for item in history]
    total = sum(points)
    spread = count * sum(item * item for item in points) - total * total  # n(n-1) times the variance
    if spread == 0:
        return None
    squared = Fraction((count * x - total) ** 2 * (count - 1), count * spread)
    if squared <= Z_LIMIT**2:
        return None
    variance = Fraction(spread, count * (count - 1))
    return Deviation(_root(squared), _unscaled(Fraction(total, count)), _root(variance / _SCALE**2))


def modified_z_score(value: Decimal, history: Sequence[Decimal]) -> Deviation | None:
    """Return how far the value lies from the median of the earlier ones, None if within the limit."""
    if len(history) < MODIFIED_POINTS:
        return None
    x, points = _scaled(value), [_scaled(item) for item in history]
    median = _median([Fraction(item) for item in points])
    deviation = _median([abs(item - median) for item in points])
    if deviation == 0:
        return None
    score = _CONSISTENCY * abs(x - median) / deviation
    return Deviation(_text(score), _unscaled(median), _unscaled(deviation)) if score > MODIFIED_LIMIT else None


def outside_range(value: Decimal, history: Sequence[Decimal], decimals: int) -> Range | None:
    """Return the range of the earlier values that the value leaves by more than half its width, None if it does not.
    `decimals` are the places in which the indicator is given: a range is never taken for narrower than two units of
    the last one."""
    if len(history) < RANGE_POINTS:
        return None
    lowest, highest = Fraction(min(history)), Fraction(max(history))
    margin = max((highest - lowest) / 2, Fraction(1, 10**decimals))
    low, high = lowest - margin, highest + margin
    if low <= value <= high:
        return None
    tolerated = rounded(low, MAX_SCALE), rounded(high, MAX_SCALE)
    return Range(decimal_text(min(history)), decimal_text(max(history)), *tolerated)


def _scaled(value: Decimal) -> int:
    return int(value.scaleb(MAX_SCALE))


def _unscaled(value: Fraction) -> str:
    return _text(value / _SCALE)


def _median(items: list[Fraction]) -> Fraction:
    ordered, middle = sorted(items), len(items) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def _text(value: Fraction) -> str:
    return rounded(value, _PLACES)


def _root(squared: Fraction) -> str:
    # Six places of the root in whole numbers; what is shown has two.
    return _text(Fraction(isqrt(squared.numerator * 10**12 // squared.denominator), 10**6))
