"""The message log's rows: kept in the transaction that records what a message caused, found again, and let go by age.

Sealing and the format that is verified offline stand in shared/message_log.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from services.integration.domain.messages import Message, Outcome
from shared.envelope import new_message_id
from shared.storage import UnitOfWork

_DELETED_AT_ONCE = 5_000

_COLUMNS = (
    ("id", "uuid"),
    ("partner", "text"),
    ("direction", "text"),
    ("kind", "text"),
    ("at", "timestamptz"),
    ("correlation_id", "text"),
    ("endpoint", "text"),
    ("outcome", "text"),
    ("microseconds", "bigint"),
    ("status", "int"),
    ("message_id", "text"),
    ("form", "text"),
    ("unit", "text"),
    ("period", "text"),
    ("delivery", "bigint"),
    ("attempt", "int"),
    ("error", "text"),
    ("request_bytes", "bigint"),
    ("request_digest", "bytea"),
    ("request_kept", "bytea"),
    ("response_bytes", "bigint"),
    ("response_digest", "bytea"),
    ("response_kept", "bytea"),
    ("road", "text"),
    ("client", "text"),
)
_NAMES = ", ".join(name for name, _ in _COLUMNS)
_ARRAYS = ", ".join(f"%b::{kind}[]" for _, kind in _COLUMNS)
# One statement however many messages; a message that comes again (a push that is taken twice) stays as it is.
_KEEP = f"INSERT INTO messages ({_NAMES}) SELECT * FROM unnest({_ARRAYS}) ON CONFLICT (id) DO NOTHING"  # noqa: S608 -- constants
_KEEP_BODIES = (
    "INSERT INTO message_bodies (message, at, request, response) "
    "SELECT * FROM unnest(%b::uuid[], %b::timestamptz[], %b::bytea[], %b::bytea[]) ON CONFLICT (message) DO NOTHING"
)
_INTERRUPT = text(
    """
    UPDATE attempts a SET outcome = 'interrupted' FROM deliveries d
    WHERE a.delivery = ANY(:ids) AND a.outcome IS NULL AND d.id = a.delivery
    RETURNING a.delivery, a.number, a.action, a.started_at, d.partner, d.message_id, d.form, d.unit, d.period,
        d.correlation_id
    """
)
_FORGET_BODIES = text(
    "DELETE FROM message_bodies WHERE message IN (SELECT message FROM message_bodies "
    "WHERE at < now() - make_interval(days => :days) ORDER BY at LIMIT :limit)"
)
_BODIES_GONE = text(
    "UPDATE message_anchor SET bodies_gone = greatest(bodies_gone, now() - make_interval(days => :days)) "
    "WHERE EXISTS (SELECT 1 FROM message_bodies WHERE at < now() - make_interval(days => :days))"
)
_OLDEST = text(
    "SELECT id, sealed_as, hash, at < now() - make_interval(days => :days) AS over FROM messages "
    "WHERE sealed_as > (SELECT number FROM message_anchor) ORDER BY sealed_as LIMIT :limit"
)
_MOVE_ANCHOR = text("UPDATE message_anchor SET number = :number, hash = :hash")
_FORGET = text("DELETE FROM messages WHERE sealed_as <= :number")
_FORGET_THEIR_BODIES = text("DELETE FROM message_bodies WHERE message = ANY(:ids)")
_RANGE = text(
    """
    SELECT min(sealed_as) AS first, max(sealed_as) AS last FROM messages
    WHERE sealed_as IS NOT NULL AND (cast(:since AS timestamptz) IS NULL OR at >= :since)
        AND (cast(:until AS timestamptz) IS NULL OR at < :until)
    """
)
_HASH = text(
    "SELECT hash FROM messages WHERE sealed_as = :number "
    "UNION ALL SELECT hash FROM message_anchor WHERE number = :number LIMIT 1"
)
_GONE = text("SELECT bodies_gone FROM message_anchor")
_SEALED = text(
    "SELECT m.*, b.request, b.response FROM messages m LEFT JOIN message_bodies b ON b.message = m.id "
    "WHERE m.sealed_as > :after AND m.sealed_as <= :last ORDER BY m.sealed_as LIMIT :limit"
)
_SIZE = text(
    """
    SELECT count(*) AS unsealed, coalesce(extract(epoch FROM now() - min(at)), 0)::float AS oldest,
        pg_total_relation_size('messages') + pg_total_relation_size('message_bodies') AS bytes
    FROM messages WHERE sealed_as IS NULL
    """
)
_ONE = text("SELECT * FROM messages WHERE id = :id")
_BODIES = text("SELECT request, response FROM message_bodies WHERE message = :id")
_OF_DELIVERY = text("SELECT id, attempt FROM messages WHERE delivery = :delivery ORDER BY id")


def keep(connection: Connection, noted: Sequence[Message]) -> None:
    """Write these messages."""
    if not noted:
        return
    rows = [_row(message) for message in noted]
    connection.exec_driver_sql(_KEEP, tuple(list(column) for column in zip(*rows, strict=True)))
    bodies = [
        (
            message.id,
            message.at,
            None if message.request is None else message.request.packed,
            None if message.response is None else message.response.packed,
        )
        for message in noted
        if any(side is not None and side.packed is not None for side in (message.request, message.response))
    ]
    if bodies:
        connection.exec_driver_sql(_KEEP_BODIES, tuple(list(column) for column in zip(*bodies, strict=True)))


def keep_apart(unit_of_work: UnitOfWork, noted: Sequence[Message]) -> None:
    """Write these messages in a transaction of their own: those that changed nothing here."""
    with unit_of_work() as unit:
        keep(unit.connection, noted)


def keep_interrupted(connection: Connection, deliveries: Sequence[int]) -> int:
    """Log each attempt at these deliveries that began, and of which nobody recorded how it ended; return how many.
    They are marked, so that each is told once."""
    if not deliveries:
        return 0
    found = connection.execute(_INTERRUPT, {"ids": list(deliveries)}).all()
    keep(connection, [_interrupted(row) for row in found])
    return len(found)


def load(connection: Connection, message: UUID) -> Row[Any] | None:
    """Return this entry, None if there is none."""
    return connection.execute(_ONE, {"id": message}).one_or_none()


def bodies(connection: Connection, message: UUID) -> tuple[bytes | None, bytes | None]:
    """Return what is kept of request and answer, compressed; None for what is not, or no longer."""
    row = connection.execute(_BODIES, {"id": message}).one_or_none()
    return (None, None) if row is None else (row.request, row.response)


def of_delivery(connection: Connection, delivery: int) -> dict[int, list[str]]:
    """Return the ids of a delivery's messages by the number of the attempt."""
    found: dict[int, list[str]] = {}
    for row in connection.execute(_OF_DELIVERY, {"delivery": delivery}):
        found.setdefault(row.attempt, []).append(str(row.id))
    return found


