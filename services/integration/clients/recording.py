"""Noting every call to a partner for the message log, where the call is made.

The road (transport.py) notes what leaves and what comes back, whatever client stands on it. What a call is about is
said by who asks, with `about(…)`; the notes are written by who records what the call caused: `take()` in that
transaction, or by themselves, to `keep`, where a question changes nothing and many are asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from services.integration.domain.masking import masked_address
from services.integration.domain.messages import Message, Outcome, Part, outcome_of, part
from services.integration.metrics import CALLS
from shared.envelope import new_message_id
from shared.logs import correlation

KEPT_AT_ONCE = 32
"""Notes that are written in one go where many questions are asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a call is about: `kind` (submit, status, digests, values, pull, …) and, where known, the hub's form, unit
    and period, the message's id, and the delivery with the attempt's number."""

    kind: str = "call"
    message_id: str | None = None
    form: str | None = None
    unit: str | None = None
    period: str | None = None
    delivery: int | None = None
    attempt: int | None = None


_UNTOLD = About()
_about: ContextVar[About] = ContextVar("hub_call_about", default=_UNTOLD)


@contextmanager
def about(kind: str, **known: Any) -> Iterator[None]:
    """Say what the calls within a `with` are about; see `About`. Each green thread has its own."""
    token = _about.set(About(kind=kind, **known))
    try:
        yield
    finally:
        _about.reset(token)


class Call:
    """One exchange under way; told of its answer by whoever makes it."""

    __slots__ = ("answer", "status")

    def __init__(self) -> None:
        self.status: int | None = None
        self.answer: tuple[Mapping[str, str], bytes] | None = None

    def answered(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Note the answer."""
        self.status = status
        self.answer = (headers, body)


class Recorder:
    """The notes of one client's calls, in order. Not shared between green threads.

    `limit` bounds what is kept of each body. `keep`, if given, is handed the notes whenever some have gathered, and on
    `flush`; without it they wait for `take`. `road` is told by whoever opens one.
    """

    def __init__(self, partner: str, limit: int, keep: Callable[[list[Message]], None] | None = None) -> None:
        self.road: str | None = None
        self._partner = partner
        self._limit = limit
        self._keep = keep
        self._secrets: list[bytes] = []
        self._notes: list[Message] = []

    def hide(self, secret: str) -> None:
        """Never keep this text, wherever it stands."""
        if secret:
            self._secrets.append(secret.encode())

    def take(self) -> list[Message]:
        """Return what was noted since, and forget it here."""
        notes, self._notes = self._notes, []
        return notes

    def flush(self) -> None:
        """Write what was noted since, if it is this recorder's to write."""
        if self._keep is not None and self._notes:
            self._keep(self.take())

    @contextmanager
    def call(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Iterator[Call]:
        """Note what is done within the `with`: its answer, or the exception that leaves it."""
        made, began, at = Call(), time.monotonic(), datetime.now(UTC)
        outcome, story = Outcome.BROKEN, None
        try:
            yield made
            outcome = outcome_of(made.status) if made.status is not None else Outcome.BROKEN
        except BaseException as error:
            outcome, story = _outcome_of(error), f"{type(error).__name__}: {error}"[:500]
            raise
        finally:
            CALLS.labels(self._partner, _about.get().kind, outcome.value).inc()
            endpoint = masked_address(url, self._secrets)
            request = part(f"{method} {endpoint}", headers, body, self._limit, self._secrets)
            self._note(at, time.monotonic() - began, endpoint, made, outcome, story, request)

    def _note(
        self,
        at: datetime,
        seconds: float,
        endpoint: str,
        made: Call,
        outcome: Outcome,
        story: str | None,
        request: Part,
    ) -> None:
        subject = _about.get()
        response = None
        if made.answer is not None:
            headers, body = made.answer
            response = part(str(made.status), headers, body, self._limit, self._secrets)
        self._notes.append(
            Message(
                id=new_message_id(),
                partner=self._partner,
                direction="out",
                kind=subject.kind,
                at=at,
                correlation_id=correlation.get(),
                endpoint=endpoint,
                outcome=outcome,
                seconds=seconds,
                status=made.status,
                message_id=subject.message_id,
                form=subject.form,
                unit=subject.unit,
                period=subject.period,
                delivery=subject.delivery,
                attempt=subject.attempt,
                error=None if story is None else story.replace("\x00", ""),
                request=request,
                response=response,
                road=self.road,
            )
        )
        if self._keep is not None and len(self._notes) >= KEPT_AT_ONCE:
            self.flush()


def _outcome_of(error: BaseException | None) -> Outcome:
    """Tell how a call ended that raised; the road wraps what happened."""
    while error is not None:
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            return Outcome.NO_CONNECTION
        if isinstance(error, httpx.TimeoutException):
            return Outcome.TIMEOUT
        error = error.__cause__
    return Outcome.BROKEN
