"""Reference values: what the warehouse says is approved, kept here because a question never crosses two services.

One row per (unit, indicator, period): the key answers the history of an indicator, the index on (unit, period) what is
approved of a unit for a period. Versions per (form, unit, period) and batches make age harmless: an older version
changes nothing, and a value that moved to another form is not taken away by the form it left.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import Connection

from shared.contracts.events import Observation

Key = tuple[str, str, str]
"""Form, unit, period."""

_KEEP_RELEASES = """
INSERT INTO reference_releases AS held (form, unit, period, version, batch)
SELECT * FROM unnest(%b::text[], %b::text[], %b::text[], %b::bigint[], %b::bigint[])
    AS r (form, unit, period, version, batch) ORDER BY form, unit, period
ON CONFLICT (form, unit, period) DO UPDATE SET version = excluded.version, batch = excluded.batch
WHERE held.version < excluded.version RETURNING form, unit, period
"""
_WITHDRAW = """
DELETE FROM reference_values v USING unnest(%b::text[], %b::text[], %b::text[]) AS r (form, unit, period)
WHERE v.unit = r.unit AND v.period = r.period AND v.form = r.form
"""
_KEEP = """
INSERT INTO reference_values AS held (unit, indicator, period, value, status, derived, form, version, batch)
SELECT * FROM unnest(%b::text[], %b::text[], %b::text[], %b::numeric[], %b::text[], %b::boolean[], %b::text[],
    %b::bigint[], %b::bigint[]) AS r (unit, indicator, period, value, status, derived, form, version, batch)
ORDER BY unit, indicator, period
ON CONFLICT (unit, indicator, period) DO UPDATE SET value = excluded.value, status = excluded.status,
    derived = excluded.derived, form = excluded.form, version = excluded.version, batch = excluded.batch
WHERE held.batch <= excluded.batch
"""
_VERSIONS = """
SELECT h.form, h.unit, h.period, h.version FROM reference_releases h
JOIN unnest(%b::text[], %b::text[], %b::text[]) AS r (form, unit, period) USING (form, unit, period)
"""
_READ = """
SELECT unit, indicator, period, value, status, batch FROM reference_values
WHERE unit = ANY(%b::text[]) AND indicator = ANY(%b::text[]) AND period = ANY(%b::text[])
"""
_CHECKED = "SELECT coalesce((SELECT after FROM reference_check), '')"
_MOVE = """
INSERT INTO reference_check (id, after) VALUES (1, %b) ON CONFLICT (id) DO UPDATE SET after = excluded.after
"""


class Release(NamedTuple):
    """The whole content of a (form, unit, period) at one version."""

    key: Key
    version: int
    batch: int
    observations: Sequence[Observation]


class Reference(NamedTuple):
    """One approved value (None: nothing occurred) and the batch that recorded it."""

    unit: str
    indicator: str
    period: str
    value: Decimal | None
    status: str
    batch: int


def keep(connection: Connection, releases: Iterable[Release]) -> int:
    """Keep these contents, of which no two have one key; return how many were newer than what was held."""
    newest = {release.key: release for release in sorted(releases, key=lambda release: release.key)}
    if not newest:
        return 0
    rows = [(*release.key, release.version, release.batch) for release in newest.values()]
    fresh = {tuple(row) for row in connection.exec_driver_sql(_KEEP_RELEASES, _columns(rows))}
    if not fresh:
        return 0
    connection.exec_driver_sql(_WITHDRAW, _columns(sorted(fresh)))
    values = [
        (unit, item.indicator, period, item.value, item.status, item.derived, form, release.version, release.batch)
        for (form, unit, period), release in newest.items()
        if (form, unit, period) in fresh
        for item in release.observations
        if not item.withdrawn
    ]
    if values:
        connection.exec_driver_sql(_KEEP, _columns(values))
    return len(fresh)


def versions(connection: Connection, keys: Collection[Key]) -> dict[Key, int]:
    """Return the versions held of these (form, unit, period)."""
    if not keys:
        return {}
    rows = connection.exec_driver_sql(_VERSIONS, _columns(sorted(keys)))
    return {(row[0], row[1], row[2]): row[3] for row in rows}


def read(
    connection: Connection, units: Collection[str], indicators: Collection[str], periods: Collection[str]
) -> list[Reference]:
    """Return the approved values of these indicators of these units for these periods."""
    rows = connection.exec_driver_sql(_READ, (list(units), list(indicators), list(periods)))
    return [Reference(*row) for row in rows]


def checked(connection: Connection) -> str:
    """Return the cursor in the warehouse's list of releases up to which all are held."""
    return str(connection.exec_driver_sql(_CHECKED).scalar_one())


def move_check(connection: Connection, after: str) -> None:
    """Note that all releases up to this cursor are held."""
    connection.exec_driver_sql(_MOVE, (after,))


def _columns(rows: Sequence[Sequence[object]]) -> tuple[list[object], ...]:
    return tuple(list(column) for column in zip(*rows, strict=True))
