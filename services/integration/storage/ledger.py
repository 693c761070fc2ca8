"""The ledger: contents as the warehouse has them, what each partner is to hold of them, what it acknowledged.

All writing is set-wise, one statement for any number of keys, and in key order, so that two workers wait for each
other instead of deadlocking.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, text

from services.integration.domain.ledger import Entry, Key
from shared.digest import LANES, Digest

_N = range(LANES)
_EXPECTED_LANES = ", ".join(f"expected_l{n}" for n in _N)

_CONTENTS = text(
    """
    INSERT INTO contents AS held
        (form, unit, period, agency, level, version, batch, content_hash, count, digest, observations)
    SELECT * FROM jsonb_to_recordset(cast(:rows AS jsonb)) AS r(form text, unit text, period text, agency text,
        level text, version bigint, batch bigint, content_hash text, count int, digest text, observations jsonb)
    ORDER BY form, unit, period
    ON CONFLICT (form, unit, period) DO UPDATE SET agency = excluded.agency, level = excluded.level,
        version = excluded.version, batch = excluded.batch, content_hash = excluded.content_hash,
        count = excluded.count, digest = excluded.digest, observations = excluded.observations
    WHERE held.version < excluded.version
        OR (held.version = excluded.version AND held.digest IS DISTINCT FROM excluded.digest)
    RETURNING form, unit, period
    """
)
_HOLDINGS = text(
    f"""
    INSERT INTO holdings AS held (partner, form, unit, period, partner_unit, agency, expected_version, expected_count,
        {_EXPECTED_LANES})
    SELECT * FROM jsonb_to_recordset(cast(:rows AS jsonb)) AS r(partner text, form text, unit text, period text,
        partner_unit text, agency text, expected_version bigint, expected_count int,
        {", ".join(f"expected_l{n} bigint" for n in _N)})
    ORDER BY partner, form, unit, period
    ON CONFLICT (partner, form, unit, period) DO UPDATE SET partner_unit = excluded.partner_unit,
        agency = excluded.agency, expected_version = excluded.expected_version,
        expected_count = excluded.expected_count,
        {", ".join(f"expected_l{n} = excluded.expected_l{n}" for n in _N)}
    RETURNING partner, form, unit, period, xmax <> 0 AS stood
    """  # noqa: S608 -- built from column names only
)
# What the new entries say otherwise, or no longer. `hashes` are the new ones by indicator.
_KEEP_EARLIER = text(
    """
    INSERT INTO earlier_entries (partner, form, unit, period, indicator, version, value, status)
    SELECT l.partner, l.form, l.unit, l.period, l.indicator, l.expected_version, l.expected_value, l.expected_status
    FROM jsonb_to_recordset(cast(:keys AS jsonb)) AS k(partner text, form text, unit text, period text, hashes jsonb)
    JOIN ledger l ON l.partner = k.partner AND l.form = k.form AND l.unit = k.unit AND l.period = k.period
    WHERE l.expected_hash IS NOT NULL AND encode(l.expected_hash, 'hex') IS DISTINCT FROM k.hashes ->> l.indicator
    ON CONFLICT DO NOTHING
    """
)
_EXPECT = text(
    """
    INSERT INTO ledger AS held (partner, form, unit, period, indicator, partner_indicator, expected_value,
        expected_status, expected_version, expected_hash)
    SELECT r.partner, r.form, r.unit, r.period, r.indicator, r.partner_indicator, r.value, r.status, r.version,
        decode(r.hash, 'hex')
    FROM jsonb_to_recordset(cast(:rows AS jsonb)) AS r(partner text, form text, unit text, period text, indicator text,
        partner_indicator text, value text, status text, version bigint, hash text)
    ORDER BY r.partner, r.form, r.unit, r.period, r.indicator
    ON CONFLICT (partner, form, unit, period, indicator) DO UPDATE SET partner_indicator = excluded.partner_indicator,
        expected_value = excluded.expected_value, expected_status = excluded.expected_status,
        expected_version = excluded.expected_version, expected_hash = excluded.expected_hash
    WHERE held.expected_hash IS DISTINCT FROM excluded.expected_hash
    """
)
_WITHDRAW = text(
    """
    UPDATE ledger SET expected_value = NULL, expected_status = NULL, expected_hash = NULL,
        expected_version = k.version
    FROM jsonb_to_recordset(cast(:keys AS jsonb)) AS k(partner text, form text, unit text, period text,
        version bigint, indicators jsonb)
    WHERE ledger.partner = k.partner AND ledger.form = k.form AND ledger.unit = k.unit AND ledger.period = k.period
        AND ledger.expected_hash IS NOT NULL AND NOT k.indicators ? ledger.indicator
    """
)
_LOCK = text(
    f"""
    SELECT d.id, expected_version, acknowledged_version, expected_count AS n, ARRAY[{_EXPECTED_LANES}] AS lanes
    FROM deliveries d JOIN holdings h USING (partner, form, unit, period) WHERE d.id = ANY(:deliveries)
    ORDER BY partner, form, unit, period FOR UPDATE OF h
    """  # noqa: S608 -- column names
)
_REFUSED = text(
    """
    UPDATE holdings h SET refused_version = d.version, held_version = coalesce(r.held, h.held_version)
    FROM unnest(cast(:deliveries AS bigint[]), cast(:held AS bigint[])) AS r(id, held) JOIN deliveries d USING (id)
    WHERE (h.partner, h.form, h.unit, h.period) = (d.partner, d.form, d.unit, d.period)
        AND h.expected_version = d.version
    """
)
_ENTRIES = text(
    """
    SELECT d.id, indicator, partner_indicator, expected_value AS value, expected_status AS status
    FROM deliveries d JOIN ledger USING (partner, form, unit, period)
    WHERE d.id = ANY(:deliveries) AND expected_hash IS NOT NULL ORDER BY d.id, indicator
    """
)
_KEY = "partner = :partner AND form = :form AND unit = :unit AND period = :period"
_OF = "l.partner = d.partner AND l.form = d.form AND l.unit = d.unit AND l.period = d.period"
_ACKNOWLEDGE_EXPECTED = text(
    f"""
    UPDATE ledger l SET acknowledged_value = expected_value, acknowledged_status = expected_status,
        acknowledged_version = d.version, acknowledged_hash = expected_hash
    FROM deliveries d WHERE d.id = ANY(:deliveries) AND {_OF} AND acknowledged_hash IS DISTINCT FROM expected_hash
    """  # noqa: S608 -- a constant
)
_DROP_EMPTY_OF = text(
    f"DELETE FROM ledger l USING deliveries d WHERE d.id = ANY(:deliveries) AND {_OF} "  # noqa: S608 -- a constant
    "AND expected_hash IS NULL AND acknowledged_hash IS NULL"
)
_DROP_EMPTY = text(f"DELETE FROM ledger WHERE {_KEY} AND expected_hash IS NULL AND acknowledged_hash IS NULL")  # noqa: S608 -- a constant
_HOLDING_EXPECTED = text(
    f"""
    UPDATE holdings l SET acknowledged_version = d.version, acknowledged_count = expected_count,
        {", ".join(f"acknowledged_l{n} = expected_l{n}" for n in _N)}
    FROM deliveries d WHERE d.id = ANY(:deliveries) AND {_OF}
    """  # noqa: S608 -- constants
)
_FORGET_ACKNOWLEDGED = text(
    f"""
    UPDATE ledger SET acknowledged_value = NULL, acknowledged_status = NULL, acknowledged_hash = NULL,
        acknowledged_version = :version
    WHERE {_KEY} AND acknowledged_hash IS NOT NULL AND NOT indicator = ANY(:indicators)
    """  # noqa: S608 -- a constant
)
_ACKNOWLEDGE_GIVEN = text(
    """
    INSERT INTO ledger (partner, form, unit, period, indicator, partner_indicator, acknowledged_value,
        acknowledged_status, acknowledged_version, acknowledged_hash)
    SELECT r.partner, r.form, r.unit, r.period, r.indicator, r.partner_indicator, r.value, r.status, r.version,
        decode(r.hash, 'hex')
    FROM jsonb_to_recordset(cast(:rows AS jsonb)) AS r(partner text, form text, unit text, period text, indicator text,
        partner_indicator text, value text, status text, version bigint, hash text)
    ORDER BY r.indicator
    ON CONFLICT (partner, form, unit, period, indicator) DO UPDATE SET
        acknowledged_value = excluded.acknowledged_value, acknowledged_status = excluded.acknowledged_status,
        acknowledged_version = excluded.acknowledged_version, acknowledged_hash = excluded.acknowledged_hash
    """
)
_HOLDING_GIVEN = text(
    f"""
    UPDATE holdings SET acknowledged_version = :version, acknowledged_count = :count,
        {", ".join(f"acknowledged_l{n} = :l{n}" for n in _N)}
    WHERE {_KEY}
    """  # noqa: S608 -- constants
)
_CONTENT_DIGESTS = text("SELECT form, unit, period, count AS n, digest FROM contents")
_CONTENT_DIGEST = text(
    "SELECT count AS n, digest FROM contents WHERE form = :form AND unit = :unit AND period = :period"
)
_CONTENTS_OF = text(
    "SELECT form, unit, period, agency, level, version, batch, content_hash, observations FROM contents "
    "WHERE form = ANY(:forms) AND (form, unit, period) > (:form, :unit, :period) "
    "ORDER BY form, unit, period LIMIT :limit FOR SHARE"
)
_CONTENT_OF = text(
    "SELECT form, unit, period, agency, level, version, batch, content_hash, observations FROM contents "
    "WHERE form = :form AND unit = :unit AND period = :period"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What the warehouse holds for one key, in hub codes."""

    form: str
    unit: str
    period: str
    agency: str
    level: str
    version: int
    batch: int
    content_hash: str
    count: int
    digest: str
    observations: dict[str, tuple[str | None, str]]

    @property
    def key(self) -> Key:
        """Form, unit, period."""
        return self.form, self.unit, self.period


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What one partner is to hold for one key."""

    partner: str
    form: str
    unit: str
    period: str
    partner_unit: str
    agency: str
    version: int
    entries: Sequence[Entry]
    digest: Digest

    @property
    def place(self) -> Key:
        """Form, unit, period."""
        return self.form, self.unit, self.period

    @property
    def key(self) -> dict[str, str]:
        """The key's columns."""
        return {"partner": self.partner, "form": self.form, "unit": self.unit, "period": self.period}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a partner's key stands, locked for change."""

    expected_version: int
    acknowledged_version: int | None
    expected: Digest


