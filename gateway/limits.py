"""Budgets of calls: one token bucket per caller, kept in this process only (each gateway process has its own)."""

from __future__ import annotations

import math

from shared.errors import TooMany

MAX_CALLERS = 10_000


class Budget:
    """Lets each caller make `per_second` calls on average and `burst` at once. `per_second` 0 means no limit."""

    def __init__(self, per_second: float, burst: float) -> None:
        self._rate = per_second
        self._burst = burst
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, caller: str, now: float) -> None:
        """Count one call of `caller` at `now` (monotonic seconds).

        Raises TooMany("gateway.too_many_requests") with `retry_after` in whole seconds when the budget is used up.
        """
        if self._rate <= 0:
            return
        tokens, at = self._buckets.pop(caller, (self._burst, now))
        tokens = min(self._burst, tokens + (now - at) * self._rate)
        if len(self._buckets) >= MAX_CALLERS:
            # The one that called longest ago comes first: it is the likeliest to have its whole budget back.
            self._buckets.pop(next(iter(self._buckets)))
        if tokens < 1:
            self._buckets[caller] = (tokens, now)
            raise TooMany(
                "gateway.too_many_requests",
                f"more than {self._rate:g} calls per second",
                "Bạn gửi yêu cầu quá nhanh, vui lòng chờ rồi thử lại.",
                {"retry_after": math.ceil((1 - tokens) / self._rate)},
            )
        self._buckets[caller] = (tokens - 1, now)
