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

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from math import isqrt
from typing import NamedTuple

from services.submissions.domain.validation.draft import rounded
from shared.canonical import MAX_SCALE

Z_POINTS, MODIFIED_POINTS, RANGE_POINTS = 8, 6, 5
Z_LIMIT, MODIFIED_LIMIT = 3, Fraction(7, 2)
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


class History:
    """Earlier values of one indicator of one unit, for any number of questions about new ones."""

    __slots__ = ("_points",)

    def __init__(self, values: Iterable[Decimal]) -> None:
        self._points = sorted(_scaled(value) for value in values)

    def z_score(self, value: Decimal) -> Deviation | None:
        """Return how far the value lies from the mean, None if no further than three standard deviations."""
        count, x = len(self._points), _scaled(value)
        if count < Z_POINTS:
            return None
        total = sum(self._points)
        spread = count * sum(item * item for item in self._points) - total * total  # n(n-1) times the variance
        squared = (count * x - total) ** 2 * (count - 1)
        if spread == 0 or squared <= Z_LIMIT**2 * count * spread:
            return None
        variance = Fraction(spread, count * (count - 1))
        return Deviation(
            _root(Fraction(squared, count * spread)), _unscaled(Fraction(total, count)), _root(variance / _SCALE**2)
        )

    def modified_z_score(self, value: Decimal) -> Deviation | None:
        """Return how far the value lies from the median, None if within the limit."""
        if len(self._points) < MODIFIED_POINTS:
            return None
        middle = _twice_median(self._points)
        deviation = _twice_median(sorted(abs(2 * item - middle) for item in self._points))  # four times the MAD
        if deviation == 0:
            return None
        score = 2 * _CONSISTENCY * abs(2 * _scaled(value) - middle) / deviation
        if score <= MODIFIED_LIMIT:
            return None
        return Deviation(_text(score), _unscaled(Fraction(middle, 2)), _unscaled(Fraction(deviation, 4)))

    def outside_range(self, value: Decimal, decimals: int) -> Range | None:
        """Return the range that the value leaves by more than half its width, None if it does not. `decimals` are the
        places in which the indicator is given: a range is never taken for narrower than two units of the last one."""
        if len(self._points) < RANGE_POINTS:
            return None
        lowest, highest = self._points[0], self._points[-1]
        margin = max(highest - lowest, 2 * 10 ** (MAX_SCALE - decimals))  # twice the margin
        low, high = 2 * lowest - margin, 2 * highest + margin
        if low <= 2 * _scaled(value) <= high:
            return None
        return Range(*(rounded(Fraction(item, 2 * _SCALE), MAX_SCALE) for item in (2 * lowest, 2 * highest, low, high)))


def _scaled(value: Decimal) -> int:
    return int(value.scaleb(MAX_SCALE))


def _unscaled(value: Fraction) -> str:
    return _text(value / _SCALE)


def _twice_median(ordered: list[int]) -> int:
    middle = len(ordered) // 2
    return ordered[middle] + ordered[middle if len(ordered) % 2 else middle - 1]


def _text(value: Fraction) -> str:
    return rounded(value, _PLACES)


def _root(squared: Fraction) -> str:
    # Six places of the root in whole numbers; what is shown has two.
    return _text(Fraction(isqrt(squared.numerator * 10**12 // squared.denominator), 10**6))