def note_refused(connection: Connection, refused: Mapping[int, int | None]) -> None:
    """Remember that the partner took what these deliveries brought for older than what it holds, and which version
    that is, if it said so: nothing is under way any more, and comparisons judge the keys. They are locked by `lock`."""
    if refused:
        connection.execute(_REFUSED, {"deliveries": list(refused), "held": list(refused.values())})


def keep(connection: Connection, contents: Iterable[Content]) -> set[Key]:
    """Write contents, whose keys must differ, and return the keys that were new, newer, or not as held."""
    rows = [msgspec.to_builtins(content) for content in contents]
    return {(row.form, row.unit, row.period) for row in connection.execute(_CONTENTS, {"rows": _json(rows)})}


def expect(connection: Connection, holdings: Sequence[Holding]) -> None:
    """Make these, whole, what their partners are to hold. The holdings are locked before the ledger is touched."""
    if not holdings:
        return
    heads = [
        holding.key
        | {
            "partner_unit": holding.partner_unit,
            "agency": holding.agency,
            "expected_version": holding.version,
            "expected_count": holding.digest.count,
        }
        | {f"expected_l{n}": holding.digest.lanes[n] for n in _N}
        for holding in holdings
    ]
    stood = {
        (row.partner, row.form, row.unit, row.period)
        for row in connection.execute(_HOLDINGS, {"rows": _json(heads)})
        if row.stood
    }
    changed = [
        holding.key | {"hashes": {entry.indicator: entry.hash.hex() for entry in holding.entries}}
        for holding in holdings
        if tuple(holding.key.values()) in stood
    ]
    if changed:
        connection.execute(_KEEP_EARLIER, {"keys": _json(changed)})
    keys = [
        holding.key | {"version": holding.version, "indicators": [entry.indicator for entry in holding.entries]}
        for holding in holdings
    ]
    connection.execute(_WITHDRAW, {"keys": _json(keys)})
    rows = [row for holding in holdings for row in _rows(holding.key, holding.version, holding.entries)]
    if rows:
        connection.execute(_EXPECT, {"rows": _json(rows)})


