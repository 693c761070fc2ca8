"""The ledger when a partner's codes change: what is expected under the old ones gives way to the new, key by key.

A bucket (period, form, partner's unit) is one key's at a time. Who moves to another's code makes it give way first: the
other's own turn comes within the same backfill.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, text

from services.integration.domain.ledger import Key
from services.integration.storage.ledger import Holding
from shared.digest import LANES, Digest

_N = range(LANES)
_KEYS = "jsonb_to_recordset(cast(:keys AS jsonb)) AS k(form text, unit text, period text, code text)"
_MINE = "h.partner = :partner AND h.form = k.form AND h.period = k.period"
_HEADS = text(
    f"""
    SELECT h.form, h.unit, h.period, h.partner_unit, h.expected_version, h.acknowledged_version, h.expected_count AS n,
        ARRAY[{", ".join(f"expected_l{n}" for n in _N)}] AS lanes
    FROM holdings h JOIN {_KEYS} ON {_MINE} AND h.unit = k.unit
    ORDER BY h.form, h.unit, h.period FOR UPDATE OF h
    """  # noqa: S608 -- constants
)
# What was acknowledged was so under codes that mean nothing any more.
_FORGET = [
    text(
        f"DELETE FROM ledger h USING {_KEYS} WHERE {_MINE} AND h.unit = k.unit AND h.expected_hash IS NULL"  # noqa: S608
    ),
    text(
        f"""
        UPDATE ledger h SET acknowledged_value = NULL, acknowledged_status = NULL, acknowledged_version = NULL,
            acknowledged_hash = NULL FROM {_KEYS} WHERE {_MINE} AND h.unit = k.unit AND h.acknowledged_hash IS NOT NULL
        """  # noqa: S608 -- constants
    ),
    text(
        f"""
        UPDATE holdings h SET acknowledged_version = NULL, acknowledged_count = 0,
            {", ".join(f"acknowledged_l{n} = 0" for n in _N)} FROM {_KEYS} WHERE {_MINE} AND h.unit = k.unit
        """  # noqa: S608 -- constants
    ),
]
# Whether it arrived no longer matters, if only what is planned now does not arrive before it.
_OVERTAKE = text(
    f"""
    UPDATE deliveries h SET state = 'superseded', next_attempt_at = NULL, packet = NULL, updated_at = now() FROM {_KEYS}
    WHERE {_MINE} AND h.unit = k.unit AND h.state = 'in_doubt' RETURNING h.form, h.unit, h.period
    """  # noqa: S608 -- constants
)
_STAND_BY = "h.partner_unit = k.code AND h.unit <> k.unit"
_GIVE_UP = text(
    f"""
    WITH gone AS (DELETE FROM holdings h USING {_KEYS} WHERE {_MINE} AND {_STAND_BY} AND h.expected_count = 0
        RETURNING h.form, h.unit, h.period)
    UPDATE deliveries d SET state = 'superseded', next_attempt_at = NULL, packet = NULL, updated_at = now()
    FROM gone WHERE d.partner = :partner AND (d.form, d.unit, d.period) = (gone.form, gone.unit, gone.period)
        AND d.state IN ('planned', 'waiting', 'in_doubt')
    """  # noqa: S608 -- constants
)
_GIVE_WAY = text(
    f"UPDATE holdings h SET partner_unit = '~' || h.unit FROM {_KEYS} WHERE {_MINE} "  # noqa: S608 -- constants
    f"AND ({_STAND_BY} OR (h.unit = k.unit AND h.partner_unit <> k.code))"
)
_ADOPT = text(
    f"""
    INSERT INTO holdings (partner, form, unit, period, partner_unit, agency, expected_version)
    SELECT :partner, k.form, k.code, k.period, k.code, '', cast(k.unit AS bigint) FROM {_KEYS}
    ON CONFLICT DO NOTHING RETURNING form, unit, period, expected_version
    """  # noqa: S608 -- constants
)

# What a partner is no longer due: what never left does not leave, and what it acknowledged is what it is to hold.
_NOT_DUE = (
    "h.partner = :partner AND EXISTS (SELECT 1 FROM contents c WHERE (c.form, c.unit, c.period) = "
    "(h.form, h.unit, h.period) AND NOT (c.form = ANY(:forms) AND c.level = ANY(:levels)))"
)
_AT_REST = (
    "NOT EXISTS (SELECT 1 FROM deliveries o WHERE (o.partner, o.form, o.unit, o.period) = "
    "(h.partner, h.form, h.unit, h.period) AND o.state IN ('sending', 'in_doubt'))"
)
_LOCK_NOT_DUE = text(
    f"SELECT 1 FROM holdings h WHERE {_NOT_DUE} ORDER BY h.form, h.unit, h.period FOR UPDATE"  # noqa: S608 -- constants
)
_UNPLAN = text(
    f"UPDATE deliveries h SET state = 'superseded', next_attempt_at = NULL, packet = NULL, updated_at = now(), "  # noqa: S608
    f"error = 'no longer due' WHERE {_NOT_DUE} AND h.state IN ('planned', 'waiting')"
)
_UNEXPECT = [
    text(f"DELETE FROM ledger h WHERE {_NOT_DUE} AND {_AT_REST} AND h.acknowledged_hash IS NULL"),  # noqa: S608
    text(
        f"""
        UPDATE ledger h SET expected_value = acknowledged_value, expected_status = acknowledged_status,
            expected_version = acknowledged_version, expected_hash = acknowledged_hash
        WHERE {_NOT_DUE} AND {_AT_REST} AND h.expected_hash IS DISTINCT FROM h.acknowledged_hash
        """  # noqa: S608 -- constants
    ),
    text(
        f"""
        UPDATE holdings h SET expected_version = acknowledged_version, expected_count = acknowledged_count,
            {", ".join(f"expected_l{n} = acknowledged_l{n}" for n in _N)}
        WHERE {_NOT_DUE} AND {_AT_REST} AND h.acknowledged_version IS NOT NULL
        """  # noqa: S608 -- constants
    ),
    text(f"DELETE FROM holdings h WHERE {_NOT_DUE} AND {_AT_REST} AND h.acknowledged_version IS NULL"),  # noqa: S608
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """How a key stands: the partner's unit, versions, and the digest of what it is to hold."""

    partner_unit: str
    expected_version: int
    acknowledged_version: int | None
    expected: Digest


