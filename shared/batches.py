"""Working off a batch of messages: in one transaction if all goes well, one by one if not, so that only the culprit
suffers. Knows handlers and units of work, and no broker."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from shared import inbox
from shared.envelope import Received
from shared.errors import HubError, Unavailable
from shared.logs import correlated, logger
from shared.topology import MAX_ATTEMPTS
from shared.unit import AWAY, CONTENTION, Unit, UnitOfWork, translated

log = logger(__name__)

DONE, DUPLICATE, RETRY, DEAD, UNTRIED = "done", "duplicate", "retried", "dead", "untried"

_CONTENTION_TRIES = 4
_ONE_BY_ONE_SECONDS = 20.0
_ERROR_LENGTH = 1_000
_TRACEBACK_LENGTH = 3_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one message. UNTRIED ones stay in the consumer's hand for its next batch."""

    kind: str
    error: str | None = None
    traceback: str | None = None


class DatabaseAway(Exception):
    """The service's own database does not answer: consuming must pause, no message is to blame."""


@dataclass(frozen=True, slots=True)
class BatchRun:
    """One batch on its way through a handler; what the entrypoint hands to the decorated method."""

    queue: str
    messages: Sequence[Received[Any]]
    setwise: bool

    def run(self, handler: Callable[..., object], unit_of_work: UnitOfWork) -> list[Outcome]:
        """Return the outcome of each message, in order. Raises DatabaseAway if the database is."""
        for tried in range(1, _CONTENTION_TRIES + 1):
            try:
                return self._together(handler, unit_of_work, self.messages)
            except Exception as error:
                failure = _known(error)
                if failure.code == AWAY:
                    raise DatabaseAway(failure.message) from error
                if len(self.messages) == 1 and (failure.code != CONTENTION or tried == _CONTENTION_TRIES):
                    return [_judged(self.messages[0], error)]
                if failure.code != CONTENTION:
                    break
        return self._one_by_one(handler, unit_of_work)

    def _together(
        self, handler: Callable[..., object], unit_of_work: UnitOfWork, messages: Sequence[Received[Any]]
    ) -> list[Outcome]:
        with unit_of_work() as unit:
            fresh = inbox.record(unit.connection, self.queue, (message.id for message in messages))
            todo, outcomes = [], []
            for message in messages:
                is_new = message.id in fresh
                fresh.discard(message.id)
                outcomes.append(Outcome(DONE if is_new else DUPLICATE))
                if is_new:
                    todo.append(message)
            self._handle(handler, unit, todo)
        return outcomes

    def _handle(self, handler: Callable[..., object], unit: Unit, todo: list[Received[Any]]) -> None:
        if self.setwise:
            if todo:
                with correlated(todo[0].correlation_id):
                    handler(unit.about(todo[0].correlation_id), todo)
            return
        for message in todo:
            with correlated(message.correlation_id):
                handler(unit.about(message.correlation_id), message)

    def _one_by_one(self, handler: Callable[..., object], unit_of_work: UnitOfWork) -> list[Outcome]:
        outcomes: list[Outcome] = []
        until = time.monotonic() + _ONE_BY_ONE_SECONDS
        for message in self.messages:
            if outcomes and time.monotonic() > until:
                # Each may wait for a timeout of its own; the rest keep for the next batch, so that what is settled
                # gets acknowledged soon and a stop is not held up.
                outcomes.append(Outcome(UNTRIED))
                continue
            try:
                outcomes += BatchRun(self.queue, [message], self.setwise).run(handler, unit_of_work)
            except DatabaseAway:
                if not outcomes:
                    raise
                outcomes.append(Outcome(UNTRIED))
                until = 0.0
        return outcomes


def _known(error: Exception) -> HubError:
    if isinstance(error, HubError):
        return error
    return translated(error) or HubError("hub.fault", str(error))


def _judged(message: Received[Any], error: Exception) -> Outcome:
    failure = _known(error)
    text = (str(failure) if failure.code != "hub.fault" else f"{type(error).__name__}: {error}")[:_ERROR_LENGTH]
    retryable = isinstance(failure, Unavailable)
    if retryable and message.attempt < MAX_ATTEMPTS:
        log.warning("message.retried", queue=message.queue, id=str(message.id), attempt=message.attempt, error=text)
        return Outcome(RETRY, text)
    log.error(
        "message.dead",
        queue=message.queue,
        id=str(message.id),
        correlation_id=message.correlation_id,
        attempt=message.attempt,
        error=text,
        exc_info=None if isinstance(error, HubError) else error,
    )
    story = "".join(traceback.format_exception(error))[-_TRACEBACK_LENGTH:]
    return Outcome(DEAD, text, story)
