"""Rows of how partners stand."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, select
from sqlalchemy.dialects.postgresql import insert

from services.integration.domain.governor import Standing
from services.integration.storage.tables import partner_standings as standings


def load(connection: Connection, partner: str, *, lock: bool = False) -> Standing:
    """Return how this partner stands, locked until the transaction ends if asked for."""
    if lock:  # so that there is a row to lock, for the first who comes
        connection.execute(insert(standings).values(partner=partner).on_conflict_do_nothing())
    query = select(standings).where(standings.c.partner == partner)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    return Standing() if row is None else _standing(row)


def load_all(connection: Connection) -> dict[str, Standing]:
    """Return how partners stand; one that has no row stands well."""
    return {row.partner: _standing(row) for row in connection.execute(select(standings))}


def save(connection: Connection, partner: str, standing: Standing) -> None:
    """Write how this partner stands."""
    values = {name: getattr(standing, name) for name in Standing.__dataclass_fields__}
    values["circuit"] = standing.circuit.value
    statement = insert(standings).values(partner=partner, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["partner"], set_=values))


def hurry(connection: Connection, partner: str, at: datetime) -> None:
    """End a pause, and let an open breaker probe at once."""
    standing = load(connection, partner, lock=True)
    if (hurried := standing.hurried(at)) != standing:
        save(connection, partner, hurried)


def _standing(row: Row[Any]) -> Standing:
    values = {str(name): value for name, value in row._mapping.items() if name != "partner"}
    return msgspec.convert(values, Standing)
