"""What the hub offers other systems to compare with: sums and pages of the holdings of a partner, or of the contents of
the warehouse, narrowed to what the asking caller may see. Summed by PostgreSQL, and listed in the order of an index, so
that a page costs what it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, text

from shared.contracts.views.digests import DigestView, ListedValue
from shared.digest import LANES, Digest

LEVELS = {"root": (), "period": ("period",), "form": ("period", "form"), "bucket": ("period", "form", "place")}
"""The columns that groups of a level are named by; `place` is the unit as the asker knows it."""

_LANES = range(LANES)
_EXPECTED = f"""
    SELECT period, form, partner_unit AS place, expected_count AS n,
        {", ".join(f"expected_l{n} AS l{n}" for n in _LANES)}
    FROM holdings WHERE partner = :partner AND expected_count > 0
"""  # noqa: S608 -- column names
_WAREHOUSE = f"""
    SELECT period, form, unit AS place, count AS n,
        {", ".join(f"hub_lane(decode(digest, 'hex'), {n}) AS l{n}" for n in _LANES)}
    FROM contents WHERE count > 0
"""  # noqa: S608 -- column names
_EXPECTED_VALUES = """
    SELECT h.period, h.form, h.partner_unit AS place, l.partner_indicator AS indicator, l.expected_value AS value,
        l.expected_status AS status, h.expected_version + h.lift AS version
    FROM holdings h JOIN ledger l USING (partner, form, unit, period)
    WHERE h.partner = :partner AND l.expected_hash IS NOT NULL
"""
_WAREHOUSE_VALUES = """
    SELECT period, form, unit AS place, o.key AS indicator, o.value->>0 AS value, o.value->>1 AS status, version
    FROM contents CROSS JOIN LATERAL jsonb_each(observations) o WHERE true
"""
KEYS = (_EXPECTED, _WAREHOUSE)
VALUES = (_EXPECTED_VALUES, _WAREHOUSE_VALUES)
"""The stores by key and by entry: what a partner is to hold, and the warehouse."""

_EXPECTED_KEY = ("period", "form", "place", "indicator")
_WAREHOUSE_KEY = ("form", "place", "period", "indicator")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What the asker sees: the projection of `partner`, or the warehouse (None); of these units and forms of the hub's
    (None: of all)."""

    partner: str | None
    units: Sequence[str] | None
    forms: Sequence[str] | None


def digests(
    connection: Connection, sight: Sight, level: str, narrowed: Mapping[str, str], after: Sequence[str], limit: int
) -> list[DigestView]:
    """Return up to `limit` digests of a level after this group, narrowed by period and form."""
    by = LEVELS[level]
    sums = ", ".join(f"(coalesce(sum(l{n}), 0) % 4294967296)::bigint AS l{n}" for n in _LANES)
    names = ", ".join(by)
    grouped = f"GROUP BY {names} ORDER BY {names}" if by else "HAVING count(*) > 0"
    columns = f"{names}, " if by else ""
    statement = text(
        f"SELECT {columns}coalesce(sum(n), 0)::bigint AS n, {sums} FROM ({seen(sight, *KEYS)}) s "  # noqa: S608 -- constants above
        f"WHERE {_where(narrowed, by, after)} {grouped} LIMIT :limit"
    )
    found = []
    for row in connection.execute(statement, _given(sight, narrowed, after, limit)):
        named = row._mapping
        digest = Digest(row.n, tuple(named[f"l{n}"] for n in _LANES))
        found.append(
            DigestView(
                period=named.get("period"),
                form=named.get("form"),
                unit=named.get("place"),
                count=digest.count,
                digest=digest.text,
            )
        )
    return found


def values(
    connection: Connection, sight: Sight, narrowed: Mapping[str, str], after: Sequence[str], limit: int
) -> list[ListedValue]:
    """Return up to `limit` entries after this one, narrowed by period, form and unit (`place`)."""
    key = listing_key(sight)
    begun = " AND (" + ", ".join(key[:3]) + ") >= (:after0, :after1, :after2)" if after else ""  # what an index knows
    statement = text(
        f"SELECT * FROM ({seen(sight, *VALUES)}) s "  # noqa: S608 -- constants above
        f"WHERE {_where(narrowed, key, after)}{begun} ORDER BY {', '.join(key)} LIMIT :limit"
    )
    return [listed(row) for row in connection.execute(statement, _given(sight, narrowed, after, limit))]


def listed(row: Row[Any]) -> ListedValue:
    """Return an entry as callers see it."""
    return ListedValue(
        period=row.period,
        form=row.form,
        unit=row.place,
        indicator=row.indicator,
        value=row.value,
        status=row.status,
        version=row.version,
    )


def scope(sight: Sight) -> dict[str, object]:
    """Return the parameters that `seen` needs."""
    return {
        "partner": sight.partner,
        "units": None if sight.units is None else list(sight.units),
        "forms": None if sight.forms is None else list(sight.forms),
    }


def listing_key(sight: Sight) -> tuple[str, ...]:
    """Return the columns that a listing is in order of: a cursor has the last entry's."""
    return _WAREHOUSE_KEY if sight.partner is None else _EXPECTED_KEY


def seen(sight: Sight, expected: str, warehouse: str) -> str:
    """Return the query of the one store or the other, narrowed to the units and forms that are seen."""
    found = warehouse if sight.partner is None else expected
    head = "h." if " h JOIN " in found else ""
    if sight.units is not None:
        found += f" AND {head}unit = ANY(:units)"
    if sight.forms is not None:
        found += f" AND {head}form = ANY(:forms)"
    return found


def _where(narrowed: Mapping[str, str], key: Sequence[str], after: Sequence[str]) -> str:
    parts = [f"{name} = :{name}" for name in narrowed]
    if after:
        parts.append(f"({', '.join(key)}) > ({', '.join(f':after{n}' for n in range(len(key)))})")
    return " AND ".join(parts) or "true"


def _given(sight: Sight, narrowed: Mapping[str, str], after: Sequence[str], limit: int) -> dict[str, object]:
    return {**scope(sight), "limit": limit, **narrowed, **{f"after{n}": part for n, part in enumerate(after)}}
