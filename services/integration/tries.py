"""Trying again at once, within one attempt, while that is certain to double nothing and worth it."""

from __future__ import annotations

import random
from collections.abc import Callable

from tenacity import RetryCallState, Retrying, retry_if_result, stop_after_attempt

from services.integration.domain.delivery import Answer

_WAIT_SECONDS = 2.0


def tried(send: Callable[[], Answer], tries: int, held: Callable[[], str | None]) -> Answer:
    """Send, and again up to `tries` times while nothing was applied, trying soon is worth it, and nothing is held."""

    def again(answer: Answer) -> bool:
        return answer.quick and (answer.retry_after or 0.0) <= _WAIT_SECONDS and held() is None

    retrying = Retrying(
        retry=retry_if_result(again), stop=stop_after_attempt(tries), wait=_wait, retry_error_callback=_last
    )
    answer: Answer = retrying(send)
    return answer


def _wait(state: RetryCallState) -> float:
    answer: Answer | None = state.outcome.result() if state.outcome is not None else None
    asked = None if answer is None else answer.retry_after
    return asked if asked is not None else random.uniform(0.05, 0.15) * 2.0 ** (state.attempt_number - 1)


def _last(state: RetryCallState) -> Answer:
    if state.outcome is None:
        raise RuntimeError("tenacity gave up before the first try")
    answer: Answer = state.outcome.result()
    return answer
