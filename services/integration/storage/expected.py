"""What a partner is to hold, as a comparison reads it: digests of every level, summed on read, and entries.

Upper levels are summed from the holdings' digests, groups of entries from the ledger's hashes: nothing below a key is
kept up while loading.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, text

from services.integration.domain.reconciliation import Cell, Group, Place
from shared.digest import LANES, Brief, Digest

_SUMS = "coalesce(sum(expected_count), 0)::bigint AS n, " + ", ".join(
    f"(coalesce(sum(expected_l{n}), 0) % 4294967296)::bigint AS l{n}" for n in range(LANES)
)
_BRIEF = "coalesce(sum(expected_count), 0)::bigint AS n, " + ", ".join(
    f"(coalesce(sum(expected_l{n}), 0) % 4294967296)::bigint AS l{n}" for n in range(2)
)
_BY = {"root": "", "period": "period", "form": "period, form", "bucket": "period, form, partner_unit"}
# The number of a part or a group: see shared.digest.share_of.
_PART = "hub_lane(sha256(hub_field(partner_unit)), 0) % :parts"
_GROUP = "hub_lane(sha256(hub_field(l.partner_indicator)), 0) % :groups"
_OF_FORM = "partner = :partner AND period = :period AND form = :form"
_PARTS = text(
    f"SELECT {_PART} AS part, {_BRIEF} FROM holdings WHERE {_OF_FORM} GROUP BY 1"  # noqa: S608 -- constants
)
_UNITS = text(
    f"SELECT partner_unit, expected_count AS n, expected_l0 AS l0, expected_l1 AS l1 FROM holdings WHERE {_OF_FORM} "  # noqa: S608 -- constants
    f"AND {_PART} = ANY(:chosen)"
)
_ENTRIES_OF = """
    FROM holdings h JOIN ledger l ON l.partner = h.partner AND l.form = h.form AND l.unit = h.unit
        AND l.period = h.period AND l.expected_hash IS NOT NULL
    WHERE h.partner = :partner AND h.period = :period AND h.form = :form AND h.partner_unit = ANY(:units)
