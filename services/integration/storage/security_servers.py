"""The announced changes of security servers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, insert, select

from services.integration.domain.security_servers import Change, SecurityServer
from services.integration.storage.tables import security_server_changes as changes


def announce(
    connection: Connection,
    *,
    server: str,
    effective_on: date,
    becomes: SecurityServer | None,
    at: datetime,
    by: str,
    emergency: bool,
    reason: str,
) -> int:
    """Add a change and return its number."""
    values = {
        "server": server,
        "effective_on": effective_on,
        "becomes": None if becomes is None else msgspec.to_builtins(becomes),
        "announced_at": at,
        "announced_by": by,
        "emergency": emergency,
        "reason": reason,
    }
    return int(connection.execute(insert(changes).values(values).returning(changes.c.number)).scalar_one())


def load(connection: Connection) -> tuple[list[Change], Sequence[Row[Any]]]:
    """Return all changes in the order they were announced, and their rows: who announced each, when and why."""
    rows = connection.execute(select(changes).order_by(changes.c.number)).all()
    return [_change(row) for row in rows], rows


def _change(row: Row[Any]) -> Change:
    becomes = None if row.becomes is None else msgspec.convert(row.becomes, SecurityServer)
    return Change(number=row.number, server=row.server, effective_on=row.effective_on, becomes=becomes)
