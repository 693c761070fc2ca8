"""Comparisons with sources while they are under way: what was received, what the source states, where these differ.

Groups are named (period, form, unit) in the source's codes; what lies above a level is the empty text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, text

from services.integration.domain.ledger import Key
from services.integration.domain.reconciliation import Cell
from shared.digest import LANES, Digest

Group = tuple[str, str, str]

_BY = {"root": "", "period": "period", "form": "period, form", "bucket": "period, form, unit"}
_SUMS = ", ".join(f"(sum(hub_lane(digest, {n})) % 4294967296)::bigint AS l{n}" for n in range(LANES))
_AT = "reconciliation = :id"
_OF_RUN = ("source_values", "source_groups", "source_stated", "source_received")
_NOTE_CLIENTS = text(
    "INSERT INTO source_clients (partner, client) SELECT * FROM unnest(cast(:partners AS text[]), "
    "cast(:clients AS text[])) ORDER BY 1, 2 ON CONFLICT DO NOTHING"
)
_CLIENTS = text("SELECT client FROM source_clients WHERE partner = :partner ORDER BY client")
_START = text(
    """
    INSERT INTO source_runs (reconciliation, phase, level, clients, units, forms)
    VALUES (:id, 'reading', :level, :clients, :units, :forms) ON CONFLICT (reconciliation) DO UPDATE SET
        phase = 'reading', level = excluded.level, clients = excluded.clients, units = excluded.units,
        forms = excluded.forms, posted_at = now()
    """
)
_RUN = text(f"SELECT * FROM source_runs WHERE {_AT} FOR UPDATE")  # noqa: S608 -- a constant
_OPEN = text(
    """
    SELECT r.*, s.phase, s.level, s.clients, s.units, s.forms, now() - s.posted_at AS idle FROM reconciliations r
    JOIN source_runs s ON s.reconciliation = r.id WHERE r.finished_at IS NULL ORDER BY r.id
    """
)
_ENDED = text(
    "SELECT s.reconciliation AS id FROM source_runs s JOIN reconciliations r ON r.id = s.reconciliation "
    "WHERE r.finished_at IS NOT NULL"
)
_MOVE = text(f"UPDATE source_runs SET phase = :phase, level = :level, posted_at = now() WHERE {_AT}")  # noqa: S608 -- a constant
_RECEIVED = text(
    """
    INSERT INTO source_received (reconciliation, period, form, unit, hub_unit, agency, count, digest, unapproved)
    SELECT :id, period, form, unit, hub_unit, agency, count, decode(digest, 'hex'), unapproved
    FROM jsonb_to_recordset(cast(:rows AS jsonb)) AS r(period text, form text, unit text, hub_unit text, agency text,
        count int, digest text, unapproved boolean)
    ON CONFLICT (reconciliation, period, form, unit) DO UPDATE SET count = excluded.count, digest = excluded.digest,
        unapproved = excluded.unapproved, hub_unit = excluded.hub_unit, agency = excluded.agency
    """
)
_STATE = text(
    """
    INSERT INTO source_stated (reconciliation, level, period, form, unit, count, digest)
    SELECT :id, :level, period, form, unit, count, decode(digest, 'hex')
    FROM jsonb_to_recordset(cast(:rows AS jsonb)) AS r(period text, form text, unit text, count int, digest text)
    ON CONFLICT (reconciliation, level, period, form, unit) DO UPDATE SET count = excluded.count,
        digest = excluded.digest
    """
)
_STATED = text(f"SELECT period, form, unit, count AS n, digest FROM source_stated WHERE {_AT} AND level = :level")  # noqa: S608 -- a constant
_PUT_GROUPS = text(
    """
    INSERT INTO source_groups (reconciliation, level, period, form, unit, received, stated, listed)
    SELECT :id, :level, period, form, unit, received, stated, false
    FROM jsonb_to_recordset(cast(:rows AS jsonb)) AS r(period text, form text, unit text, received int, stated int)
    ON CONFLICT DO NOTHING
    """
)
_GROUPS = text(
    f"SELECT period, form, unit, received, stated, count(*) OVER () AS total FROM source_groups "  # noqa: S608 -- a constant
    f"WHERE {_AT} AND level = :level AND NOT listed ORDER BY period, form, unit LIMIT :limit"
)
_LEVELS = text(f"SELECT DISTINCT level FROM source_groups WHERE {_AT}")  # noqa: S608 -- a constant
_NAMES = text(f"SELECT period, form, unit FROM source_groups WHERE {_AT} AND level = :level")  # noqa: S608 -- a constant
_GROUP = f"{_AT} AND period = :period AND form = :form AND unit = :unit"
_LISTED = text(
    f"UPDATE source_groups SET listed = listed OR :last WHERE {_GROUP} AND level = 'bucket' RETURNING listed"  # noqa: S608 -- a constant
)
_DROP_PAGES = text(f"DELETE FROM source_values WHERE {_GROUP} AND page >= :page")  # noqa: S608 -- a constant
_PUT_VALUES = text(
    """
    INSERT INTO source_values (reconciliation, period, form, unit, page, indicator, value, status, changed_at)
    SELECT :id, :period, :form, :unit, :page, indicator, value, status, changed_at
    FROM jsonb_to_recordset(cast(:rows AS jsonb)) AS r(indicator text, value text, status text, changed_at timestamptz)
    """
)
_VALUES = text(
    f"SELECT indicator, value, status, changed_at FROM source_values WHERE {_GROUP} ORDER BY page, id"  # noqa: S608 -- a constant
)
_ADD_LISTED = text(
    """
    INSERT INTO source_values (reconciliation, period, form, unit, page, indicator, value, status)
    SELECT :id, period, form, unit, 1, indicator, value, status
    FROM jsonb_to_recordset(cast(:rows AS jsonb)) AS r(period text, form text, unit text, indicator text, value text,
        status text)
    """
)
_LISTED_SUMS = ", ".join(
    f"(sum(hub_lane(hub_entry_hash(form, unit, period, indicator, value, status), {n})) % 4294967296)::bigint AS l{n}"
    for n in range(LANES)
)
_COMPARE_LISTED = text(
    f"""
    INSERT INTO source_groups (reconciliation, level, period, form, unit, received, stated, listed)
    SELECT :id, 'bucket', period, form, unit, coalesce(r.count, 0), coalesce(s.n, 0), true
    FROM (SELECT period, form, unit, count, digest FROM source_received WHERE {_AT} AND count > 0) r
    FULL JOIN (SELECT period, form, unit, count(*)::int AS n, {_LISTED_SUMS} FROM source_values WHERE {_AT}
        GROUP BY period, form, unit) s USING (period, form, unit)
    WHERE r.count IS DISTINCT FROM s.n
        OR ({", ".join(f"hub_lane(r.digest, {n})" for n in range(LANES))})
            IS DISTINCT FROM ({", ".join(f"s.l{n}" for n in range(LANES))})
    ON CONFLICT DO NOTHING
    """  # noqa: S608 -- constants
)
_RECEIVED_AFTER = text(
    f"SELECT period, form, unit FROM source_received WHERE {_AT} "  # noqa: S608 -- a constant
    "AND (period, form, unit) > (:period, :form, :unit) ORDER BY period, form, unit LIMIT :limit"
)
_TO_JUDGE = text(
    """
    SELECT period, form, unit, r.hub_unit, r.agency, g.reconciliation IS NOT NULL AS differs
    FROM (SELECT * FROM source_received WHERE reconciliation = :id) r
    FULL JOIN (SELECT * FROM source_groups WHERE reconciliation = :id AND level = 'bucket') g
        USING (period, form, unit)
    WHERE (r.unapproved OR g.reconciliation IS NOT NULL) AND (period, form, unit) > (:period, :form, :unit)
    ORDER BY period, form, unit LIMIT :limit
    """
)
_TOTALS = text(f"SELECT coalesce(sum(count), 0)::bigint AS entries, count(*) AS keys FROM source_received WHERE {_AT}")  # noqa: S608 -- a constant
_APPROVED = text(
    """
    SELECT form, unit, period, observations FROM contents
    JOIN jsonb_to_recordset(cast(:keys AS jsonb)) AS k(form text, unit text, period text) USING (form, unit, period)
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What was received under one key: in the source's codes, with the hub's unit and the agency that owes it."""

    group: Group
    hub_unit: str
    agency: str
    digest: Digest
    unapproved: bool


@dataclass(frozen=True, slots=True)
class Value:
    """One value that a source listed."""

    indicator: str
    cell: Cell
    changed_at: datetime | None


def note_clients(connection: Connection, pairs: Iterable[tuple[str, str]]) -> None:
    """Note that these (partner, client) push."""
    known = sorted(set(pairs))
    if known:
        given = {"partners": [partner for partner, _ in known], "clients": [client for _, client in known]}
        connection.execute(_NOTE_CLIENTS, given)


def clients_of(connection: Connection, partner: str) -> list[str]:
    """Return the clients that ever pushed for this partner."""
    return list(connection.execute(_CLIENTS, {"partner": partner}).scalars())


def start(
    connection: Connection,
    reconciliation: int,
    level: str,
    clients: Sequence[str],
    units: Sequence[str],
    forms: Sequence[str],
) -> None:
    """Begin the comparison, or begin it anew: nothing that was stated before counts."""
    _forget(connection, reconciliation)
    given = {"id": reconciliation, "level": level, "clients": list(clients)}
    connection.execute(_START, given | {"units": list(units), "forms": list(forms)})


def run(connection: Connection, reconciliation: int) -> Row[Any] | None:
    """Return where the comparison stands, locked; None once it has ended."""
    return connection.execute(_RUN, {"id": reconciliation}).one_or_none()


def under_way(connection: Connection) -> Sequence[Row[Any]]:
    """Return the reconciliations with sources that are under way, with where they stand."""
    return connection.execute(_OPEN).all()


def forget_ended(connection: Connection) -> None:
    """Drop what comparisons that have ended no longer need."""
    for row in connection.execute(_ENDED).all():
        _forget(connection, row.id)
        connection.execute(text(f"DELETE FROM source_runs WHERE {_AT}"), {"id": row.id})  # noqa: S608 -- a constant


def move(connection: Connection, reconciliation: int, phase: str, level: str) -> None:
    """Write where the comparison stands now."""
    connection.execute(_MOVE, {"id": reconciliation, "phase": phase, "level": level})


def put_received(connection: Connection, reconciliation: int, found: Iterable[Received]) -> None:
    """Write what was received under these keys."""
    rows = [
        _named(item.group)
        | {
            "hub_unit": item.hub_unit,
            "agency": item.agency,
            "count": item.digest.count,
            "digest": item.digest.text,
            "unapproved": item.unapproved,
        }
        for item in found
    ]
    connection.execute(_RECEIVED, {"id": reconciliation, "rows": _json(rows)})


def received(connection: Connection, reconciliation: int, level: str) -> dict[Group, Digest]:
    """Return the digests of what was received, at this level."""
    by = _BY[level]
    columns = f"{by}, " if by else ""
    grouped = f"GROUP BY {by}" if by else "HAVING count(*) > 0"
    statement = text(
        f"SELECT {columns}sum(count)::bigint AS n, {_SUMS} FROM source_received WHERE {_AT} AND count > 0 {grouped}"  # noqa: S608 -- constants above
    )
    found = {}
    for row in connection.execute(statement, {"id": reconciliation}):
        values = row._mapping
        group = values.get("period", ""), values.get("form", ""), values.get("unit", "")
        found[group] = Digest(row.n, tuple(values[f"l{n}"] for n in range(LANES)))
    return found


def state(connection: Connection, reconciliation: int, level: str, digests: Mapping[Group, Digest]) -> None:
    """Write digests that the source states."""
    rows = [_named(group) | {"count": item.count, "digest": item.text} for group, item in digests.items()]
    connection.execute(_STATE, {"id": reconciliation, "level": level, "rows": _json(rows)})


def stated(connection: Connection, reconciliation: int, level: str) -> dict[Group, Digest]:
    """Return the digests that the source stated at this level."""
    rows = connection.execute(_STATED, {"id": reconciliation, "level": level})
    return {(row.period, row.form, row.unit): Digest.parse(row.n, row.digest.hex()) for row in rows}


def put_groups(
    connection: Connection, reconciliation: int, level: str, groups: Mapping[Group, tuple[int, int]]
) -> None:
    """Write groups that differ, with how many entries were received and are stated."""
    rows = [_named(group) | {"received": ours, "stated": theirs} for group, (ours, theirs) in groups.items()]
    connection.execute(_PUT_GROUPS, {"id": reconciliation, "level": level, "rows": _json(rows)})


def unlisted(connection: Connection, reconciliation: int, level: str, limit: int) -> tuple[list[Row[Any]], int]:
    """Return up to `limit` groups that differ at this level and whose values are not listed, and how many there are."""
    given = {"id": reconciliation, "level": level, "limit": limit}
    rows = list(connection.execute(_GROUPS, given))
    return rows, rows[0].total if rows else 0


def compared_levels(connection: Connection, reconciliation: int) -> set[str]:
    """Return the levels at which groups are known to differ."""
    return set(connection.execute(_LEVELS, {"id": reconciliation}).scalars())


def differing(connection: Connection, reconciliation: int, level: str) -> set[Group]:
    """Return the groups that differ at this level."""
    rows = connection.execute(_NAMES, {"id": reconciliation, "level": level})
    return {(row.period, row.form, row.unit) for row in rows}


def take_values(
    connection: Connection, reconciliation: int, group: Group, page: int, values: Iterable[Value], last: bool
) -> bool:
    """Write a page of values of a group that differs, in place of it and those after it; tell whether there is such a
    group. With the last page all of the group is listed."""
    given = {"id": reconciliation, **_named(group), "page": page}
    if connection.execute(_LISTED, given | {"last": last}).one_or_none() is None:
        return False
    rows = [
        {
            "indicator": item.indicator,
            "value": item.cell.value,
            "status": item.cell.status,
            "changed_at": item.changed_at,
        }
        for item in values
    ]
    connection.execute(_DROP_PAGES, given)
    connection.execute(_PUT_VALUES, given | {"rows": _json(rows)})
    return True


def clear_listed(connection: Connection, reconciliation: int) -> None:
    """Forget what the source has listed so far."""
    connection.execute(text(f"DELETE FROM source_values WHERE {_AT}"), {"id": reconciliation})  # noqa: S608 -- a constant


def add_listed(connection: Connection, reconciliation: int, listed: Iterable[tuple[Group, Value]]) -> None:
    """Put a page aside of what a source lists that is not asked for single groups."""
    rows = [
        {**_named(group), "indicator": item.indicator, "value": item.cell.value, "status": item.cell.status}
        for group, item in listed
    ]
    if rows:
        connection.execute(_ADD_LISTED, {"id": reconciliation, "rows": _json(rows)})


def compare_listed(connection: Connection, reconciliation: int) -> None:
    """Write which groups of what is listed as a whole differ from what was received; inside the database, whatever the
    size of either."""
    connection.execute(_COMPARE_LISTED, {"id": reconciliation})


def received_after(connection: Connection, reconciliation: int, group: Group, limit: int) -> list[Group]:
    """Return up to `limit` keys under which something was received, after this one."""
    rows = connection.execute(_RECEIVED_AFTER, {"id": reconciliation, **_named(group), "limit": limit})
    return [(row.period, row.form, row.unit) for row in rows]


def values_of(connection: Connection, reconciliation: int, group: Group) -> list[Value]:
    """Return what the source listed of a group."""
    rows = connection.execute(_VALUES, {"id": reconciliation, **_named(group)})
    return [Value(row.indicator, Cell(row.value, row.status), row.changed_at) for row in rows]


def to_judge(connection: Connection, reconciliation: int, after: Group, limit: int) -> list[Row[Any]]:
    """Return the keys after this one whose digests differ, or of which the warehouse holds something else."""
    return list(connection.execute(_TO_JUDGE, {"id": reconciliation, **_named(after), "limit": limit}))


def totals(connection: Connection, reconciliation: int) -> tuple[int, int]:
    """Return how many entries were received, under how many keys."""
    row = connection.execute(_TOTALS, {"id": reconciliation}).one()
    return row.entries, row.keys


def approved(connection: Connection, keys: Iterable[Key]) -> dict[Key, dict[str, Cell]]:
    """Return what the warehouse holds under these keys, by indicator."""
    rows = [dict(zip(("form", "unit", "period"), key, strict=True)) for key in keys]
    return {
        (row.form, row.unit, row.period): {name: Cell(*cell) for name, cell in row.observations.items()}
        for row in connection.execute(_APPROVED, {"keys": _json(rows)})
    }


def _forget(connection: Connection, reconciliation: int) -> None:
    for table in _OF_RUN:
        connection.execute(text(f"DELETE FROM {table} WHERE {_AT}"), {"id": reconciliation})  # noqa: S608 -- names above


def _named(group: Group) -> dict[str, Any]:
    return dict(zip(("period", "form", "unit"), group, strict=True))


def _json(rows: Any) -> str:
    return msgspec.json.encode(rows).decode()
