"""Tables whose entries are chained by hash: how entries are sealed, and how anyone can check that none was touched.

An entry is written unsealed in the transaction it records. The sealer numbers committed entries without gaps and chains
them: hash = SHA-256(hash of the entry before || canonical encoding of the entry), from 32 zero bytes or, where a log
has a retention, from the anchor that its deletion left. A trigger refuses to change or delete entries; whoever can
drop the trigger is found out by `verify`, except for entries cut off at the very end: note `ChainReport.sealed` and
`head` elsewhere to see that too.

The tables: the audit trail (shared/audit.py) of every service, and the message log (shared/message_log.py). Works on
plain psycopg connections, so that the relay and an auditor need no more than that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.failpoints import failpoint

if TYPE_CHECKING:
    import psycopg

START = bytes(32)
"""What stands in for the hash before the first entry."""

SEAL_BATCH = 1_000
_PAGE = 5_000


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What checking a chain found.

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


def chained(previous: bytes, entry: bytes) -> bytes:
    """Return the hash of an entry (its canonical encoding) that follows the entry with hash `previous`."""
    return hashlib.sha256(previous + entry).digest()


class Chain:
    """One chained table. It has the columns `sealed_as`, `hash` and `at`, and an `id` of type `key` first among
    `fields`, the columns that enter the hash, as `encode(place in the chain, *fields)` spells them. `anchor` names the
    table that holds number and hash of the last entry that was let go, if entries ever are; `sealing` the failpoint
    before sealed entries are committed."""

    def __init__(
        self,
        table: str,
        key: str,
        fields: str,
        encode: Callable[..., bytes],
        *,
        anchor: str | None = None,
        sealing: str = "sealer.before_commit",
    ) -> None:
        sealed = f"FROM {table} WHERE sealed_as IS NOT NULL"
        self.table = table
        self.encode = encode
        self._sealing = sealing
        self._there = f"SELECT to_regclass('{table}') IS NOT NULL"
        self._lock = f"SELECT pg_try_advisory_xact_lock(hashtext('hub.{table}.sealer'))"
        self._head = f"SELECT sealed_as, hash {sealed} ORDER BY sealed_as DESC LIMIT 1"
        self._anchor = None if anchor is None else f"SELECT number, hash FROM {anchor}"  # noqa: S608 -- constants only
        self._any = f"SELECT EXISTS (SELECT FROM {table} WHERE sealed_as IS NULL)"  # noqa: S608 -- constants only
        self._unsealed = f"SELECT {fields} FROM {table} WHERE sealed_as IS NULL ORDER BY id LIMIT %s"  # noqa: S608 -- constants only
        self._seal = (
            f"UPDATE {table} SET sealed_as = seal.number, hash = seal.hash "  # noqa: S608 -- constants only
            f"FROM unnest(%s::{key}[], %s::bigint[], %s::bytea[]) AS seal (id, number, hash) WHERE {table}.id = seal.id"
        )
        self._sealed = f"SELECT sealed_as, hash, {fields} FROM {table} WHERE sealed_as > %s ORDER BY sealed_as LIMIT %s"  # noqa: S608 -- constants only
        self._hashes = f"SELECT hash {sealed}"
        self._waiting = (
            "SELECT count(*), coalesce(extract(epoch FROM now() - min(at)), 0)::float8 "  # noqa: S608 -- constants only
            f"FROM {table} WHERE sealed_as IS NULL"
        )

    def stands_in(self, connection: psycopg.Connection[Any]) -> bool:
        """Tell whether this connection's database has the table."""
        return bool(_value(connection, self._there))

    def seal(self, connection: psycopg.Connection[Any], limit: int = SEAL_BATCH) -> int:
        """Seal up to `limit` committed entries in the order of their ids, in one transaction; return how many.

        0 as well if another sealer is at work on this database. An entry whose transaction commits late is sealed after
        younger ones: the chain is in the order in which entries became visible.
        """
        if not _value(connection, self._any):
            return 0  # at rest: one statement instead of a transaction of four
        with connection.transaction():
            if not _value(connection, self._lock):
                return 0
            number, previous = self.head(connection)
            ids: list[Any] = []
            hashes: list[bytes] = []
            for row in connection.execute(self._unsealed.encode(), (limit,)):
                previous = chained(previous, self.encode(number + len(ids) + 1, *row))
                ids.append(row[0])
                hashes.append(previous)
            if not ids:
                return 0
            numbers = list(range(number + 1, number + 1 + len(ids)))
            connection.execute(self._seal.encode(), (ids, numbers, hashes))
            failpoint(self._sealing)
        return len(ids)

    def verify(self, connection: psycopg.Connection[Any]) -> ChainReport:
        """Recompute the whole chain and compare. Reads page by page; seals nothing and waits for nobody."""
        begins, previous = self.anchor(connection)
        checked = begins
        broken_at: int | None = None
        reason: str | None = None
        while broken_at is None:
            rows = connection.execute(self._sealed.encode(), (checked, _PAGE)).fetchall()
            for number, hash_, *fields in rows:
                entry = self.encode(number, *fields)
                if number != checked + 1:
                    broken_at, reason = checked + 1, "missing"
                elif hash_ is None or chained(previous, entry) != bytes(hash_):
                    broken_at, reason = number, self._why(connection, entry, hash_)
                if broken_at is not None:
                    break
                checked, previous = number, bytes(hash_)
            if not rows:
                break
        unsealed, oldest = self.waiting(connection)
        row = connection.execute(self._head.encode()).fetchone()
        sealed, head = (row[0], bytes(row[1] or b"")) if row else self.anchor(connection)
        return ChainReport(checked - begins, broken_at, reason, sealed, head.hex(), unsealed, oldest)

    def head(self, connection: psycopg.Connection[Any]) -> tuple[int, bytes]:
        """Return number and hash of the last sealed entry, or of the anchor where none stands."""
        row = connection.execute(self._head.encode()).fetchone()
        return (row[0], bytes(row[1])) if row else self.anchor(connection)

    def anchor(self, connection: psycopg.Connection[Any]) -> tuple[int, bytes]:
        """Return number and hash of the entry after which the chain begins."""
        row = None if self._anchor is None else connection.execute(self._anchor.encode()).fetchone()
        return (row[0], bytes(row[1])) if row else (0, START)

    def waiting(self, connection: psycopg.Connection[Any]) -> tuple[int, float]:
        """Return how many entries are unsealed, and the age of the oldest in seconds."""
        row = connection.execute(self._waiting.encode()).fetchone()
        return (int(row[0]), float(row[1])) if row else (0, 0.0)

    def _why(self, connection: psycopg.Connection[Any], entry: bytes, hash_: bytes | None) -> str:
        """Tell a moved entry (its hash is right after some other entry of the chain) from a changed one."""
        if hash_ is None:
            return "changed"
        wanted = bytes(hash_)
        for (other,) in connection.execute(self._hashes.encode()):
            if other is not None and chained(bytes(other), entry) == wanted:
                return "reordered"
        return "reordered" if chained(START, entry) == wanted else "changed"


def _value(connection: psycopg.Connection[Any], query: str) -> Any:
    row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None