"""
_GROUPS = text(
    f"""
    SELECT h.partner_unit, {_GROUP} AS part, count(*) AS n,
        (sum(hub_lane(l.expected_hash, 0)) % 4294967296)::bigint AS l0,
        (sum(hub_lane(l.expected_hash, 1)) % 4294967296)::bigint AS l1
    {_ENTRIES_OF} GROUP BY 1, 2
    """
)
_HEADS = text(
    f"""
    SELECT form, unit, period, partner_unit, agency, expected_version, acknowledged_version, refused_version, lift,
        CASE WHEN refused_version = expected_version THEN held_version END AS held_version, expected_count AS count
    FROM holdings WHERE {_OF_FORM} AND partner_unit = ANY(:units)
    """  # noqa: S608 -- constants
)
_CELLS = text(
    f"""
    SELECT h.partner_unit, l.indicator, l.partner_indicator, l.expected_value AS value, l.expected_status AS status
    {_ENTRIES_OF} AND (:groups = 1 OR EXISTS (SELECT 1 FROM unnest(cast(:of_units AS text[]), cast(:of_groups AS int[]))
        AS c(unit, share) WHERE c.unit = h.partner_unit AND c.share = {_GROUP}))
    """  # noqa: S608 -- constants
)
_PENDING = text(
    "SELECT period, form, partner_unit FROM holdings "
    "WHERE partner = :partner AND acknowledged_version IS DISTINCT FROM expected_version "
    "AND refused_version IS DISTINCT FROM expected_version"
)
_NEWER = text(
    """
    UPDATE holdings h SET held_version = r.version
    FROM jsonb_to_recordset(cast(:rows AS jsonb)) AS r(form text, unit text, period text, version bigint)
    WHERE h.partner = :partner AND h.form = r.form AND h.unit = r.unit AND h.period = r.period
    """
)
_LIFT = text(
    """
    UPDATE holdings SET lift = greatest(lift, held_version + 1 - expected_version), refused_version = NULL,
        held_version = NULL
    WHERE partner = :partner AND form = :form AND unit = :unit AND period = :period AND held_version IS NOT NULL
    RETURNING form, unit, period, partner_unit, agency, expected_version, acknowledged_version, lift
    """
)
_FORMS = text("SELECT period, form, count(*) AS n FROM holdings WHERE partner = :partner GROUP BY period, form")
_KEYS_AFTER = text(
    "SELECT DISTINCT period, form, partner_unit FROM holdings WHERE partner = :partner "
    "AND (period, form, partner_unit) > (:period, :form, :unit) ORDER BY period, form, partner_unit LIMIT :limit"
)
_BUCKETS = text("SELECT count(*) FROM holdings WHERE partner = :partner AND expected_count > 0")
_EARLIER = text(
    """
    SELECT e.form, e.unit, e.period, e.indicator, e.value, e.status FROM earlier_entries e
    JOIN jsonb_to_recordset(cast(:places AS jsonb)) AS r(form text, unit text, period text, indicator text)
        USING (form, unit, period, indicator)
    WHERE e.partner = :partner
    """
)
_GIVEN = text("SELECT DISTINCT indicator FROM ledger WHERE partner = :partner AND form = :form")
_ADOPT = text(
    """
    INSERT INTO holdings (partner, form, unit, period, partner_unit, agency, expected_version)
    VALUES (:partner, :form, :unit, :period, :partner_unit, '', :version) ON CONFLICT DO NOTHING
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """One key as a comparison sees it: its hub names and versions."""

    form: str
    unit: str
    period: str
    partner_unit: str
    agency: str
    expected_version: int
    acknowledged_version: int | None
    refused_version: int | None = None
    held_version: int | None = None
    lift: int = 0
    count: int = 0

    @property
    def pending(self) -> bool:
        """Whether the partner has not yet acknowledged what it is expected to hold, nor refused it as older than what
        it holds."""
        return self.expected_version not in (self.acknowledged_version, self.refused_version)

    @property
    def sent_version(self) -> int:
        """The version under which the partner is sent what we expect."""
        return self.expected_version + self.lift


def digests(
    connection: Connection, partner: str, level: str, period: str | None = None, form: str | None = None
) -> dict[Group, Digest]:
    """Return the digests of what the partner is to hold, in its own codes, at a level (root, period, form, bucket)."""
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


def part_digests(connection: Connection, partner: str, period: str, form: str, parts: int) -> dict[int, Brief]:
    """Return the brief digests of the parts into which the keys of a period and form fall by their unit."""
    given = {"partner": partner, "period": period, "form": form, "parts": parts}
    return {row.part: Brief.of(row.n, (row.l0, row.l1)) for row in connection.execute(_PARTS, given)}


def unit_digests(
    connection: Connection, partner: str, period: str, form: str, parts: int, chosen: Sequence[int]
) -> dict[str, Brief]:
    """Return the brief digests of the keys in these parts, by the partner's unit."""
    given = {"partner": partner, "period": period, "form": form, "parts": parts, "chosen": list(chosen)}
    return {row.partner_unit: Brief.of(row.n, (row.l0, row.l1)) for row in connection.execute(_UNITS, given)}


def group_digests(
    connection: Connection, partner: str, period: str, form: str, groups: int, units: Sequence[str]
) -> dict[tuple[str, int], Brief]:
    """Return the brief digests of the groups into which the entries of these keys fall, by the partner's unit and the
    group's number; computed from the ledger's rows."""
    given = {"partner": partner, "period": period, "form": form, "groups": groups, "units": list(units)}
    return {
        (row.partner_unit, row.part): Brief.of(row.n, (row.l0, row.l1)) for row in connection.execute(_GROUPS, given)
    }


def heads(connection: Connection, partner: str, period: str, form: str, units: Sequence[str]) -> dict[str, Head]:
    """Return the keys of these partner's units that we know, by the partner's unit."""
    given = {"partner": partner, "period": period, "form": form, "units": list(units)}
    return {row.partner_unit: Head(**row._mapping) for row in connection.execute(_HEADS, given)}


