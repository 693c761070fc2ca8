"""What the hub offers below its digests by key: a form's keys by parts, keys of some parts, a key's entries by groups,
so that a difference in a large key is found by reading little. Digests are brief (shared.digest.Brief)."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, text

from services.integration.storage import offers
from services.integration.storage.offers import Sight
from shared.contracts.views.digests import DigestView, ListedValue
from shared.digest import Brief

_SHARE = "hub_lane(sha256(hub_field({name})), 0) % :shares"
_LANES = ", ".join(f"(sum(l{n}) % 4294967296)::bigint AS l{n}" for n in range(2))
_EXPECTED_HASHES = """
    SELECT h.period, h.form, h.partner_unit AS place, l.partner_indicator AS indicator, l.expected_hash AS hash
    FROM holdings h JOIN ledger l USING (partner, form, unit, period)
    WHERE h.partner = :partner AND l.expected_hash IS NOT NULL
"""
_WAREHOUSE_HASHES = """
    SELECT period, form, unit AS place, o.key AS indicator,
        hub_entry_hash(form, unit, period, o.key, o.value->>0, o.value->>1) AS hash
    FROM contents CROSS JOIN LATERAL jsonb_each(observations) o WHERE true
"""


def parts(connection: Connection, sight: Sight, period: str, form: str, shares: int) -> list[DigestView]:
    """Return the digests of the parts into which the keys of a period and form fall by their unit."""
    return _briefs(connection, sight, offers.KEYS, f"{_SHARE.format(name='place')} AS share", "n", period, form, shares)


def keys(
    connection: Connection, sight: Sight, period: str, form: str, shares: int, chosen: Sequence[int]
) -> list[DigestView]:
    """Return the digests of the keys in these parts, by unit."""
    where = f"{_SHARE.format(name='place')} = ANY(:chosen)"
    return _briefs(connection, sight, offers.KEYS, "place", "n", period, form, shares, where, chosen=list(chosen))


def groups(
    connection: Connection, sight: Sight, period: str, form: str, shares: int, units: Sequence[str]
) -> list[DigestView]:
    """Return the digests of the groups into which the entries of these units' keys fall by their indicator."""
    hashes = (_EXPECTED_HASHES, _WAREHOUSE_HASHES)
    by = f"place, {_SHARE.format(name='indicator')} AS share"
    return _briefs(connection, sight, hashes, by, "1", period, form, shares, "place = ANY(:places)", places=list(units))


def entries(
    connection: Connection,
    sight: Sight,
    period: str,
    form: str,
    shares: int,
    of: Sequence[tuple[str, int]],
    after: Sequence[str],
    limit: int,
) -> list[ListedValue]:
    """Return up to `limit` entries after (unit, indicator) in these groups of these units' keys."""
    begun = "AND (place, indicator) > (:place, :indicator)" if after else ""
    statement = text(
        f"SELECT * FROM ({offers.seen(sight, *offers.VALUES)}) s WHERE period = :period AND form = :form "  # noqa: S608 -- constants
        f"AND place = ANY(:of_units) AND (place, {_SHARE.format(name='indicator')}) IN (SELECT * FROM "
        f"unnest(cast(:of_units AS text[]), cast(:of_groups AS bigint[]))) {begun} "
        "ORDER BY place, indicator LIMIT :limit"
    )
    given = {
        "period": period,
        "form": form,
        "shares": shares,
        "of_units": [unit for unit, _ in of],
        "of_groups": [group for _, group in of],
        "limit": limit,
    } | (dict(zip(("place", "indicator"), after, strict=True)) if after else {})
    return [offers.listed(row) for row in connection.execute(statement, given | offers.scope(sight))]


def _briefs(
    connection: Connection,
    sight: Sight,
    stores: tuple[str, str],
    by: str,
    counted: str,
    period: str,
    form: str,
    shares: int,
    where: str = "true",
    **given: object,
) -> list[DigestView]:
    names = [name for name in ("place", "share") if by.endswith(name) or by.startswith(name)]
    inner = offers.seen(sight, *stores)
    if counted == "1":
        inner = f"SELECT s.*, 1 AS n, hub_lane(hash, 0) AS l0, hub_lane(hash, 1) AS l1 FROM ({inner}) s"  # noqa: S608 -- constants
    statement = text(
        f"SELECT {by}, sum(n)::bigint AS n, {_LANES} FROM ({inner}) s "  # noqa: S608 -- constants
        f"WHERE period = :period AND form = :form AND {where} "
        f"GROUP BY {', '.join(names)} ORDER BY {', '.join(names)}"
    )
    asked = {"period": period, "form": form, "shares": shares, **given}
    found = []
    for row in connection.execute(statement, asked | offers.scope(sight)):
        named = row._mapping
        brief = Brief.of(row.n, (row.l0, row.l1))
        found.append(
            DigestView(
                period=None,
                form=None,
                unit=named.get("place"),
                share=named.get("share"),
                count=brief.count,
                digest=brief.text,
            )
        )
    return found
