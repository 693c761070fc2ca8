"""Recomputing hashes and digests from the ledger's rows, set-wise inside PostgreSQL, one (period, form) at a time."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, text

from shared.digest import LANES

_GROUPS = text("SELECT DISTINCT period, form FROM holdings WHERE partner = :partner ORDER BY period, form")
# Writers lock a key's holding before its ledger rows: once these locks are held, what is read next stands still.
_LOCK = text(
    "SELECT 1 FROM holdings WHERE partner = :partner AND period = :period AND form = :form "
    "ORDER BY partner, form, unit, period FOR UPDATE"
)


def _hashes(side: str) -> str:
    return f"""
    UPDATE ledger l SET {side}_hash = hub_entry_hash(l.form, h.partner_unit, l.period, l.partner_indicator,
        l.{side}_value, l.{side}_status)
    FROM holdings h
    WHERE h.partner = :partner AND h.period = :period AND h.form = :form
        AND l.partner = h.partner AND l.form = h.form AND l.unit = h.unit AND l.period = h.period
        AND l.{side}_hash IS NOT NULL
        AND l.{side}_hash <> hub_entry_hash(l.form, h.partner_unit, l.period, l.partner_indicator, l.{side}_value,
            l.{side}_status)
    """  # noqa: S608 -- side is one of two constants


def _digests(side: str) -> str:
    lanes = range(LANES)
    sums = ", ".join(f"(coalesce(sum(hub_lane(l.{side}_hash, {n})), 0) % 4294967296)::bigint AS l{n}" for n in lanes)
    held = ", ".join(f"h.{side}_l{n}" for n in lanes)
    return f"""
    WITH fresh AS (
        SELECT h.partner, h.form, h.unit, h.period, count(l.{side}_hash)::int AS n, {sums}
        FROM holdings h LEFT JOIN ledger l ON l.partner = h.partner AND l.form = h.form AND l.unit = h.unit
            AND l.period = h.period AND l.{side}_hash IS NOT NULL
        WHERE h.partner = :partner AND h.period = :period AND h.form = :form
        GROUP BY h.partner, h.form, h.unit, h.period)
    UPDATE holdings h SET {side}_count = f.n, {", ".join(f"{side}_l{n} = f.l{n}" for n in lanes)}
    FROM fresh f
    WHERE h.partner = f.partner AND h.form = f.form AND h.unit = f.unit AND h.period = f.period
        AND (h.{side}_count, {held}) IS DISTINCT FROM (f.n, {", ".join(f"f.l{n}" for n in lanes)})
    """  # noqa: S608 -- side is one of two constants


_CORRECTIONS = [text(make(side)) for side in ("expected", "acknowledged") for make in (_hashes, _digests)]
_ENTRIES = text("SELECT coalesce(sum(expected_count), 0) FROM holdings WHERE partner = :partner")
_NOTE = text(
    "INSERT INTO scrubs (partner, kind, started_at, finished_at, entries, corrected) "
    "VALUES (:partner, :kind, :started, now(), :entries, :corrected)"
)
_LAST = text("SELECT max(finished_at) FROM scrubs WHERE partner IS NOT DISTINCT FROM :partner AND kind = :kind")


def groups(connection: Connection, partner: str) -> list[tuple[str, str]]:
    """Return the (period, form) pairs there are."""
    return [(row.period, row.form) for row in connection.execute(_GROUPS, {"partner": partner})]


def correct(connection: Connection, partner: str, period: str, form: str) -> int:
    """Recompute hashes and digests of both sides and write those that were wrong; return how many."""
    given = {"partner": partner, "period": period, "form": form}
    connection.execute(_LOCK, given)
    return sum(int(connection.execute(statement, given).rowcount) for statement in _CORRECTIONS)


def entry_count(connection: Connection, partner: str) -> int:
    """Return how many entries the partner is to hold."""
    return int(connection.execute(_ENTRIES, {"partner": partner}).scalar_one())


def note(
    connection: Connection, *, partner: str | None, kind: str, started: datetime, entries: int, corrected: int
) -> None:
    """Write that a scrub ended now."""
    connection.execute(
        _NOTE, {"partner": partner, "kind": kind, "started": started, "entries": entries, "corrected": corrected}
    )


def last(connection: Connection, partner: str | None, kind: str = "digests") -> datetime | None:
    """Return when the last scrub of this kind ended."""
    found: datetime | None = connection.execute(_LAST, {"partner": partner, "kind": kind}).scalar_one()
    return found
