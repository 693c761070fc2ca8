"""Ways of telling that a value is unusual in its series. Pure."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from enum import StrEnum

from shared.errors import Invalid


class Method(StrEnum):
    """How far a value lies from what was usual in the years before.

    z_score: in standard deviations from the mean. modified_z_score: 0.6745 times its distance from the median in median
    absolute deviations, which one wild value cannot hide (Iglewicz and Hoaglin, 1993). min_max: outside of all values
    there were, as a part of their range.
    """

    Z_SCORE = "z_score"
    MODIFIED_Z_SCORE = "modified_z_score"
    MIN_MAX = "min_max"


USUAL = {Method.Z_SCORE: Decimal(3), Method.MODIFIED_Z_SCORE: Decimal("3.5"), Method.MIN_MAX: Decimal(0)}
"""The thresholds beyond which a value is commonly called an outlier."""


def threshold_of(method: Method, text: str | None) -> Decimal:
    """Return the threshold: a decimal text, or the method's usual one. Raises Invalid("indicators.bad_threshold")."""
    if text is None:
        return USUAL[method]
    try:
        found = Decimal(text)
        if found.is_finite() and 0 <= found <= 1_000_000 and len(text) <= 20:
            return found
    except InvalidOperation:
        pass
    raise Invalid(
        "indicators.bad_threshold",
        f"{text!r} is no threshold from 0 to 1,000,000",
        "Ngưỡng phải là số từ 0 đến 1.000.000.",
    )
