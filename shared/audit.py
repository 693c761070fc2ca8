"""The audit trail: who did what, chained by hash (shared/chain.py) so that anyone can check that no entry was touched.

`details` enters the hash as the text PostgreSQL keeps (`jsonb` in its own normal form), so that no number is reread as
a float. `number` in the encoding is the entry's id, not its place in the chain, so that a moved entry can be told from
a changed one.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from shared.canonical import encode
from shared.chain import SEAL_BATCH, START, Chain, ChainReport, chained

if TYPE_CHECKING:
    import psycopg

__all__ = ["AUDIT", "SEAL_BATCH", "START", "AuditReport", "canonical", "chained", "seal", "verify", "waiting"]

AuditReport = ChainReport


def canonical(
    number: int, at: datetime, actor: str, action: str, subject: str, correlation_id: str, details: str
) -> bytes:
    """Return the encoding of one entry that enters its hash. Times are UTC to the microsecond."""
    instant = at.astimezone(UTC).isoformat(timespec="microseconds")
    return encode((str(number), instant, actor, action, subject, correlation_id, details))


def _encoded(_place: int, *fields: Any) -> bytes:
    return canonical(*fields)


AUDIT = Chain("audit", "bigint", "id, at, actor, action, subject, correlation_id, details::text", _encoded)


def seal(connection: psycopg.Connection[Any], limit: int = SEAL_BATCH) -> int:
    """Seal up to `limit` committed entries; return how many. See `Chain.seal`."""
    return AUDIT.seal(connection, limit)


def verify(connection: psycopg.Connection[Any]) -> AuditReport:
    """Recompute the whole chain and compare. See `Chain.verify`."""
    return AUDIT.verify(connection)


def waiting(connection: psycopg.Connection[Any]) -> tuple[int, float]:
    """Return how many entries are unsealed, and the age of the oldest in seconds."""
    return AUDIT.waiting(connection)


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
