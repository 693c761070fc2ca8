"""Reconciliations and the differences they found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, text

from services.integration.domain.ledger import Key
from services.integration.domain.reconciliation import Difference, Direction, Place

_BEGIN = text(
    """
    INSERT INTO reconciliations (partner, direction, state, repair, requested_by, correlation_id)
    VALUES (:partner, :direction, 'running', :repair, :by, :correlation_id)
    ON CONFLICT (partner) WHERE finished_at IS NULL DO NOTHING RETURNING id
    """
)
_OPEN = text("SELECT * FROM reconciliations WHERE finished_at IS NULL ORDER BY id")
_OPEN_OF = text("SELECT * FROM reconciliations WHERE finished_at IS NULL AND partner = :partner")
_ONE = text("SELECT * FROM reconciliations WHERE id = :id")
_PAGE = text(
    "SELECT * FROM reconciliations WHERE (cast(:partner AS text) IS NULL OR partner = :partner) "
    "AND (cast(:before AS bigint) IS NULL OR id < :before) ORDER BY id DESC LIMIT :limit"
)
_DUE = text(
    """
    SELECT p.id FROM partners p WHERE p.protocol <> 'push' AND p.details ->> 'comparing' IS DISTINCT FROM 'none'
        AND (cardinality(p.forms) > 0 OR EXISTS (SELECT 1 FROM holdings h WHERE h.partner = p.id))
        AND NOT EXISTS (SELECT 1 FROM reconciliations r
        WHERE r.partner = p.id AND (r.finished_at IS NULL
            OR (r.direction = 'receiver' AND r.started_at > now() - make_interval(secs => :every))))
    """
)
_DIFFERENCES = text(
    "SELECT * FROM differences WHERE reconciliation = :id ORDER BY form, unit, period, indicator LIMIT :limit"
)
_COUNTS = text("SELECT kind, count(*) AS n FROM differences WHERE reconciliation = :id GROUP BY kind")
_SAVE_DIFFERENCES = text(
    """
    INSERT INTO differences (reconciliation, form, unit, period, indicator, kind, expected, found, state)
    SELECT :id, form, unit, period, indicator, kind, expected, found, state
    FROM jsonb_to_recordset(cast(:rows AS jsonb)) AS r(form text, unit text, period text, indicator text, kind text,
        expected text, found text, state text)
    ON CONFLICT (reconciliation, form, unit, period, indicator) DO UPDATE SET kind = excluded.kind,
        expected = excluded.expected, found = excluded.found, state = excluded.state
    """
)
_CLEAR = text("DELETE FROM differences WHERE reconciliation = :id")
_MARK = text(
    """
    UPDATE differences d SET state = :state FROM jsonb_to_recordset(cast(:keys AS jsonb))
        AS k(form text, unit text, period text)
    WHERE reconciliation = :id AND d.state = ANY(:states)
        AND d.form = k.form AND d.unit = k.unit AND d.period = k.period
    """
)

_LAST_BEGUN = text("SELECT max(started_at) FROM reconciliations WHERE partner = :partner AND direction = :direction")
KEPT_RUNS = 13
"""The last comparisons of a partner in a direction stay, however old: a report shows twelve before it."""
_FORGET = text(
    """
    WITH ranked AS (
        SELECT id, finished_at, row_number() OVER (PARTITION BY partner, direction ORDER BY id DESC) AS place,
            id = max(id) FILTER (WHERE equal) OVER (PARTITION BY partner, direction) AS proof
        FROM reconciliations WHERE finished_at IS NOT NULL),
    old AS (
        SELECT id FROM ranked r WHERE finished_at < now() - make_interval(days => :days) AND place > :kept
            AND proof IS NOT TRUE AND NOT EXISTS (
                SELECT 1 FROM known_differences k WHERE k.reconciliation = r.id AND k.state <> 'repaired')
        ORDER BY id LIMIT :limit),
    found AS (DELETE FROM differences USING old WHERE reconciliation = old.id),
    scoped AS (DELETE FROM reconciliation_scopes USING old WHERE reconciliation = old.id)
    DELETE FROM reconciliations USING old WHERE reconciliations.id = old.id
    """
)


def begin(
    connection: Connection,
    partner: str,
    *,
    repair: bool,
    by: str,
    correlation_id: str,
    direction: Direction = Direction.RECEIVER,
) -> Row[Any]:
    """Start a reconciliation and return it; one that is under way for this partner is returned instead."""
    given = {"partner": partner, "direction": direction, "repair": repair, "by": by, "correlation_id": correlation_id}
    made = connection.execute(_BEGIN, given).scalar_one_or_none()
    if made is None:
        return connection.execute(_OPEN_OF, {"partner": partner}).one()
    return connection.execute(_ONE, {"id": made}).one()


def due(connection: Connection, every_seconds: float) -> list[str]:
    """Return the partners that were not reconciled for this long."""
    return [row.id for row in connection.execute(_DUE, {"every": every_seconds})]


def under_way(connection: Connection) -> Sequence[Row[Any]]:
    """Return all that are not finished."""
    return connection.execute(_OPEN).all()


def load(connection: Connection, reconciliation: int) -> Row[Any] | None:
    """Return this reconciliation, None if there is none."""
    return connection.execute(_ONE, {"id": reconciliation}).one_or_none()


def page(connection: Connection, partner: str | None, before: int | None, limit: int) -> Sequence[Row[Any]]:
    """Return reconciliations, newest first."""
    return connection.execute(_PAGE, {"partner": partner, "before": before, "limit": limit}).all()


def change(connection: Connection, reconciliation: int, **values: object) -> None:
    """Set these columns."""
    columns = ", ".join(f"{name} = :{name}" for name in values)
    connection.execute(
        text(f"UPDATE reconciliations SET {columns} WHERE id = :id"),  # noqa: S608 -- names of our own keywords
        {**values, "id": reconciliation},
    )


def save_differences(
    connection: Connection, reconciliation: int, found: Iterable[Difference], states: Mapping[Place, str]
) -> None:
    """Write differences, each in the state given for its place."""
    rows = [
        {
            "form": item.form,
            "unit": item.unit,
            "period": item.period,
            "indicator": item.indicator,
            "kind": item.kind,
            "expected": item.expected,
            "found": item.found,
            "state": states[item.place],
        }
        for item in found
    ]
    if rows:
        connection.execute(_SAVE_DIFFERENCES, {"id": reconciliation, "rows": _json(rows)})


def clear_differences(connection: Connection, reconciliation: int) -> None:
    """Forget what a run found that died before it had found everything."""
    connection.execute(_CLEAR, {"id": reconciliation})


def mark(connection: Connection, reconciliation: int, keys: Iterable[Key], state: str, among: Sequence[str]) -> None:
    """Write the state of its differences under these keys, of those in the states `among`."""
    rows = [dict(zip(("form", "unit", "period"), key, strict=True)) for key in keys]
    given = {"id": reconciliation, "keys": _json(rows), "state": state, "states": list(among)}
    connection.execute(_MARK, given)


def differences_of(connection: Connection, reconciliation: int, limit: int) -> Sequence[Row[Any]]:
    """Return its differences in key order."""
    return connection.execute(_DIFFERENCES, {"id": reconciliation, "limit": limit}).all()


def difference_counts(connection: Connection, reconciliation: int) -> dict[str, int]:
    """Return how many differences of which kind."""
    return {row.kind: row.n for row in connection.execute(_COUNTS, {"id": reconciliation})}


def finished_age(at: datetime | None, now: datetime) -> float | None:
    """Return how long ago that was in seconds."""
    return None if at is None else max(0.0, (now - at).total_seconds())


def _json(rows: Any) -> str:
    return msgspec.json.encode(rows).decode()


def last_begun(connection: Connection, partner: str, direction: Direction) -> datetime | None:
    """Return when the last comparison with this partner in this direction began; None if there was none."""
    given = {"partner": partner, "direction": direction}
    found: datetime | None = connection.execute(_LAST_BEGUN, given).scalar()
    return found


def forget(connection: Connection, days: int, limit: int) -> int:
    """Delete up to `limit` comparisons that ended longer ago, with what they found; return how many. Kept are the last
    ones of each partner and direction, the last that proved equality, and those that last saw an open difference."""
    return connection.execute(_FORGET, {"days": days, "limit": limit, "kept": KEPT_RUNS}).rowcount
