"""Dead letters: collected once per death, replayed through the outbox, discarded with a reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, text

from shared.dead_letters import DeadLetter

# The same message dead again after a replay is the same letter; the broker's repetition of one death changes nothing.
_COLLECT = text(
    """
    INSERT INTO dead_letters AS held (queue, message_id, event, correlation_id, subject, schema, error, traceback,
        attempts, body, died_at, state)
    VALUES (:queue, :message_id, :event, :correlation_id, :subject, :schema, :error, :traceback, :attempts, :body,
        :died_at, 'dead')
    ON CONFLICT (queue, message_id) DO UPDATE SET state = 'dead', error = excluded.error,
        traceback = excluded.traceback, attempts = excluded.attempts, died_at = excluded.died_at
    WHERE held.state = 'replayed' AND excluded.died_at > held.died_at
    RETURNING id
    """
)
_ONE = text("SELECT * FROM dead_letters WHERE id = :id FOR UPDATE")
_WHERE = "(cast(:queue AS text) IS NULL OR queue = :queue) AND (cast(:state AS text) IS NULL OR state = :state)"
_PAGE = text(
    f"SELECT * FROM dead_letters WHERE {_WHERE} AND (cast(:before AS bigint) IS NULL OR id < :before) "  # noqa: S608 -- a constant
    "ORDER BY id DESC LIMIT :limit"
)
_TOTAL = text(f"SELECT count(*) FROM dead_letters WHERE {_WHERE}")  # noqa: S608 -- a constant
# A message that goes out through this outbox a second time has its row there: it is sent once more.
_SEND = text(
    """
    INSERT INTO outbox (message_id, event, schema, subject, correlation_id, body, queue)
    SELECT message_id, event, schema, subject, correlation_id, body, queue FROM dead_letters WHERE id = :id
    ON CONFLICT (message_id) DO UPDATE SET sent_at = NULL, queue = excluded.queue
    """
)
_SETTLE = text(
    """
    UPDATE dead_letters SET state = :state, replays = replays + :replays, settled_by = :by, settled_at = :at,
        reason = :reason WHERE id = :id RETURNING *
    """
)


def collect(connection: Connection, letter: DeadLetter) -> bool:
    """Keep this letter; tell whether this death is news."""
    given = {name: getattr(letter, name) for name in DeadLetter.__dataclass_fields__}
    return connection.execute(_COLLECT, given).first() is not None


def load(connection: Connection, letter: int) -> Row[Any] | None:
    """Return this letter, locked; None if there is none."""
    return connection.execute(_ONE, {"id": letter}).one_or_none()


def page(
    connection: Connection, queue: str | None, state: str | None, before: int | None, limit: int
) -> tuple[Sequence[Row[Any]], int]:
    """Return letters that match, newest first, and how many there are in all."""
    given = {"queue": queue, "state": state}
    rows = connection.execute(_PAGE, given | {"before": before, "limit": limit}).all()
    return rows, int(connection.execute(_TOTAL, given).scalar_one())


def count(connection: Connection, state: str) -> int:
    """Return how many letters are in this state."""
    return int(connection.execute(_TOTAL, {"queue": None, "state": state}).scalar_one())


def replay(connection: Connection, letter: int, by: str, at: Any) -> Row[Any]:
    """Put the letter's message into the outbox, straight to the queue it died in."""
    connection.execute(_SEND, {"id": letter})
    given = {"id": letter, "state": "replayed", "replays": 1, "by": by, "at": at, "reason": None}
    return connection.execute(_SETTLE, given).one()


def discard(connection: Connection, letter: int, by: str, at: Any, reason: str) -> Row[Any]:
    """Settle the letter for good."""
    given = {"id": letter, "state": "discarded", "replays": 0, "by": by, "at": at, "reason": reason}
    return connection.execute(_SETTLE, given).one()
