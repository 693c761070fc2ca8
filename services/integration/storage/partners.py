"""Rows of partners, and the current digests' sums per partner."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, select, text
from sqlalchemy.dialects.postgresql import insert

from services.integration.domain.partners import Partner
from services.integration.storage.tables import partners
from shared.errors import NotFound

_DETAILS = ("permission", "transport", "limits", "timetable", "comparing", "deletes", "dialect", "source",
            "suspension")  # fmt: skip
"""What is kept together in one column, because nothing is ever looked for by it."""

_COUNTS = text("SELECT partner, state, count(*) AS n FROM deliveries GROUP BY partner, state")
_OLDEST = text(
    "SELECT partner, extract(epoch FROM now() - min(created_at))::float AS age FROM deliveries "
    "WHERE state IN ('planned', 'waiting', 'in_doubt', 'sending') "
    "AND (attempts > 0 OR next_attempt_at <= now()) GROUP BY partner"  # what its timetable holds back is not late
)
_FOR_A_PERSON = text(
    """
    SELECT d.partner, count(*) AS n FROM deliveries d JOIN holdings h USING (partner, form, unit, period)
    WHERE (d.state IN ('rejected', 'dead') AND h.expected_version = d.version
            AND h.acknowledged_version IS DISTINCT FROM d.version
            AND NOT EXISTS (SELECT 1 FROM deliveries o WHERE o.partner = d.partner AND o.form = d.form
                AND o.unit = d.unit AND o.period = d.period AND o.version >= d.version AND o.id > d.id))
        OR (d.state = 'in_doubt' AND d.next_attempt_at IS NULL)
    GROUP BY d.partner
    """
)
_PROOFS = text("SELECT partner, max(finished_at) AS at FROM reconciliations WHERE equal GROUP BY partner")
_SCRUBS = text("SELECT partner, max(finished_at) AS at FROM scrubs WHERE kind = 'digests' GROUP BY partner")


def save(connection: Connection, partner: Partner) -> None:
    """Write this partner, replacing what stood under its id."""
    values = msgspec.to_builtins(partner)
    values["details"] = {name: values.pop(name) for name in _DETAILS}
    changed = {name: value for name, value in values.items() if name != "id"}
    connection.execute(insert(partners).values(values).on_conflict_do_update(index_elements=["id"], set_=changed))


def load_all(connection: Connection, *, standing: bool = False) -> list[Partner]:
    """Return all partners in order of id; `standing`: as they stay until the transaction ends."""
    query = select(partners).order_by(partners.c.id)
    return [_partner(row) for row in connection.execute(query.with_for_update(read=True) if standing else query)]


def find(connection: Connection, partner: str) -> Partner | None:
    """Return this partner, None if there is none."""
    row = connection.execute(select(partners).where(partners.c.id == partner)).one_or_none()
    return None if row is None else _partner(row)


def lock(connection: Connection, partner: str) -> Partner | None:
    """Return this partner, locked for change; None if there is none."""
    row = connection.execute(select(partners).where(partners.c.id == partner).with_for_update()).one_or_none()
    return None if row is None else _partner(row)


def load(connection: Connection, partner: str) -> Partner:
    """Return this partner. Raises NotFound("integration.no_partner")."""
    found = find(connection, partner)
    if found is None:
        raise NotFound("integration.no_partner", f"no partner {partner}", "Không có hệ thống nhận này.")
    return found


def delivery_counts(connection: Connection) -> dict[str, dict[str, int]]:
    """Return per partner how many deliveries stand in which state."""
    counts: dict[str, dict[str, int]] = {}
    for row in connection.execute(_COUNTS):
        counts.setdefault(row.partner, {})[row.state] = row.n
    return counts


def oldest_open(connection: Connection) -> dict[str, float]:
    """Return per partner the age in seconds of its oldest delivery that is not settled."""
    return {row.partner: row.age for row in connection.execute(_OLDEST)}


def for_a_person(connection: Connection) -> dict[str, int]:
    """Return per partner how many deliveries wait for a person: refused or given up without a newer one, or in doubt
    with a partner that cannot be asked."""
    return {row.partner: row.n for row in connection.execute(_FOR_A_PERSON)}


def last_proofs(connection: Connection) -> dict[str, datetime]:
    """Return per partner when both sides were last proven equal."""
    return {row.partner: row.at for row in connection.execute(_PROOFS)}


def last_scrubs(connection: Connection) -> dict[str, datetime]:
    """Return per partner when its digests were last recomputed from the ledger's rows."""
    return {row.partner: row.at for row in connection.execute(_SCRUBS)}


def _partner(row: Row[Any]) -> Partner:
    values = {str(name): value for name, value in row._mapping.items()}
    details = values.pop("details")
    return msgspec.convert(values | details, Partner)
