"""The audit trail's chain: how entries are sealed, and how anyone can check offline that none was touched.

An entry is written unsealed in the transaction it records. The sealer numbers committed entries without gaps and chains
them: hash = SHA-256(hash of the entry before || canonical encoding of the entry), from 32 zero bytes. `details` enters
as the text PostgreSQL keeps (`jsonb` in its own normal form), so that no number is reread as a float. A trigger refuses
to change or delete entries; whoever can drop the trigger is found out by `verify`, except for entries cut off at the
very end: note `AuditReport.sealed` and `head` elsewhere to see that too.

Works on plain psycopg connections, so that the relay and an auditor need no more than that.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from shared.canonical import encode
from shared.failpoints import failpoint

if TYPE_CHECKING:
    import psycopg

START = bytes(32)
"""What stands in for the hash before the first entry."""

SEAL_BATCH = 1_000
_PAGE = 5_000

_SEALER_LOCK = "SELECT pg_try_advisory_xact_lock(hashtext('hub.audit.sealer'))"
_HEAD = "SELECT sealed_as, hash FROM audit WHERE sealed_as IS NOT NULL ORDER BY sealed_as DESC LIMIT 1"
_FIELDS = "id, at, actor, action, subject, correlation_id, details::text"
_UNSEALED = f"SELECT {_FIELDS} FROM audit WHERE sealed_as IS NULL ORDER BY id LIMIT %s"  # noqa: S608 -- constants only
_SEAL = (
    "UPDATE audit SET sealed_as = seal.number, hash = seal.hash "
    "FROM unnest(%s::bigint[], %s::bigint[], %s::bytea[]) AS seal (id, number, hash) WHERE audit.id = seal.id"
)
_SEALED = (
    f"SELECT sealed_as, hash, {_FIELDS} FROM audit "  # noqa: S608 -- constants only
    "WHERE sealed_as > %s ORDER BY sealed_as LIMIT %s"
)
_HASHES = "SELECT hash FROM audit WHERE sealed_as IS NOT NULL"
_WAITING = (
    "SELECT count(*), coalesce(extract(epoch FROM now() - min(at)), 0)::float8 FROM audit WHERE sealed_as IS NULL"
)


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What checking the chain found.

    `entries` sealed entries were found right before the first broken place; `broken_at` is that place's number in the
    chain (None: the chain holds) and `reason` is changed, missing or reordered. `sealed` is the number of the last
    sealed entry and `head` its hash (hexadecimal); `unsealed` entries wait, the oldest for `unsealed_oldest_seconds`.
    """

    entries: int
    broken_at: int | None
    reason: str | None
    sealed: int
    head: str
    unsealed: int
    unsealed_oldest_seconds: float

    @property
    def holds(self) -> bool:
        """Tell whether the whole chain is as the sealer left it."""
        return self.broken_at is None


def canonical(
    number: int, at: datetime, actor: str, action: str, subject: str, correlation_id: str, details: str
) -> bytes:
    """Return the encoding of one entry that enters its hash; `number` is its id, not its place in the chain, so that
    a moved entry can be told from a changed one. Times are UTC to the microsecond."""
    instant = at.astimezone(UTC).isoformat(timespec="microseconds")
    return encode((str(number), instant, actor, action, subject, correlation_id, details))


def chained(previous: bytes, entry: bytes) -> bytes:
    """Return the hash of an entry (its canonical encoding) that follows the entry with hash `previous`."""
    return hashlib.sha256(previous + entry).digest()


def seal(connection: psycopg.Connection[Any], limit: int = SEAL_BATCH) -> int:
    """Seal up to `limit` committed entries in the order of their ids, in one transaction; return how many.

    0 as well if another sealer is at work on this database. An entry whose transaction commits late is sealed after
    younger ones: the chain is in the order in which entries became visible.
    """
    with connection.transaction():
        if not _value(connection, _SEALER_LOCK):
            return 0
        head = connection.execute(_HEAD).fetchone()
        number, previous = (head[0], bytes(head[1])) if head else (0, START)
        ids: list[int] = []
        hashes: list[bytes] = []
        for row in connection.execute(_UNSEALED, (limit,)):
            previous = chained(previous, canonical(*row))
            ids.append(row[0])
            hashes.append(previous)
        if not ids:
            return 0
        numbers = list(range(number + 1, number + 1 + len(ids)))
        connection.execute(_SEAL, (ids, numbers, hashes))
        failpoint("sealer.before_commit")
    return len(ids)


def verify(connection: psycopg.Connection[Any]) -> AuditReport:
    """Recompute the whole chain and compare. Reads page by page; seals nothing and waits for nobody."""
    checked, previous = 0, START
    broken_at: int | None = None
    reason: str | None = None
    while broken_at is None:
        rows = connection.execute(_SEALED, (checked, _PAGE)).fetchall()
        for number, hash_, *fields in rows:
            entry = canonical(*fields)
            if number != checked + 1:
                broken_at, reason = checked + 1, "missing"
            elif hash_ is None or chained(previous, entry) != bytes(hash_):
                broken_at, reason = number, _why(connection, entry, hash_)
            if broken_at is not None:
                break
            checked, previous = number, bytes(hash_)
        if not rows:
            break
    head = connection.execute(_HEAD).fetchone()
    unsealed, oldest = waiting(connection)
    sealed, hash_ = (head[0], head[1]) if head else (0, START)
    return AuditReport(checked, broken_at, reason, sealed, bytes(hash_ or b"").hex(), unsealed, oldest)


def waiting(connection: psycopg.Connection[Any]) -> tuple[int, float]:
    """Return how many entries are unsealed, and the age of the oldest in seconds."""
    row = connection.execute(_WAITING).fetchone()
    return (int(row[0]), float(row[1])) if row else (0, 0.0)


def audit_guard_sql() -> list[str]:
    """Return the statements that make the database refuse changes to audit entries, but for the sealer's one update.
    They are part of the backbone's first migration and frozen with it."""
    return [
        """
        CREATE FUNCTION audit_guard() RETURNS trigger LANGUAGE plpgsql AS $guard$
        BEGIN
            IF TG_OP = 'UPDATE' AND OLD.sealed_as IS NULL AND NEW.sealed_as IS NOT NULL AND NEW.hash IS NOT NULL
               AND (NEW.id, NEW.at, NEW.actor, NEW.action, NEW.subject, NEW.correlation_id, NEW.details)
                   IS NOT DISTINCT FROM
                   (OLD.id, OLD.at, OLD.actor, OLD.action, OLD.subject, OLD.correlation_id, OLD.details)
            THEN
                RETURN NEW;
            END IF;
            RAISE EXCEPTION 'audit entries are never changed or deleted' USING ERRCODE = 'insufficient_privilege';
        END
        $guard$
        """,
        "CREATE TRIGGER audit_guard BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_guard()",
        "CREATE TRIGGER audit_guard_all BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_guard()",
    ]


def _why(connection: psycopg.Connection[Any], entry: bytes, hash_: bytes | None) -> str:
    """Tell a moved entry (its hash is right after some other entry of the chain) from a changed one."""
    if hash_ is None:
        return "changed"
    wanted = bytes(hash_)
    for (other,) in connection.execute(_HASHES):
        if other is not None and chained(bytes(other), entry) == wanted:
            return "reordered"
    return "reordered" if chained(START, entry) == wanted else "changed"


def _value(connection: psycopg.Connection[Any], query: str) -> Any:
    row = connection.execute(query).fetchone()
    return row[0] if row else None