def heads(connection: Connection, partner: str, keys: Iterable[Key]) -> dict[Key, Head]:
    """Return how these keys of a partner stand, locked until the transaction ends."""
    found = connection.execute(_HEADS, {"partner": partner, "keys": _json(keys)})
    return {
        (row.form, row.unit, row.period): Head(
            partner_unit=row.partner_unit,
            expected_version=row.expected_version,
            acknowledged_version=row.acknowledged_version,
            expected=Digest(row.n, tuple(row.lanes)),
        )
        for row in found
    }


def make_room(connection: Connection, partner: str, holdings: Sequence[Holding]) -> set[Key]:
    """Forget what was acknowledged of keys that are expected otherwise from now on; return those of which something may
    still be on its way, for as long as the partner takes to apply it."""
    if not holdings:
        return set()
    given = _given(partner, holdings)
    for statement in _FORGET:
        connection.execute(statement, given)
    return {(row.form, row.unit, row.period) for row in connection.execute(_OVERTAKE, given)}


def take_buckets(connection: Connection, partner: str, holdings: Sequence[Holding]) -> None:
    """Free the buckets in which these holdings are to stand from whoever stands there now."""
    if holdings:
        given = _given(partner, holdings)
        connection.execute(_GIVE_UP, given)
        connection.execute(_GIVE_WAY, given)


def adopt_left(
    connection: Connection, partner: str, left: Iterable[tuple[str, str, str, int]]
) -> list[tuple[str, str, str, int]]:
    """Expect nothing in these buckets (form, period, partner's unit, version) that a key has left, so that they are
    emptied there; return those (form, unit, period, version) that nobody else stands in."""
    rows = [
        {"form": form, "period": period, "code": code, "unit": str(version)} for form, period, code, version in left
    ]
    if not rows:
        return []
    found = connection.execute(_ADOPT, {"partner": partner, "keys": msgspec.json.encode(rows).decode()})
    return [(row.form, row.unit, row.period, row.expected_version) for row in found]


def withdraw(connection: Connection, partner: str, forms: Sequence[str], levels: Sequence[str]) -> int:
    """Have nothing leave any more that is not of these forms and levels; what the partner acknowledged stays expected
    there. Return how many deliveries do not leave."""
    given = {"partner": partner, "forms": list(forms), "levels": list(levels)}
    connection.execute(_LOCK_NOT_DUE, given)
    unplanned = int(connection.execute(_UNPLAN, given).rowcount)
    for statement in _UNEXPECT:
        connection.execute(statement, given)
    return unplanned


def _given(partner: str, holdings: Iterable[Holding]) -> dict[str, Any]:
    keys = [(item.form, item.unit, item.period, item.partner_unit) for item in holdings]
    return {"partner": partner, "keys": _json(keys)}


def _json(keys: Iterable[tuple[Any, ...]]) -> str:
    rows = [dict(zip(("form", "unit", "period", "code"), key, strict=False)) for key in keys]
    return msgspec.json.encode(rows).decode()
