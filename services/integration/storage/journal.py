"""The journal: what the hub was given and acknowledged, kept outside of the databases in which it took effect.

Pushes as the gateway accepted them and commands as services carried them out, for as long as outboxes keep what was
sent. Together with the other services' outboxes this is all that one service's state came from, so one that is restored
from an older copy can be brought to where it was. Bodies are compressed here, once, and not again by PostgreSQL.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, Row, text

_QUICKLY = 1
_DELETED_AT_ONCE = 5_000

_KEEP = (
    "INSERT INTO journal (message_id, event, service, at, subject, correlation_id, body)"
    " SELECT * FROM unnest(%b::uuid[], %b::text[], %b::text[], %b::timestamptz[], %b::text[], %b::text[], %b::bytea[])"
    " ON CONFLICT DO NOTHING"
)
_OF = text(
    "SELECT message_id, event, at, subject, correlation_id FROM journal "
    "WHERE service = :service AND at >= :since ORDER BY at, id"
)
_BODY = text("SELECT body FROM journal WHERE message_id = :id")
_BEGINS = text("SELECT min(at) FROM journal")
_FORGET = text(
    "DELETE FROM journal WHERE id IN (SELECT id FROM journal WHERE at < now() - make_interval(days => :days) "
    "ORDER BY at LIMIT :limit)"
)


class Kept(NamedTuple):
    """One message of the journal; `service` is the one in which it took effect, `at` when it was accepted or done."""

    message_id: UUID
    event: str
    service: str
    at: datetime
    subject: str
    correlation_id: str
    body: bytes


def keep(connection: Connection, messages: Sequence[Kept]) -> None:
    """Keep these; one that is kept already stays as it is."""
    packed = [message._replace(body=zlib.compress(message.body, _QUICKLY)) for message in messages]
    columns = tuple(list(column) for column in zip(*packed, strict=True))
    connection.exec_driver_sql(_KEEP, columns)


def of(connection: Connection, service: str, since: datetime) -> list[Row[Any]]:
    """Return what took effect in this service since then, in order and without bodies."""
    return list(connection.execute(_OF, {"service": service, "since": since}))


def body(connection: Connection, message_id: UUID) -> bytes:
    """Return the body of one message as it was received."""
    return zlib.decompress(connection.execute(_BODY, {"id": message_id}).scalar_one())


def body_if_kept(connection: Connection, message_id: UUID) -> bytes | None:
    """Return the body of one message as it was received, None once it is forgotten."""
    found = connection.execute(_BODY, {"id": message_id}).scalar()
    return None if found is None else zlib.decompress(found)


def begins(connection: Connection) -> datetime | None:
    """Return how far back the journal reaches; None while it is empty."""
    found: datetime | None = connection.execute(_BEGINS).scalar()
    return found


def forget(connection: Connection, days: int) -> int:
    """Delete what is older, at most some thousand rows; return how many."""
    return connection.execute(_FORGET, {"days": days, "limit": _DELETED_AT_ONCE}).rowcount
