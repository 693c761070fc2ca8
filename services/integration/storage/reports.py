"""What a report is made of: differences counted and listed, what was compared by form and period, earlier runs."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, text

from services.integration.domain.report import Found, Past, Tally

# A run's differences as it left them; of what nobody has compared since, what people have decided in between.
_SEEN = """
    SELECT d.form, d.unit, d.period, d.indicator, d.kind, d.expected, d.found,
        CASE WHEN k.reconciliation = d.reconciliation AND d.state IN ('new', 'task', 'unrepaired')
            AND k.state IN ('recurring', 'accepted') THEN k.state ELSE d.state END AS state,
        nullif(k.owner, '') AS owner, k.first_seen AS since, coalesce(k.times_seen, 1) AS times,
        coalesce(k.failed_repairs, 0) AS failed_repairs, k.acceptance->>'reason' AS accepted_reason
    FROM differences d JOIN reconciliations r ON r.id = d.reconciliation
    LEFT JOIN known_differences k ON k.direction = r.direction AND k.partner = r.partner AND k.form = d.form
        AND k.unit = d.unit AND k.period = d.period AND k.indicator = d.indicator
    WHERE d.reconciliation = :id
"""
_TALLIES = text(
    f"SELECT kind, state, form, period, expected IS NOT NULL AS ours, count(*) AS count FROM ({_SEEN}) s "  # noqa: S608 -- a constant
    "GROUP BY kind, state, form, period, ours ORDER BY form, period, kind, state, ours"
)
_FOUND = text(
    f"SELECT * FROM ({_SEEN}) s ORDER BY state IN ('repaired', 'accepted'), form, unit, period, indicator "  # noqa: S608 -- a constant
    "LIMIT :limit"
)
_PAST = text(
    """
    SELECT r.id::text AS id, r.finished_at AS at, r.state, r.entries, d.found, d.left
    FROM reconciliations r CROSS JOIN LATERAL (
        SELECT count(*) AS found, count(*) FILTER (WHERE state NOT IN ('repaired', 'accepted')) AS left
        FROM differences WHERE reconciliation = r.id) d
    WHERE r.partner = :partner AND r.direction = :direction AND r.id < :id AND r.finished_at IS NOT NULL
    ORDER BY r.id DESC LIMIT :limit
    """
)
_NOW = {
    "receiver": "SELECT form, period, sum(expected_count)::bigint AS n FROM holdings WHERE partner = :partner "
    "GROUP BY form, period HAVING sum(expected_count) > 0",
    "warehouse": "SELECT form, period, sum(count)::bigint AS n FROM contents "
    "GROUP BY form, period HAVING sum(count) > 0",
    "source": "SELECT form, period, sum(count)::bigint AS n FROM source_received WHERE reconciliation = :id "
    "GROUP BY form, period HAVING sum(count) > 0",
}
_KEEP = {
    direction: text(
        f"INSERT INTO reconciliation_scopes (reconciliation, scopes) SELECT :id, "  # noqa: S608 -- constants
        f"coalesce(jsonb_agg(jsonb_build_array(form, period, n) ORDER BY form, period), '[]') FROM ({now}) s "
        "ON CONFLICT DO NOTHING"
    )
    for direction, now in _NOW.items()
}
_KEPT = text("SELECT scopes FROM reconciliation_scopes WHERE reconciliation = :id")


def tallies(connection: Connection, reconciliation: int) -> list[Tally]:
    """Return how many differences there are by class, state, form and period."""
    return [Tally(**row._mapping) for row in connection.execute(_TALLIES, {"id": reconciliation})]


def found(connection: Connection, reconciliation: int, limit: int) -> list[Found]:
    """Return up to `limit` differences, those that are left first."""
    return [Found(**row._mapping) for row in connection.execute(_FOUND, {"id": reconciliation, "limit": limit})]


def past(connection: Connection, row: Row[Any], limit: int) -> list[Past]:
    """Return the reconciliations with the same partner in the same direction before this one, newest first."""
    given = {"partner": row.partner, "direction": row.direction, "id": row.id, "limit": limit}
    return [Past(**earlier._mapping) for earlier in connection.execute(_PAST, given)]


def keep_scopes(connection: Connection, row: Row[Any]) -> None:
    """Keep what this reconciliation, which ends, has compared: by form and period, how many entries."""
    if row.direction in _KEEP:
        connection.execute(_KEEP[row.direction], {"partner": row.partner, "id": row.id})


def scopes(connection: Connection, row: Row[Any]) -> list[tuple[str, str, int]]:
    """Return what the reconciliation compared; of one that is under way, what it would compare now."""
    kept = connection.execute(_KEPT, {"id": row.id}).scalar_one_or_none()
    if kept is not None:
        return [(form, period, count) for form, period, count in kept]
    if row.finished_at is not None or row.direction not in _NOW:
        return []
    found = connection.execute(text(_NOW[row.direction]), {"partner": row.partner, "id": row.id})
    return sorted((item.form, item.period, item.n) for item in found)
