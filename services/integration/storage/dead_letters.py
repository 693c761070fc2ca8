"""Dead letters: collected once per death, replayed through the outbox, discarded with a reason; each with its history.

A message that dies again after a replay is the same letter: the way back to the original is never lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from shared.dead_letters import DeadLetter
from shared.waking import WOKEN

DEAD, REPLAYED, DISCARDED = "dead", "replayed", "discarded"

# The same message dead again after a replay is the same letter; the broker's repetition of one death changes nothing.
_COLLECT = text(
    """
    WITH news AS (
        INSERT INTO dead_letters AS held (queue, message_id, event, correlation_id, subject, schema, error, traceback,
            attempts, body, died_at, state)
        VALUES (:queue, :message_id, :event, :correlation_id, :subject, :schema, :error, :traceback, :attempts, :body,
            :died_at, 'dead')
        ON CONFLICT (queue, message_id) DO UPDATE SET state = 'dead', error = excluded.error,
            traceback = excluded.traceback, attempts = excluded.attempts, died_at = excluded.died_at
        WHERE held.state = 'replayed' AND excluded.died_at > held.died_at
        RETURNING id)
    INSERT INTO dead_letter_history (letter, at, what, attempts, reason)
    SELECT id, :died_at, 'died', :attempts, :error FROM news RETURNING letter
    """
)
_ONE = text("SELECT * FROM dead_letters WHERE id = :id FOR UPDATE")
_OPEN = text("SELECT id FROM dead_letters WHERE id = ANY(:ids) AND state = 'dead' ORDER BY id FOR UPDATE")
WHERE = (
    "(cast(:queue AS text) IS NULL OR queue = :queue) AND (cast(:state AS text) IS NULL OR state = :state) "
    "AND (cast(:event AS text) IS NULL OR event = :event) "
    "AND (cast(:error AS text) IS NULL OR position(lower(:error) IN lower(error)) > 0) "
    "AND (cast(:died_after AS timestamptz) IS NULL OR died_at >= :died_after) "
    "AND (cast(:died_before AS timestamptz) IS NULL OR died_at < :died_before)"
)
"""Which letters a `Filter` means."""

_PAGE = text(
    f"SELECT * FROM dead_letters WHERE {WHERE} AND (cast(:before AS bigint) IS NULL OR id < :before) "  # noqa: S608 -- a constant
    "ORDER BY id DESC LIMIT :limit"
)
_TOTAL = text(f"SELECT count(*) FROM dead_letters WHERE {WHERE}")  # noqa: S608 -- a constant
# A message has one row in the outbox, which names one queue: while it is on its way to one, it cannot go to another.
_SENDABLE = text(
    """
    SELECT DISTINCT ON (l.message_id) l.id FROM dead_letters l
    WHERE l.id = ANY(:ids)
        AND NOT EXISTS (SELECT FROM outbox o WHERE o.message_id = l.message_id AND o.sent_at IS NULL)
    ORDER BY l.message_id, l.id
    """
)
# A message that goes out through this outbox a second time has its row there: it is sent once more.
_SEND = text(
    f"""
    INSERT INTO outbox (message_id, event, schema, subject, correlation_id, body, queue)
    SELECT message_id, event, schema, subject, correlation_id, body, queue FROM dead_letters CROSS JOIN {WOKEN}
    WHERE id = ANY(:ids) ORDER BY id
    ON CONFLICT (message_id) DO UPDATE SET sent_at = NULL, queue = excluded.queue
    """  # noqa: S608 -- constants only
)
_SETTLE = text(
    """
    UPDATE dead_letters SET state = :state, replays = replays + :replays, settled_by = :by, settled_at = :at,
        reason = :reason WHERE id = ANY(:ids)
    """
)
_NOTE = text(
    "INSERT INTO dead_letter_history (letter, at, what, by, reason, job) "
    "SELECT id, :at, :state, :by, cast(:reason AS text), cast(:job AS bigint) FROM unnest(cast(:ids AS bigint[])) AS id"
)
_HISTORY = text("SELECT * FROM dead_letter_history WHERE letter = :letter ORDER BY id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which letters are meant: what is None is not asked. `error` is looked for in the error's text, whatever its case;
    `died_after` is included, `died_before` is not."""

    queue: str | None = None
    event: str | None = None
    error: str | None = None
    state: str | None = None
    died_after: datetime | None = None
    died_before: datetime | None = None

    @property
    def values(self) -> dict[str, Any]:
        """What `WHERE` takes."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def collect(connection: Connection, letter: DeadLetter) -> bool:
    """Keep this letter; tell whether this death is news."""
    given = {name: getattr(letter, name) for name in DeadLetter.__dataclass_fields__}
    return connection.execute(_COLLECT, given).first() is not None


def load(connection: Connection, letter: int) -> Row[Any] | None:
    """Return this letter, locked; None if there is none."""
    return connection.execute(_ONE, {"id": letter}).one_or_none()


def lock_dead(connection: Connection, letters: Sequence[int]) -> list[int]:
    """Lock those of these letters that are dead, in order of their ids, and return them."""
    return list(connection.execute(_OPEN, {"ids": list(letters)}).scalars())


def sendable(connection: Connection, letters: Sequence[int]) -> list[int]:
    """Return those of these letters that can be replayed now: not the ones whose message, dead in another queue too, is
    on its way there. That is a matter of moments."""
    return sorted(connection.execute(_SENDABLE, {"ids": list(letters)}).scalars())


def page(connection: Connection, wanted: Filter, before: int | None, limit: int) -> tuple[Sequence[Row[Any]], int]:
    """Return letters that match, newest first, and how many there are in all."""
    rows = connection.execute(_PAGE, wanted.values | {"before": before, "limit": limit}).all()
    return rows, count(connection, wanted)


def count(connection: Connection, wanted: Filter) -> int:
    """Return how many letters match."""
    return int(connection.execute(_TOTAL, wanted.values).scalar_one())


def history_of(connection: Connection, letter: int) -> Sequence[Row[Any]]:
    """Return every death, replay and discarding of a letter, in order."""
    return connection.execute(_HISTORY, {"letter": letter}).all()


def replay(connection: Connection, letters: Sequence[int], by: str, at: datetime, job: int | None = None) -> None:
    """Put the messages of these letters, which are `sendable`, into the outbox, straight to the queues they died in."""
    connection.execute(_SEND, {"ids": list(letters)})
    _settle(connection, letters, state=REPLAYED, replays=1, by=by, at=at, reason=None, job=job)


def discard(
    connection: Connection, letters: Sequence[int], by: str, at: datetime, reason: str, job: int | None = None
) -> None:
    """Settle these letters for good."""
    _settle(connection, letters, state=DISCARDED, replays=0, by=by, at=at, reason=reason, job=job)


def _settle(connection: Connection, letters: Sequence[int], *, job: int | None, **given: Any) -> None:
    connection.execute(_SETTLE, given | {"ids": list(letters)})
    noted = {name: given[name] for name in ("state", "by", "at", "reason")}
    connection.execute(_NOTE, noted | {"ids": list(letters), "job": job})