def page(
    connection: Connection,
    *,
    equal: dict[str, str],
    since: datetime | None,
    until: datetime | None,
    units: Sequence[str] | None,
    forms: Sequence[str] | None,
    before: UUID | None,
    limit: int,
) -> list[Row[Any]]:
    """Return entries that match, newest first, at most `limit`. `equal` is by column (its names are the caller's own,
    never a user's); `units` and `forms` bound entries that name one, and hide those that do not."""
    wheres = {
        "at >= :since": ("since", since),
        "at < :until": ("until", until),
        "unit = ANY(:units)": ("units", None if units is None else list(units)),
        "form = ANY(:forms)": ("forms", None if forms is None else list(forms)),
        "id < :before": ("before", before),
    } | {f"{name} = :{name}": (name, value) for name, value in equal.items()}
    chosen = {where: pair for where, pair in wheres.items() if pair[1] is not None}
    where = " AND ".join(chosen) or "true"
    return list(
        connection.execute(
            text(f"SELECT * FROM messages WHERE {where} ORDER BY id DESC LIMIT :limit"),  # noqa: S608 -- names above
            dict(chosen.values()) | {"limit": limit},
        )
    )


def sealed_range(connection: Connection, since: datetime | None, until: datetime | None) -> tuple[int, int] | None:
    """Return the numbers of the first and the last sealed entry within this time; None if there is none. All between
    belong to it: the chain's order is that in which entries were committed, not quite that of time."""
    row = connection.execute(_RANGE, {"since": since, "until": until}).one()
    return None if row.first is None else (row.first, row.last)


