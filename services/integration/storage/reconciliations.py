"""Reconciliations, their differences, and the digests they compare: summed on read from the holdings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, text

from services.integration.domain.reconciliation import Cell, Difference, Group, spelled
from shared.digest import LANES, Digest

_SUMS = "coalesce(sum(expected_count), 0)::bigint AS n, " + ", ".join(
    f"(coalesce(sum(expected_l{n}), 0) % 4294967296)::bigint AS l{n}" for n in range(LANES)
)
_BY = {"root": "", "period": "period", "form": "period, form", "bucket": "period, form, partner_unit"}
_BUCKETS = text("SELECT count(*) FROM holdings WHERE partner = :partner AND expected_count > 0")
_PENDING = text(
    "SELECT period, form, partner_unit FROM holdings "
    "WHERE partner = :partner AND acknowledged_version IS DISTINCT FROM expected_version"
)
_BUCKET = text(
    """
    SELECT h.form, h.unit, h.period, h.partner_unit, h.agency, h.expected_version, h.acknowledged_version
    FROM holdings h WHERE partner = :partner AND period = :period AND form = :form AND partner_unit = :unit
    """
)
_CELLS = text(
    """
    SELECT indicator, partner_indicator, expected_value AS value, expected_status AS status FROM ledger
    WHERE partner = :partner AND form = :form AND unit = :unit AND period = :period AND expected_hash IS NOT NULL
    """
)
_ADOPT = text(
    """
    INSERT INTO holdings (partner, form, unit, period, partner_unit, agency, expected_version)
    VALUES (:partner, :form, :unit, :period, :partner_unit, '', :version) ON CONFLICT DO NOTHING
    """
)
_BEGIN = text(
    """
    INSERT INTO reconciliations (partner, state, repair, requested_by, correlation_id)
    VALUES (:partner, 'running', :repair, :by, :correlation_id)
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
    SELECT p.id FROM partners p WHERE p.active AND NOT EXISTS (SELECT 1 FROM reconciliations r
        WHERE r.partner = p.id AND (r.finished_at IS NULL OR r.started_at > now() - make_interval(secs => :every)))
    """
)
_DIFFERENCES = text(
    "SELECT * FROM differences WHERE reconciliation = :id ORDER BY form, unit, period, indicator LIMIT :limit"
)
_COUNTS = text("SELECT kind, count(*) AS n FROM differences WHERE reconciliation = :id GROUP BY kind")
_SAVE_DIFFERENCES = text(
    """
    INSERT INTO differences (reconciliation, form, unit, period, indicator, kind, expected, found, state)
    SELECT :id, form, unit, period, indicator, kind, expected, found, :state
    FROM jsonb_to_recordset(cast(:rows AS jsonb)) AS r(form text, unit text, period text, indicator text, kind text,
        expected text, found text) ON CONFLICT DO NOTHING
    """
)
_MARK = text(
    """
    UPDATE differences d SET state = CASE WHEN EXISTS (SELECT 1 FROM jsonb_to_recordset(cast(:left AS jsonb))
            AS r(form text, unit text, period text, indicator text)
            WHERE r.form = d.form AND r.unit = d.unit AND r.period = d.period AND r.indicator = d.indicator)
        THEN 'unrepaired' ELSE 'repaired' END
    WHERE reconciliation = :id
    """
)
_REPAIRING = text("UPDATE differences SET state = 'repairing' WHERE reconciliation = :id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """One key as a comparison sees it: its hub names, versions, and values by the partner's indicator."""

    form: str
    unit: str
    period: str
    partner_unit: str
    agency: str
    expected_version: int
    acknowledged_version: int | None
    cells: dict[str, tuple[str, Cell]]

    @property
    def pending(self) -> bool:
        """Whether the partner has not yet acknowledged what it is expected to hold."""
        return self.expected_version != self.acknowledged_version


