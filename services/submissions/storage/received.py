"""What sources sent, as drafts and approved submissions hold it: for comparing it with what the sources hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, text

from shared.contracts.views.sources import ReceivedView

Key = tuple[str, str, str]
"""Form, unit, period."""

Place = tuple[str, str, str, str]
"""Form, unit, period, indicator."""

_CELLS = """
    SELECT s.form, s.unit, s.period, f.indicator, trim_scale(f.value)::text AS value, f.status, f.origin,
        f.origin = 'push' AND f.by = ANY(:clients) AS sent, f.removed, f.accepted_at,
        CASE WHEN f.conflict->>'by' = ANY(:clients) THEN f.conflict END AS waiting,
        s.id::text AS submission_id, s.state, s.agency
    FROM submissions s JOIN figures f ON f.submission = s.number WHERE
"""
# A figure that a person entered over a push no longer says whose push it was: any source may have had a part in it.
_PARTS = text(
    _CELLS
    + """
        (f.by = ANY(:clients) OR f.conflict->>'by' = ANY(:clients)
            OR ((f.origin <> 'push' OR f.removed) AND f.accepted_at IS NOT NULL))
        AND (cast(:units AS text[]) IS NULL OR s.unit = ANY(:units))
        AND (cast(:forms AS text[]) IS NULL OR s.form = ANY(:forms))
        AND (s.form, s.unit, s.period) >= (:form, :unit, :period)
        AND (s.form, s.unit, s.period, f.indicator) > (:form, :unit, :period, :indicator)
    ORDER BY s.form, s.unit, s.period, f.indicator LIMIT :limit
    """
)
_OF_KEY = text(_CELLS + "s.form = :form AND s.unit = :unit AND s.period = :period ORDER BY f.indicator")


def parts(
    connection: Connection,
    clients: Sequence[str],
    units: Sequence[str] | None,
    forms: Sequence[str] | None,
    after: Place,
    limit: int,
) -> list[ReceivedView]:
    """Return up to `limit` cells after this one in which these clients may have a part; units and forms None: all."""
    given: dict[str, Any] = dict(zip(("form", "unit", "period", "indicator"), after, strict=True))
    given |= {"clients": list(clients), "limit": limit}
    given |= {"units": None if units is None else list(units), "forms": None if forms is None else list(forms)}
    return [_view(row) for row in connection.execute(_PARTS, given)]


def of_key(connection: Connection, clients: Sequence[str], key: Key) -> list[ReceivedView]:
    """Return all cells of one submission."""
    form, unit, period = key
    given = {"clients": list(clients), "form": form, "unit": unit, "period": period}
    return [_view(row) for row in connection.execute(_OF_KEY, given)]


def _view(row: Row[Any]) -> ReceivedView:
    waiting = row.waiting or {}
    return ReceivedView(
        form=row.form,
        unit=row.unit,
        period=row.period,
        indicator=row.indicator,
        value=row.value,
        status=row.status,
        origin=row.origin,
        sent=row.sent,
        removed=row.removed,
        accepted_at=row.accepted_at,
        waiting=bool(waiting),
        waiting_value=waiting.get("value"),
        waiting_status=waiting.get("status", ""),
        submission_id=row.submission_id,
        state=row.state,
        agency=row.agency,
    )
