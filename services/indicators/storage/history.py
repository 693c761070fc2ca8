"""Loads of history in and out of the database."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from services.indicators.storage.tables import history_loads


def find(connection: Connection, load_id: str) -> dict[str, Any] | None:
    """Return the result of a load that was recorded."""
    statement = select(history_loads.c.result).where(history_loads.c.id == load_id)
    found: dict[str, Any] | None = connection.execute(statement).scalar()
    return found


def save(
    connection: Connection, load_id: str, source: str, decision: str, at: datetime, by: str, result: dict[str, Any]
) -> None:
    """Remember a load."""
    values = {"id": load_id, "source": source, "decision": decision, "loaded_at": at, "loaded_by": by}
    connection.execute(insert(history_loads).values(**values, result=result))


def page(connection: Connection, limit: int) -> list[dict[str, Any]]:
    """Return the newest loads."""
    table = history_loads.c
    statement = select(table.id, table.source, table.decision, table.loaded_at, table.loaded_by, table.result)
    rows = connection.execute(statement.order_by(table.loaded_at.desc(), table.id).limit(limit))
    return [{str(name): value for name, value in row._mapping.items()} for row in rows]