def cells(
    connection: Connection,
    partner: str,
    period: str,
    form: str,
    chosen: Sequence[tuple[str, int]],
    groups: int = 1,
) -> dict[str, dict[str, tuple[str, Cell]]]:
    """Return the entries of these (partner's unit, group) by unit and the partner's indicator: the hub's indicator and
    what the partner is to hold."""
    given = {
        "partner": partner,
        "period": period,
        "form": form,
        "units": sorted({unit for unit, _ in chosen}),
        "of_units": [unit for unit, _ in chosen],
        "of_groups": [group for _, group in chosen],
        "groups": groups,
    }
    found: dict[str, dict[str, tuple[str, Cell]]] = {unit: {} for unit, _ in chosen}
    for row in connection.execute(_CELLS, given):
        found[row.partner_unit][row.partner_indicator] = (row.indicator, Cell(row.value, row.status))
    return found


def pending(connection: Connection, partner: str) -> set[Group]:
    """Return the keys, in the partner's codes, whose deliveries are not acknowledged at the expected version."""
    return {(row.period, row.form, row.partner_unit) for row in connection.execute(_PENDING, {"partner": partner})}


def note_newer(connection: Connection, partner: str, versions: Mapping[tuple[str, str, str], int]) -> None:
    """Remember under which newer versions than ours the partner was seen to hold these keys (form, unit, period)."""
    rows = [
        {"form": form, "unit": unit, "period": period, "version": version}
        for (form, unit, period), version in sorted(versions.items())
    ]
    connection.execute(_NEWER, {"partner": partner, "rows": msgspec.json.encode(rows).decode()})


def lift(connection: Connection, partner: str, form: str, unit: str, period: str) -> Head | None:
    """Put our version of this key above the newer one that the partner holds; None if it was not seen to hold any."""
    given = {"partner": partner, "form": form, "unit": unit, "period": period}
    row = connection.execute(_LIFT, given).one_or_none()
    return None if row is None else Head(**row._mapping)


def key_counts(connection: Connection, partner: str) -> dict[tuple[str, str], int]:
    """Return how many keys there are, by period and form."""
    return {(row.period, row.form): row.n for row in connection.execute(_FORMS, {"partner": partner})}


def keys_after(
    connection: Connection, partner: str, after: tuple[str, str, str], limit: int
) -> list[tuple[str, str, str]]:
    """Return up to `limit` keys (period, form, partner's unit) of a partner's holdings that follow one, in order."""
    period, form, unit = after
    given = {"partner": partner, "period": period, "form": form, "unit": unit, "limit": limit}
    return [(row.period, row.form, row.partner_unit) for row in connection.execute(_KEYS_AFTER, given)]


def bucket_count(connection: Connection, partner: str) -> int:
    """Return how many keys the partner is to hold something in."""
    return int(connection.execute(_BUCKETS, {"partner": partner}).scalar_one())


def earlier(connection: Connection, partner: str, places: Iterable[Place]) -> dict[Place, set[Cell]]:
    """Return what earlier versions of ours said at these places."""
    rows = [dict(zip(("form", "unit", "period", "indicator"), place, strict=True)) for place in places]
    found: dict[Place, set[Cell]] = {}
    if rows:
        given = {"partner": partner, "places": msgspec.json.encode(rows).decode()}
        for row in connection.execute(_EARLIER, given):
            found.setdefault((row.form, row.unit, row.period, row.indicator), set()).add(Cell(row.value, row.status))
    return found


def given_indicators(connection: Connection, partner: str, form: str) -> set[str]:
    """Return the indicators that the partner was ever given under this form. Reads all its entries of the form."""
    return {row.indicator for row in connection.execute(_GIVEN, {"partner": partner, "form": form})}


def adopt(connection: Connection, partner: str, head: Head) -> None:
    """Know a key that only the partner has: nothing is expected in it, so that a repair can empty it there."""
    values: Mapping[str, Any] = {
        "partner": partner,
        "form": head.form,
        "unit": head.unit,
        "period": head.period,
        "partner_unit": head.partner_unit,
        "version": max(head.expected_version, 1),
    }
    connection.execute(_ADOPT, values)
