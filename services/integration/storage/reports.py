"""What a report is made of: differences counted and listed, what was compared by form and period, earlier runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, text

from services.integration.domain.report import Found, Past, Tally

_TALLIES = text(
    "SELECT kind, state, form, period, expected IS NOT NULL AS ours, count(*) AS count FROM differences "
    "WHERE reconciliation = :id GROUP BY kind, state, form, period, ours ORDER BY form, period, kind, state, ours"
)
_FOUND = text(
    """
    SELECT kind, form, unit, period, indicator, expected, found, state FROM differences WHERE reconciliation = :id
    ORDER BY state IN ('repaired', 'accepted'), form, unit, period, indicator LIMIT :limit
    """
)
_PAST = text(
    """
    SELECT r.id::text AS id, r.finished_at AS at, r.state, r.entries, d.found, d.left
    FROM reconciliations r CROSS JOIN LATERAL (
        SELECT count(*) AS found, count(*) FILTER (WHERE state NOT IN ('repaired', 'accepted')) AS left
        FROM differences WHERE reconciliation = r.id) d
    WHERE r.partner = :partner AND r.id < :id AND r.finished_at IS NOT NULL ORDER BY r.id DESC LIMIT :limit
    """
)
_SCOPES = text(
    "SELECT form, period, sum(expected_count)::bigint AS n FROM holdings WHERE partner = :partner "
    "GROUP BY form, period HAVING sum(expected_count) > 0 ORDER BY form, period"
)


def tallies(connection: Connection, reconciliation: int) -> list[Tally]:
    """Return how many differences there are by class, state, form and period."""
    return [Tally(**row._mapping) for row in connection.execute(_TALLIES, {"id": reconciliation})]


def found(connection: Connection, reconciliation: int, limit: int) -> list[Found]:
    """Return up to `limit` differences, those that are left first."""
    return [Found(**row._mapping) for row in connection.execute(_FOUND, {"id": reconciliation, "limit": limit})]


def past(connection: Connection, row: Row[Any], limit: int) -> list[Past]:
    """Return the reconciliations with the same partner before this one, newest first."""
    given = {"partner": row.partner, "id": row.id, "limit": limit}
    return [Past(**earlier._mapping) for earlier in connection.execute(_PAST, given)]


def scopes(connection: Connection, partner: str) -> Sequence[tuple[str, str, int]]:
    """Return how many entries the partner is to hold by form and period."""
    return [(row.form, row.period, row.n) for row in connection.execute(_SCOPES, {"partner": partner})]
