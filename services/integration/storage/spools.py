"""What a partner lists, put aside in a temporary table, and joined with the ledger."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, text

from services.integration.domain.reconciliation import Cell
from services.integration.storage.expected import Head

Row = tuple[str, str, str, str, Cell, int]  # period, form, unit, indicator in the partner's codes; cell, version

_BATCH = 2_000
_MAKE = (
    "CREATE TEMPORARY TABLE spool (period text NOT NULL, form text NOT NULL, partner_unit text NOT NULL, "
    "partner_indicator text NOT NULL, value text, status text NOT NULL, version bigint NOT NULL)",
    "CREATE TEMPORARY TABLE moving (period text, form text, partner_unit text, "
    "PRIMARY KEY (period, form, partner_unit))",
)
_TAKE = "COPY spool (period, form, partner_unit, partner_indicator, value, status, version) FROM STDIN"
# Not acknowledged, or acknowledged since the first page was asked for: a page may hold the older state.
_MOVING = text(
    """
    INSERT INTO moving SELECT period, form, partner_unit FROM holdings
    WHERE partner = :partner AND acknowledged_version IS DISTINCT FROM expected_version
        AND refused_version IS DISTINCT FROM expected_version
    UNION SELECT period, form, partner_unit FROM deliveries WHERE partner = :partner AND updated_at >= :since
    """
)
_DIFFERING = text(
    """
    WITH theirs AS (
        SELECT period, form, partner_unit, partner_indicator, array_agg(value ORDER BY value, status) AS cells,
            array_agg(status ORDER BY value, status) AS statuses, max(version) AS version
        FROM spool GROUP BY period, form, partner_unit, partner_indicator),
    ours AS (
        SELECT h.period, h.form, h.partner_unit, l.partner_indicator, l.indicator, l.expected_value,
            l.expected_status
        FROM holdings h JOIN ledger l ON l.partner = h.partner AND l.form = h.form AND l.unit = h.unit
            AND l.period = h.period AND l.expected_hash IS NOT NULL
        WHERE h.partner = :partner)
    SELECT p.*, h.unit, h.agency, h.expected_version, h.acknowledged_version, h.refused_version, h.lift,
        CASE WHEN h.refused_version = h.expected_version THEN h.held_version END AS held_version,
        coalesce(k.version, 0) AS version
    FROM (
        SELECT period, form, partner_unit, partner_indicator, o.indicator, o.expected_value, o.expected_status,
            t.cells, t.statuses
        FROM ours o FULL JOIN theirs t USING (period, form, partner_unit, partner_indicator)
        WHERE t.cells IS DISTINCT FROM ARRAY[o.expected_value]
            OR t.statuses IS DISTINCT FROM ARRAY[o.expected_status]) AS p
    LEFT JOIN holdings h ON h.partner = :partner AND h.period = p.period AND h.form = p.form
        AND h.partner_unit = p.partner_unit
    LEFT JOIN (SELECT period, form, partner_unit, max(version) AS version FROM theirs GROUP BY 1, 2, 3) AS k
        ON k.period = p.period AND k.form = p.form AND k.partner_unit = p.partner_unit
    WHERE NOT EXISTS (SELECT 1 FROM moving m
        WHERE m.period = p.period AND m.form = p.form AND m.partner_unit = p.partner_unit)
    ORDER BY p.period, p.form, p.partner_unit, p.partner_indicator
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Differing:
    """One entry in which ledger and listing differ, in the partner's codes; without `head` we do not know the key.
    `version` is the newest under which they list anything of it."""

    period: str
    form: str
    partner_unit: str
    partner_indicator: str
    indicator: str
    expected: Cell | None
    found: tuple[Cell, ...]
    version: int
    head: Head | None


class Spool:
    """A listing put aside; it ends with its connection."""

    def __init__(self, connection: Connection, partner: str) -> None:
        self._connection = connection
        self._partner = partner
        self._since = connection.execute(text("SELECT now()")).scalar_one()
        for statement in _MAKE:
            connection.exec_driver_sql(statement)
        connection.commit()

    def clear(self) -> None:
        """Begin anew."""
        self._connection.exec_driver_sql("TRUNCATE spool")
        self._connection.commit()

    def add(self, page: Sequence[Row]) -> None:
        """Take a page in; texts in NFC, as the ledger compares them."""
        raw: Any = self._connection.connection.dbapi_connection  # psycopg's own, for COPY
        with raw.cursor() as cursor, cursor.copy(_TAKE) as copy:
            for *codes, cell, version in page:
                copy.write_row((*map(_nfc, codes), cell.value, cell.status, version))
        raw.commit()  # SQLAlchemy knows of no transaction that began there

    def close_up(self) -> None:
        """Say that nothing more comes: from here on the ledger is read as it stands now, so that what is planned while
        it is judged is neither expected nor missed."""
        self._connection.execution_options(isolation_level="REPEATABLE READ")
        self._connection.execute(_MOVING, {"partner": self._partner, "since": self._since})
        self._connection.exec_driver_sql("ANALYZE spool")

    def moving(self) -> set[tuple[str, str, str]]:
        """Return the keys that cannot be judged, because deliveries of theirs are or were under way."""
        found = self._connection.exec_driver_sql("SELECT period, form, partner_unit FROM moving")
        return {(row[0], row[1], row[2]) for row in found}

    def differing(self) -> Iterator[Differing]:
        """Yield what differs, key by key, read through a cursor of the server's."""
        streaming = {"stream_results": True, "max_row_buffer": _BATCH}
        for row in self._connection.execute(_DIFFERING, {"partner": self._partner}, execution_options=streaming):
            cells = zip(row.cells or (), row.statuses or (), strict=True)
            yield Differing(
                period=row.period,
                form=row.form,
                partner_unit=row.partner_unit,
                partner_indicator=row.partner_indicator,
                indicator=row.indicator or "",
                expected=None if row.expected_status is None else Cell(row.expected_value, row.expected_status),
                found=tuple(Cell(value, status) for value, status in cells),
                version=row.version,
                head=None
                if row.unit is None
                else Head(
                    form=row.form,
                    unit=row.unit,
                    period=row.period,
                    partner_unit=row.partner_unit,
                    agency=row.agency,
                    expected_version=row.expected_version,
                    acknowledged_version=row.acknowledged_version,
                    refused_version=row.refused_version,
                    held_version=row.held_version,
                    lift=row.lift,
                ),
            )


@contextmanager
def opened(engine: Engine, partner: str) -> Iterator[Spool]:
    """Open a spool on a connection of its own, and drop it afterwards."""
    with engine.connect() as connection:
        try:
            yield Spool(connection, partner)
        finally:
            connection.rollback()
            connection.exec_driver_sql("DROP TABLE IF EXISTS spool, moving")
            connection.commit()


def _nfc(code: str) -> str:
    return code if code.isascii() else unicodedata.normalize("NFC", code)
