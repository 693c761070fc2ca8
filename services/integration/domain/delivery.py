"""What becomes of a delivery. Whether it may be sent again hangs on what is known of the last attempt:

applied, already_applied -> acknowledged          refused for its content  -> rejected (a person must look)
superseded there         -> superseded            certainly not applied    -> waiting  (sent again later)
unclear                  -> in_doubt              (asked about once the partner's maximum processing time is over)

A question about an in_doubt one: applied -> acknowledged; unknown -> sent again under the same message id, which the
partner applies once; unless a newer version overtook it: then it is superseded. With a partner that can neither be
asked nor be sent the same thing twice, a person decides: it stays in_doubt, due never, until one says how it went.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Where a delivery stands."""

    PLANNED = "planned"
    SENDING = "sending"
    ACKNOWLEDGED = "acknowledged"
    REJECTED = "rejected"
    WAITING = "waiting"
    IN_DOUBT = "in_doubt"
    SUPERSEDED = "superseded"
    DEAD = "dead"


OPEN = (State.PLANNED, State.SENDING, State.WAITING, State.IN_DOUBT)
FAILED = (State.REJECTED, State.DEAD)


class Said(StrEnum):
    """What an attempt told about the partner's store."""

    APPLIED = "applied"
    SUPERSEDED = "superseded"
    REFUSED = "refused"
    NOT_APPLIED = "not_applied"
    UNCLEAR = "unclear"
    UNKNOWN = "unknown"
    UNSENT = "unsent"
    """The call was not made after all: the delivery is given back as it was, and the attempt does not count."""
    UNASKABLE = "unaskable"
    """Nobody can tell but a person: the partner's protocol has no question for it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of one call. `retry_after` (seconds) is the partner's own wish, `error` the story for a person,
    `quick` says that trying again within the same attempt is worth it (nobody was there, or "come back soon"),
    `version` what the partner holds, where it says so."""

    said: Said
    error: str | None = None
    retry_after: float | None = None
    quick: bool = False
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Pace:
    """How failed attempts are spaced; seconds."""

    first: float
    cap: float
    max_attempts: int
    max_processing: float

    def wait(self, attempts: int, jitter: float, retry_after: float | None = None) -> float:
        """Return the wait after failed attempt number `attempts`; `jitter` in [0, 1) spreads it over its upper half."""
        grown = min(self.cap, self.first * 2.0 ** min(attempts - 1, 30))
        return max(grown * (0.5 + jitter / 2), retry_after or 0.0)


@dataclass(frozen=True, slots=True)
class Step:
    """The state an attempt led to, and after how many seconds the delivery is due again (None: never)."""

    state: State
    due_in: float | None = None
    error: str | None = None

    @property
    def needs_person(self) -> bool:
        """Tell whether nothing happens any more until a person acts."""
        return self.state in FAILED or (self.state is State.IN_DOUBT and self.due_in is None)


def after_sending(answer: Answer, attempts: int, pace: Pace, jitter: float) -> Step:
    """Return what becomes of a delivery whose packet was sent as attempt number `attempts`."""
    if answer.said is Said.APPLIED:
        return Step(State.ACKNOWLEDGED)
    if answer.said is Said.SUPERSEDED:
        return Step(State.SUPERSEDED)
    if answer.said is Said.REFUSED:
        return Step(State.REJECTED, None, answer.error)
    if answer.said is Said.NOT_APPLIED:
        if attempts >= pace.max_attempts:
            return Step(State.DEAD, None, answer.error)
        return Step(State.WAITING, pace.wait(attempts, jitter, answer.retry_after), answer.error)
    return Step(State.IN_DOUBT, max(pace.max_processing, answer.retry_after or 0.0), answer.error)


def after_asking(answer: Answer, attempts: int, pace: Pace, jitter: float, overtaken: bool) -> Step:
    """Return what becomes of an in_doubt delivery after a status question; `overtaken`: a newer version is known.

    An unclear answer leaves it in doubt: it is never given up unasked, only, after all attempts, left to a person.
    """
    if answer.said in (Said.APPLIED, Said.SUPERSEDED, Said.REFUSED):
        return after_sending(answer, attempts, pace, jitter)
    if answer.said is Said.UNKNOWN:
        if overtaken:
            return Step(State.SUPERSEDED)
        if attempts >= pace.max_attempts:
            return Step(State.DEAD, None, "the partner never received it")
        return Step(State.PLANNED, 0.0)
    askable = answer.said is not Said.UNASKABLE
    if askable and attempts >= pace.max_attempts:
        return Step(State.DEAD, None, answer.error)
    due_in = pace.wait(attempts, jitter, answer.retry_after) if askable else None
    return Step(State.IN_DOUBT, due_in, answer.error)


def as_told(applied: bool, overtaken: bool) -> Step:
    """Return what becomes of an in_doubt delivery of which a person has found out whether it was applied."""
    if applied:
        return Step(State.ACKNOWLEDGED)
    return Step(State.SUPERSEDED) if overtaken else Step(State.PLANNED, 0.0)