def expected_digests(
    connection: Connection, partner: str, level: str, period: str | None = None, form: str | None = None
) -> dict[Group, Digest]:
    """Return the digests of what the partner is to hold, in its own codes, at this level."""
    by = _BY[level]
    narrowed = " AND ".join(
        ["partner = :partner", *(f"{name} = :{name}" for name, value in (("period", period), ("form", form)) if value)]
    )
    grouping = f" GROUP BY {by}" if by else ""
    columns = f"{by}, {_SUMS}" if by else _SUMS
    statement = text(f"SELECT {columns} FROM holdings WHERE {narrowed}{grouping}")  # noqa: S608 -- constants above
    found: dict[Group, Digest] = {}
    for row in connection.execute(statement, {"partner": partner, "period": period, "form": form}):
        values = row._mapping
        lanes = tuple(values[f"l{n}"] for n in range(LANES))
        found[values.get("period"), values.get("form"), values.get("partner_unit")] = Digest(row.n, lanes)
    return found


def pending(connection: Connection, partner: str) -> set[Group]:
    """Return the buckets whose deliveries are not acknowledged at the expected version."""
    return {(row.period, row.form, row.partner_unit) for row in connection.execute(_PENDING, {"partner": partner})}


def bucket_count(connection: Connection, partner: str) -> int:
    """Return how many buckets the partner is to hold something in."""
    return int(connection.execute(_BUCKETS, {"partner": partner}).scalar_one())


def bucket(connection: Connection, partner: str, period: str, form: str, unit: str) -> Bucket | None:
    """Return the bucket of these partner codes with its values; None if we know none."""
    given = {"partner": partner, "period": period, "form": form, "unit": unit}
    head = connection.execute(_BUCKET, given).one_or_none()
    if head is None:
        return None
    rows = connection.execute(_CELLS, {"partner": partner, "form": head.form, "unit": head.unit, "period": head.period})
    cells = {row.partner_indicator: (row.indicator, Cell(row.value, row.status)) for row in rows}
    return Bucket(**head._mapping, cells=cells)


def adopt(
    connection: Connection, *, partner: str, form: str, unit: str, period: str, partner_unit: str, version: int
) -> None:
    """Know a bucket that only the partner has: nothing is expected in it, so that a repair can empty it there."""
    given = {"partner": partner, "form": form, "unit": unit, "period": period}
    connection.execute(_ADOPT, given | {"partner_unit": partner_unit, "version": max(version, 1)})


def begin(connection: Connection, partner: str, *, repair: bool, by: str, correlation_id: str) -> Row[Any]:
    """Start a reconciliation and return it; one that is under way for this partner is returned instead."""
    given = {"partner": partner, "repair": repair, "by": by, "correlation_id": correlation_id}
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


def save_differences(connection: Connection, reconciliation: int, found: Iterable[Difference], state: str) -> None:
    """Write differences in this state."""
    connection.execute(_SAVE_DIFFERENCES, {"id": reconciliation, "rows": _json(found), "state": state})


def mark_repairing(connection: Connection, reconciliation: int) -> None:
    """Write that all its differences are being repaired."""
    connection.execute(_REPAIRING, {"id": reconciliation})


def mark_outcome(connection: Connection, reconciliation: int, left: Iterable[Difference]) -> None:
    """Write which differences are repaired: all but those still left."""
    connection.execute(_MARK, {"id": reconciliation, "left": _json(left)})


def differences_of(connection: Connection, reconciliation: int, limit: int) -> Sequence[Row[Any]]:
    """Return its differences in key order."""
    return connection.execute(_DIFFERENCES, {"id": reconciliation, "limit": limit}).all()


def difference_counts(connection: Connection, reconciliation: int) -> dict[str, int]:
    """Return how many differences of which kind."""
    return {row.kind: row.n for row in connection.execute(_COUNTS, {"id": reconciliation})}


def finished_age(at: datetime | None, now: datetime) -> float | None:
    """Return how long ago that was in seconds."""
    return None if at is None else max(0.0, (now - at).total_seconds())


def _json(found: Iterable[Difference]) -> str:
    rows = [
        {
            "form": item.form,
            "unit": item.unit,
            "period": item.period,
            "indicator": item.indicator,
            "kind": item.kind,
            "expected": spelled(item.expected),
            "found": spelled(item.found),
        }
        for item in found
    ]
    return msgspec.json.encode(rows).decode()
