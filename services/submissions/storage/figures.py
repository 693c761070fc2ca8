"""Figures of drafts: cells read and written in bulk.

Callers hold the row locks of the submissions (`submissions.lock`), so what is read here does not change before it is
written; that is why new cells are inserted as such, without a staging table or ON CONFLICT.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection

from services.submissions.domain.merge import Cell, Clock, Pushed, Source

Key = tuple[int, str]
"""A cell's key: submission number, indicator."""

_COLUMNS: dict[str, str] = {
    "submission": "bigint",
    "indicator": "text",
    "value": "numeric",
    "status": "text",
    "origin": "text",
    "by": "text",
    "at": "timestamptz",
    "receipt_id": "text",
    "accepted_at": "timestamptz",
    "tie_breaker": "text",
    "version": "int",
    "removed": "boolean",
    "conflict": "jsonb",
}
_NAMES = ", ".join(_COLUMNS)
# Array literals carry JSON as text: jsonb[] has no binary form that the driver knows.
_ROWS = (
    "unnest("
    + ", ".join(f"%b::{kind}[]".replace("b::jsonb[]", "b::text[]::jsonb[]") for kind in _COLUMNS.values())
    + ")"
)
# Made of constants; figures travel as parameters.
_READ = (
    f"SELECT {_NAMES.replace('value', 'trim_scale(value)::text')}"  # noqa: S608  # constants, as above
    " FROM figures WHERE submission = ANY(%b::bigint[])"
)
_INSERT = f"INSERT INTO figures ({_NAMES}) SELECT * FROM {_ROWS}"  # noqa: S608  # constants, as above
_UPDATE = (
    f"UPDATE figures f SET {', '.join(f'{name} = row.{name}' for name in list(_COLUMNS)[2:])}"  # noqa: S608  # as above
    f" FROM {_ROWS} AS row ({_NAMES}) WHERE f.submission = row.submission AND f.indicator = row.indicator"
)


class _Conflict(msgspec.Struct):
    """A conflict as it is stored."""

    value: str | None
    status: str
    by: str
    receipt_id: str
    accepted_at: datetime
    tie_breaker: str
    at: datetime


def read_cells(connection: Connection, numbers: Collection[int]) -> dict[Key, Cell]:
    """Return all cells of these submissions, removed ones included."""
    if not numbers:
        return {}
    rows = connection.exec_driver_sql(_READ, (list(numbers),))
    return {(row[0], row[1]): _cell(row) for row in rows}


def insert_cells(connection: Connection, cells: Mapping[Key, Cell]) -> None:
    """Write cells that are new."""
    _write(connection, _INSERT, cells)


def update_cells(connection: Connection, cells: Mapping[Key, Cell]) -> None:
    """Write cells that were there before."""
    _write(connection, _UPDATE, cells)


def _write(connection: Connection, statement: str, cells: Mapping[Key, Cell]) -> None:
    if cells:
        # In key order, so that the index is walked once and not at random.
        rows = [_row(key, cells[key]) for key in sorted(cells)]
        connection.exec_driver_sql(statement, tuple(list(column) for column in zip(*rows, strict=True)))


def _row(key: Key, cell: Cell) -> tuple[object, ...]:
    accepted_at, tie_breaker = cell.clock or (None, None)
    return (
        key[0],
        key[1],
        cell.value,
        cell.status,
        cell.origin,
        cell.by,
        cell.at,
        cell.receipt_id,
        accepted_at,
        tie_breaker,
        cell.version,
        cell.removed,
        None if cell.conflict is None else _conflict_text(*cell.conflict),
    )


def _cell(row: Any) -> Cell:
    clock = None if row[8] is None else Clock(row[8], row[9])
    conflict = None if row[12] is None else _conflict(row[12])
    return Cell(row[2], row[3], row[4], row[5], row[6], row[7], clock, row[10], row[11], conflict)


def _conflict(body: object) -> tuple[Pushed, Source]:
    kept = msgspec.convert(body, _Conflict)
    clock = Clock(kept.accepted_at, kept.tie_breaker)
    return Pushed(kept.value, kept.status), Source(kept.by, kept.receipt_id, clock, kept.at)


def _conflict_text(pushed: Pushed, source: Source) -> str:
    kept = _Conflict(pushed.value, pushed.status, source.by, source.receipt_id, *source.clock, source.at)
    return msgspec.json.encode(kept).decode()