def lock(connection: Connection, deliveries: Sequence[int]) -> dict[int, Standing]:
    """Return how the keys of these deliveries stand, by delivery, locked until the transaction ends."""
    return {
        row.id: Standing(
            expected_version=row.expected_version,
            acknowledged_version=row.acknowledged_version,
            expected=Digest(row.n, tuple(row.lanes)),
        )
        for row in connection.execute(_LOCK, {"deliveries": list(deliveries)})
    }


def entries(connection: Connection, deliveries: Sequence[int]) -> dict[int, list[tuple[str, str, str | None, str]]]:
    """Return what partners are to hold under the keys of these deliveries, by delivery: indicator, the partner's code
    of it, value, status."""
    found: dict[int, list[tuple[str, str, str | None, str]]] = {delivery: [] for delivery in deliveries}
    if deliveries:
        for row in connection.execute(_ENTRIES, {"deliveries": list(deliveries)}):
            found[row.id].append((row.indicator, row.partner_indicator, row.value, row.status))
    return found


def acknowledge_expected(connection: Connection, deliveries: Sequence[int]) -> None:
    """Record that partners hold exactly what they are expected to hold, under the versions of these deliveries. The
    caller has locked the keys."""
    if not deliveries:
        return
    given = {"deliveries": list(deliveries)}
    connection.execute(_ACKNOWLEDGE_EXPECTED, given)
    connection.execute(_DROP_EMPTY_OF, given)
    connection.execute(_HOLDING_EXPECTED, given)


