"""Rows of how partners stand."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, select, text
from sqlalchemy.dialects.postgresql import insert

from services.integration.domain.governor import Standing
from services.integration.storage.tables import partner_standings as standings

_TURN = text(
    """
    INSERT INTO partner_standings AS known (partner, next_call_at)
    VALUES (:partner, clock_timestamp() + make_interval(secs => :apart))
    ON CONFLICT (partner) DO UPDATE SET next_call_at =
        greatest(known.next_call_at, clock_timestamp()) + make_interval(secs => :apart)
    RETURNING extract(epoch FROM next_call_at - clock_timestamp()) - :apart
    """
)
_LOCK_SPACE = 0x1A1C_0008
_SLOT = text("SELECT pg_try_advisory_lock(:space, hashtext(:slot))")
_FREE = text("SELECT pg_advisory_unlock(:space, hashtext(:slot))")


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


def take_turn(connection: Connection, partner: str, apart: float) -> float:
    """Take the next turn of calls that are to begin `apart` seconds after each other; return the seconds until then."""
    return float(connection.execute(_TURN, {"partner": partner, "apart": apart}).scalar_one())


def take_slot(connection: Connection, partner: str, slots: int) -> str | None:
    """Take one of so many slots for as long as this connection lives, or `free_slot` gives it back; None: all are taken
    by others."""
    for number in range(slots):
        slot = f"{partner}/{number}"
        if connection.execute(_SLOT, {"space": _LOCK_SPACE, "slot": slot}).scalar():
            return slot
    return None


def free_slot(connection: Connection, slot: str) -> None:
    """Give a slot back."""
    connection.execute(_FREE, {"space": _LOCK_SPACE, "slot": slot})


def _standing(row: Row[Any]) -> Standing:
    values = {name: row._mapping[name] for name in Standing.__dataclass_fields__}
    return msgspec.convert(values, Standing)
