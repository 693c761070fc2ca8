"""Contents that cannot go out because a partner's mapping has no code for their unit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
from sqlalchemy import Connection, text

from services.integration.domain.ledger import Key

_NOTE = text(
    """
    INSERT INTO mapping_gaps AS held (partner, form, unit, period, error, since)
    SELECT :partner, form, unit, period, error, now()
    FROM jsonb_to_recordset(cast(:rows AS jsonb)) AS r(form text, unit text, period text, error text)
    ORDER BY form, unit, period
    ON CONFLICT (partner, form, unit, period) DO UPDATE SET error = excluded.error WHERE held.error <> excluded.error
    """
)
_CLOSE = text(
    """
    DELETE FROM mapping_gaps g
    USING jsonb_to_recordset(cast(:rows AS jsonb)) AS r(form text, unit text, period text)
    WHERE g.partner = :partner AND (g.form, g.unit, g.period) = (r.form, r.unit, r.period)
    """
)
_COUNTS = text("SELECT partner, count(*) AS n FROM mapping_gaps GROUP BY partner ORDER BY partner")


def note(connection: Connection, partner: str, gaps: Mapping[Key, str]) -> None:
    """Write that these keys cannot go to this partner, and why."""
    if gaps:
        rows = [_row(key) | {"error": error} for key, error in gaps.items()]
        connection.execute(_NOTE, {"partner": partner, "rows": msgspec.json.encode(rows).decode()})


def close(connection: Connection, partner: str, keys: Iterable[Key]) -> None:
    """Write that these keys can go to this partner."""
    rows = msgspec.json.encode([_row(key) for key in keys]).decode()
    connection.execute(_CLOSE, {"partner": partner, "rows": rows})


def counts(connection: Connection) -> dict[str, int]:
    """Return how many keys each partner cannot be given, of those where there are any."""
    return {row.partner: row.n for row in connection.execute(_COUNTS)}


def _row(key: Key) -> dict[str, str]:
    return dict(zip(("form", "unit", "period"), key, strict=True))