def acknowledge_given(
    connection: Connection, key: dict[str, str], version: int, given: Sequence[Entry], digest: Digest
) -> None:
    """Record that the partner holds exactly these entries, while it is expected to hold newer ones already."""
    names = [entry.indicator for entry in given]
    connection.execute(_FORGET_ACKNOWLEDGED, key | {"version": version, "indicators": names})
    if given:
        connection.execute(_ACKNOWLEDGE_GIVEN, {"rows": _json(list(_rows(key, version, given)))})
    connection.execute(_DROP_EMPTY, key)
    lanes = {f"l{n}": digest.lanes[n] for n in _N}
    connection.execute(_HOLDING_GIVEN, key | {"version": version, "count": digest.count} | lanes)


def content_digests(connection: Connection) -> dict[Key, Digest]:
    """Return the digest (in hub codes) of every content held."""
    return {
        (row.form, row.unit, row.period): Digest.parse(row.n, row.digest)
        for row in connection.execute(_CONTENT_DIGESTS)
    }


def content_digest_of(connection: Connection, key: Key) -> Digest:
    """Return the digest (in hub codes) of a content; the empty one if it is not held."""
    given = dict(zip(("form", "unit", "period"), key, strict=True))
    row = connection.execute(_CONTENT_DIGEST, given).one_or_none()
    return Digest() if row is None else Digest.parse(row.n, row.digest)


def contents_after(connection: Connection, forms: Sequence[str], after: Key, limit: int) -> list[Content]:
    """Return up to `limit` contents of these forms after a key, in key order, as they stand until the transaction
    ends."""
    form, unit, period = after
    found = connection.execute(
        _CONTENTS_OF, {"forms": list(forms), "form": form, "unit": unit, "period": period, "limit": limit}
    )
    return [msgspec.convert(dict(row._mapping) | {"count": 0, "digest": ""}, Content) for row in found]


def content(connection: Connection, key: Key) -> Content | None:
    """Return what the warehouse has for a key, None if nothing."""
    row = connection.execute(_CONTENT_OF, dict(zip(("form", "unit", "period"), key, strict=True))).one_or_none()
    return None if row is None else msgspec.convert(dict(row._mapping) | {"count": 0, "digest": ""}, Content)


def _rows(key: dict[str, str], version: int, given: Iterable[Entry]) -> Iterable[dict[str, Any]]:
    for entry in given:
        yield key | {
            "indicator": entry.indicator,
            "partner_indicator": entry.partner_indicator,
            "value": entry.value,
            "status": entry.status,
            "version": version,
            "hash": entry.hash.hex(),
        }


def _json(rows: Any) -> str:
    return msgspec.json.encode(rows).decode()
