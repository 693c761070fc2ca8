"""The inbox: which messages have had their effect. A message's row is written in the transaction that has its effect,
so a message that comes again has none."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import Connection

# Sorted, so that two workers given the same messages wait for each other instead of deadlocking.
_RECORD = (
    "INSERT INTO inbox (queue, message_id) SELECT %b, id FROM unnest(%b::uuid[]) AS given (id) ORDER BY id"
    " ON CONFLICT DO NOTHING RETURNING message_id"
)


def record(connection: Connection, queue: str, ids: Iterable[UUID]) -> set[UUID]:
    """Record these messages of `queue` and return those that were not there yet: the ones to be handled now."""
    unique = sorted(set(ids))
    if not unique:
        return set()
    return {row[0] for row in connection.exec_driver_sql(_RECORD, (queue, unique))}
