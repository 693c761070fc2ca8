"""Differences through time: rows of `known_differences`, written set-wise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, text

from services.integration.domain.difference_life import Acceptance, Life, Standing
from services.integration.domain.reconciliation import Direction, Kind, Place

_LIVED = (
    "state, kind, expected, found, first_seen, last_seen, times_seen, owner, recurrences, failed_repairs, task, "
    "told, acceptance, settled_at"
)
_AT = "direction = :direction AND partner = :partner"
_OF = text(
    f"""
    SELECT k.* FROM known_differences k
    JOIN jsonb_to_recordset(cast(:places AS jsonb)) AS r(form text, unit text, period text, indicator text)
        USING (form, unit, period, indicator)
    WHERE {_AT} ORDER BY form, unit, period, indicator FOR UPDATE OF k
    """  # noqa: S608 -- constants
)
_SAVE = text(
    f"""
    INSERT INTO known_differences AS held (direction, partner, form, unit, period, indicator, {_LIVED}, reconciliation)
    SELECT :direction, :partner, form, unit, period, indicator, {_LIVED}, :reconciliation
    FROM jsonb_to_recordset(cast(:rows AS jsonb)) AS r(form text, unit text, period text, indicator text, state text,
        kind text, expected text, found text, first_seen timestamptz, last_seen timestamptz, times_seen int,
        owner text, recurrences int, failed_repairs int, task boolean, told boolean, acceptance jsonb,
        settled_at timestamptz)
    ORDER BY form, unit, period, indicator
    ON CONFLICT (direction, partner, form, unit, period, indicator) DO UPDATE SET state = excluded.state,
        kind = excluded.kind, expected = excluded.expected, found = excluded.found, last_seen = excluded.last_seen,
        times_seen = excluded.times_seen, owner = excluded.owner, recurrences = excluded.recurrences,
        failed_repairs = excluded.failed_repairs, task = excluded.task, told = excluded.told,
        acceptance = excluded.acceptance, settled_at = excluded.settled_at,
        reconciliation = excluded.reconciliation
    """  # noqa: S608 -- constants
)
# What a delivery is under way for was not compared: nothing is known of it.
_UNSEEN = text(
    f"""
    SELECT * FROM known_differences k WHERE {_AT} AND state <> 'repaired' AND reconciliation <> :reconciliation
        AND id > :after AND NOT EXISTS (SELECT 1 FROM holdings h WHERE :direction = 'receiver'
            AND h.partner = k.partner AND h.form = k.form AND h.unit = k.unit AND h.period = k.period
            AND h.acknowledged_version IS DISTINCT FROM h.expected_version
            AND h.refused_version IS DISTINCT FROM h.expected_version)
    ORDER BY id LIMIT :limit FOR UPDATE OF k
    """  # noqa: S608 -- constants
)
_REPAIRABLE = text(
    f"SELECT * FROM known_differences WHERE {_AT} AND state IN ('new', 'recurring') "  # noqa: S608 -- constants
    "AND reconciliation = :reconciliation AND id > :after ORDER BY id LIMIT :limit FOR UPDATE"
)
_UNDER_REPAIR = text(
    f"SELECT * FROM known_differences WHERE {_AT} AND state = 'repairing' AND id > :after "  # noqa: S608 -- constants
    "ORDER BY id LIMIT :limit FOR UPDATE"
)
_TELL = text(
    f"""
    WITH news AS (
        UPDATE known_differences SET told = true
        WHERE {_AT} AND reconciliation = :reconciliation AND NOT told AND state IN ('new', 'recurring')
            AND (cast(:kind AS text) IS NULL OR kind = :kind)
        RETURNING owner, kind)
    SELECT owner, kind, count(*) AS n FROM news GROUP BY owner, kind ORDER BY owner, kind
    """  # noqa: S608 -- constants
)
_FORGET = text(
    "DELETE FROM known_differences WHERE id IN (SELECT id FROM known_differences WHERE state = 'repaired' "
    "AND settled_at < now() - make_interval(days => :days) ORDER BY settled_at LIMIT :limit)"
)
_FORGET_EARLIER = text(
    "DELETE FROM earlier_entries e USING (SELECT ctid FROM earlier_entries "
    "WHERE until < now() - make_interval(days => :days) LIMIT :limit) AS old WHERE e.ctid = old.ctid"
)
_ONE = text("SELECT * FROM known_differences WHERE id = :id FOR UPDATE")
_FOR_A_PERSON = text(
    "SELECT partner, count(*) AS n FROM known_differences WHERE state = 'recurring' OR (task AND state <> 'repaired' "
    "AND state <> 'accepted') GROUP BY partner"
)
_COUNTS = text(
    "SELECT direction, partner, state, kind, count(*) AS n, min(first_seen) AS oldest FROM known_differences "
    "WHERE state <> 'repaired' GROUP BY direction, partner, state, kind"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A difference's row: where it is, and its life."""

    id: int
    direction: Direction
    partner: str
    place: Place
    reconciliation: int
    life: Life


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which differences are looked for; None matches all. `open`: those not settled."""

    partner: str | None = None
    direction: str | None = None
    state: str | None = None
    kind: str | None = None
    owner: str | None = None
    form: str | None = None
    unit: str | None = None
    period: str | None = None
    task: bool | None = None
    open: bool = True
    units: Sequence[str] | None = None
    forms: Sequence[str] | None = None


_WHERES = {
    "partner": "partner = :partner",
    "direction": "direction = :direction",
    "state": "state = :state",
    "kind": "kind = :kind",
    "owner": "owner = :owner",
    "form": "form = :form",
    "unit": "unit = :unit",
    "period": "period = :period",
    "task": "task = :task",
    "units": "unit = ANY(:units)",
    "forms": "form = ANY(:forms)",
}


def of(connection: Connection, direction: Direction, partner: str, places: Iterable[Place]) -> dict[Place, Known]:
    """Return what is known at these places, locked until the transaction ends."""
    rows = [dict(zip(("form", "unit", "period", "indicator"), place, strict=True)) for place in places]
    if not rows:
        return {}
    given = {"direction": direction, "partner": partner, "places": _json(rows)}
    return {known.place: known for known in map(_known, connection.execute(_OF, given))}


def save(
    connection: Connection, direction: Direction, partner: str, reconciliation: int, lives: Mapping[Place, Life]
) -> None:
    """Write these lives, seen by this reconciliation."""
    if not lives:
        return
    rows = [
        dict(zip(("form", "unit", "period", "indicator"), place, strict=True)) | msgspec.to_builtins(life)
        for place, life in lives.items()
    ]
    given = {"direction": direction, "partner": partner, "reconciliation": reconciliation, "rows": _json(rows)}
    connection.execute(_SAVE, given)


def unseen(
    connection: Connection, direction: Direction, partner: str, reconciliation: int, after: int, limit: int
) -> list[Known]:
    """Return differences that are not settled and that this reconciliation, which compared everything, did not find:
    up to `limit` after an id, locked. What has deliveries under way is left out."""
    given = {"direction": direction, "partner": partner, "reconciliation": reconciliation}
    return [_known(row) for row in connection.execute(_UNSEEN, given | {"after": after, "limit": limit})]


def repairable(
    connection: Connection, direction: Direction, partner: str, reconciliation: int, after: int, limit: int
) -> list[Known]:
    """Return differences that this reconciliation found and may repair, up to `limit` after an id, locked."""
    given = {"direction": direction, "partner": partner, "reconciliation": reconciliation}
    return [_known(row) for row in connection.execute(_REPAIRABLE, given | {"after": after, "limit": limit})]


def under_repair(connection: Connection, direction: Direction, partner: str, after: int, limit: int) -> list[Known]:
    """Return differences whose repair is under way, up to `limit` after an id, locked."""
    given = {"direction": direction, "partner": partner, "after": after, "limit": limit}
    return [_known(row) for row in connection.execute(_UNDER_REPAIR, given)]


def tell(
    connection: Connection, direction: Direction, partner: str, reconciliation: int, kind: Kind | None = None
) -> list[tuple[str, Kind, int]]:
    """Return by owner and class how many differences that this reconciliation found nobody has been told of yet, and
    remember that they are told."""
    given = {"direction": direction, "partner": partner, "reconciliation": reconciliation, "kind": kind}
    return [(row.owner, Kind(row.kind), row.n) for row in connection.execute(_TELL, given)]


def forget(connection: Connection, days: int, limit: int) -> int:
    """Delete up to `limit` differences that were settled longer ago; return how many."""
    return connection.execute(_FORGET, {"days": days, "limit": limit}).rowcount


def forget_earlier(connection: Connection, days: int, limit: int) -> int:
    """Delete up to `limit` entries of earlier versions that were replaced longer ago; return how many."""
    return connection.execute(_FORGET_EARLIER, {"days": days, "limit": limit}).rowcount


def load(connection: Connection, difference: int) -> Known | None:
    """Return this difference, locked; None if there is none."""
    row = connection.execute(_ONE, {"id": difference}).one_or_none()
    return None if row is None else _known(row)


def page(connection: Connection, wanted: Filter, after: int | None, limit: int) -> list[Known]:
    """Return differences that match in order of their id, which is the order in which they were first seen."""
    chosen = {name: value for name in _WHERES if (value := getattr(wanted, name)) is not None}
    wheres = [_WHERES[name] for name in chosen]
    if wanted.open and wanted.state is None:
        wheres.append("state <> 'repaired'")
    where = " AND ".join([*wheres, "id > :after"])
    given = {name: list(value) if name in ("units", "forms") else value for name, value in chosen.items()}
    statement = text(f"SELECT * FROM known_differences WHERE {where} ORDER BY id LIMIT :limit")  # noqa: S608 -- constants above
    return [_known(row) for row in connection.execute(statement, given | {"after": after or 0, "limit": limit})]


def open_counts(connection: Connection) -> Sequence[Row[Any]]:
    """Return per direction, partner, state and kind how many are not settled, and when the oldest was first seen."""
    return connection.execute(_COUNTS).all()


def open_by_partner(connection: Connection) -> dict[str, dict[str, int]]:
    """Return per partner how many differences of which kind are neither repaired nor accepted."""
    found: dict[str, dict[str, int]] = {}
    for row in open_counts(connection):
        if row.state != Standing.ACCEPTED:
            kinds = found.setdefault(row.partner, {})
            kinds[row.kind] = kinds.get(row.kind, 0) + row.n
    return found


def for_a_person(connection: Connection) -> dict[str, int]:
    """Return per partner how many differences repairs do not end: those that came back, and those that are a task."""
    return {row.partner: row.n for row in connection.execute(_FOR_A_PERSON)}


def age(life: Life, now: datetime) -> float:
    """Return for how many seconds it has been known, until it was settled."""
    return max(0.0, ((life.settled_at or now) - life.first_seen).total_seconds())


def _known(row: Row[Any]) -> Known:
    values = row._mapping
    lived = {name: values[name] for name in _LIVED.split(", ")}
    lived["state"], lived["kind"] = Standing(lived["state"]), Kind(lived["kind"])
    if lived["acceptance"] is not None:
        lived["acceptance"] = msgspec.convert(lived["acceptance"], Acceptance, strict=False)
    return Known(
        id=row.id,
        direction=Direction(row.direction),
        partner=row.partner,
        place=(row.form, row.unit, row.period, row.indicator),
        reconciliation=row.reconciliation,
        life=Life(**lived),
    )


def _json(rows: Any) -> str:
    return msgspec.json.encode(rows).decode()