def hash_of(connection: Connection, number: int) -> bytes | None:
    """Return the hash of the sealed entry of this number, or of the anchor; None if it is gone or never was."""
    found = connection.execute(_HASH, {"number": number}).scalar()
    return None if found is None else bytes(found)


def bodies_gone(connection: Connection) -> datetime | None:
    """Return the moment before which bodies may have been let go; None while none was."""
    found: datetime | None = connection.execute(_GONE).scalar()
    return found


def sealed(connection: Connection, after: int, last: int, limit: int) -> Sequence[Row[Any]]:
    """Return sealed entries with their bodies in order of number, from the one behind `after`, at most `limit`."""
    return connection.execute(_SEALED, {"after": after, "last": last, "limit": limit}).all()


def size(connection: Connection) -> tuple[int, float, int]:
    """Return how many entries are unsealed, the age of the oldest (seconds), and the bytes the log takes."""
    row = connection.execute(_SIZE).one()
    return row.unsealed, row.oldest, row.bytes


def forget_bodies(connection: Connection, days: int) -> int:
    """Delete bodies that are older, at most some thousand; return how many."""
    connection.execute(_BODIES_GONE, {"days": days})
    return connection.execute(_FORGET_BODIES, {"days": days, "limit": _DELETED_AT_ONCE}).rowcount


def forget(connection: Connection, days: int) -> int:
    """Delete the chain's beginning as far as it is older, at most some thousand entries; return how many. The chain
    goes on to be verified from the last one that went."""
    over: list[Row[Any]] = []
    for row in connection.execute(_OLDEST, {"days": days, "limit": _DELETED_AT_ONCE}):
        if not row.over:
            break
        over.append(row)
    if not over:
        return 0
    connection.execute(_MOVE_ANCHOR, {"number": over[-1].sealed_as, "hash": over[-1].hash})
    connection.execute(_FORGET_THEIR_BODIES, {"ids": [row.id for row in over]})
    return connection.execute(_FORGET, {"number": over[-1].sealed_as}).rowcount


def _row(message: Message) -> tuple[Any, ...]:
    request, response = message.request, message.response
    return (
        message.id,
        message.partner,
        message.direction,
        message.kind,
        message.at,
        message.correlation_id,
        message.endpoint,
        str(message.outcome),
        round(message.seconds * 1_000_000),
        message.status,
        message.message_id,
        message.form,
        message.unit,
        message.period,
        message.delivery,
        message.attempt,
        message.error,
        None if request is None else request.size,
        None if request is None else request.digest,
        None if request is None else request.kept,
        None if response is None else response.size,
        None if response is None else response.digest,
        None if response is None else response.kept,
        message.road,
        message.client,
    )


def _interrupted(row: Row[Any]) -> Message:
    return Message(
        id=new_message_id(),
        partner=row.partner,
        direction="out",
        kind="submit" if row.action == "send" else "status",
        at=row.started_at,
        correlation_id=row.correlation_id,
        endpoint="",
        outcome=Outcome.INTERRUPTED,
        seconds=0.0,
        message_id=str(row.message_id),
        form=row.form,
        unit=row.unit,
        period=row.period,
        delivery=row.delivery,
        attempt=row.number,
        error="whether it was sent, and what came back, was never recorded",
    )
