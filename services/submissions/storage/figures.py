"""Figures of drafts: cells read and written in bulk.

Callers hold the row locks of the submissions (`submissions.lock`), so what is read here does not change before it is
written; that is why cells are inserted as such, without a staging table or ON CONFLICT.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from typing import Any, cast

import msgspec
import psycopg
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from services.submissions.domain.merge import Cell, Clock, Pushed, Source

Key = tuple[int, str]
"""A cell's key: submission number, indicator."""

_COLUMNS = (
    "submission",
    "indicator",
    "value",
    "status",
    "origin",
    "by",
    "at",
    "receipt_id",
    "accepted_at",
    "tie_breaker",
    "version",
    "removed",
    "conflict",
    "label",
)
_NAMES = ", ".join(_COLUMNS)
# Made of constants; figures travel as COPY data or parameters.
_READ = (
    f"SELECT {_NAMES.replace('value', 'trim_scale(value)::text')}"  # noqa: S608  # constants, as above
    " FROM figures WHERE submission = ANY(%b::bigint[])"
)
_COPY = f"COPY figures ({_NAMES}) FROM STDIN"
_TAKE_OUT_GRID = "DELETE FROM figures WHERE submission = ANY(%b::bigint[]) AND indicator = ANY(%b::text[])"
_TAKE_OUT = (
    "DELETE FROM figures AS f USING unnest(%b::bigint[], %b::text[]) AS k (submission, indicator)"
    " WHERE f.submission = k.submission AND f.indicator = k.indicator"
)
_SPECIAL = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_NULL = "\\N"


class _Conflict(msgspec.Struct):
    """A conflict as it is stored."""

    value: str | None
    status: str
    by: str
    receipt_id: str | None
    accepted_at: datetime
    tie_breaker: str
    at: datetime
    origin: str = "push"
    label: str | None = None


def read_cells(connection: Connection, numbers: Collection[int]) -> dict[Key, Cell]:
    """Return all cells of these submissions, removed ones included."""
    if not numbers:
        return {}
    with _driver(connection, _READ) as driver, driver.cursor(binary=True) as cursor:
        rows = cursor.execute(_READ, (list(numbers),)).fetchall()
    return {(row[0], row[1]): _cell(row) for row in rows}


def insert_cells(connection: Connection, cells: Mapping[Key, Cell]) -> None:
    """Write cells that are new."""
    if cells:
        _copy(connection, cells)


def update_cells(connection: Connection, cells: Mapping[Key, Cell]) -> None:
    """Write cells that were there before: their rows are taken out and written anew, which costs two thirds of an
    UPDATE from a staging table, and for a few cells a quarter."""
    if not cells:
        return
    numbers, indicators = (set(part) for part in zip(*cells, strict=True))
    if len(numbers) * len(indicators) == len(cells):  # whole forms pushed anew: nothing to join with
        connection.exec_driver_sql(_TAKE_OUT_GRID, (list(numbers), list(indicators)))
    else:
        connection.exec_driver_sql(_TAKE_OUT, tuple(list(part) for part in zip(*sorted(cells), strict=True)))
    _copy(connection, cells)


def _copy(connection: Connection, cells: Mapping[Key, Cell]) -> None:
    # In key order, so that the index is walked once and not at random; one text built here, because handing over row
    # by row costs three times as much.
    lines = "".join([_line(key, cells[key]) for key in sorted(cells)])
    with _driver(connection, _COPY) as driver, driver.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.write(lines)


@contextmanager
def _driver(connection: Connection, statement: str) -> Iterator[psycopg.Connection]:
    """Give the driver's own connection, for what SQLAlchemy has no words for."""
    driver = cast("psycopg.Connection", connection.connection.driver_connection)
    try:
        yield driver
    except psycopg.Error as error:
        # As SQLAlchemy would raise it, so that the unit of work tells deadlock and lost connections from faults.
        raise DBAPIError.instance(
            statement, None, error, psycopg.Error, connection_invalidated=driver.broken
        ) from error


def _line(key: Key, cell: Cell) -> str:
    value = _NULL if cell.value is None else cell.value
    origin = _origin(cell.status, cell.origin, cell.by, cell.at, cell.receipt_id, cell.clock)
    conflict = _NULL if cell.conflict is None else _text(_conflict_text(*cell.conflict))
    end = f"{'t' if cell.removed else 'f'}\t{conflict}\t{_NULL if cell.label is None else _text(cell.label)}"
    return f"{key[0]}\t{_text(key[1])}\t{value}\t{origin}\t{cell.version}\t{end}\n"


@lru_cache(maxsize=1024)
def _origin(status: str, origin: str, by: str, at: datetime, receipt_id: str | None, clock: Clock | None) -> str:
    """Return the columns that are the same for all figures of a push."""
    accepted_at, tie_breaker = (_NULL, _NULL) if clock is None else (clock[0].isoformat(), _text(clock[1]))
    receipt = _text(receipt_id)
    return f"{_text(status)}\t{origin}\t{_text(by)}\t{at.isoformat()}\t{receipt}\t{accepted_at}\t{tie_breaker}"


@lru_cache(maxsize=4096)
def _text(value: str | None) -> str:
    return _NULL if value is None else value.translate(_SPECIAL)


def _cell(row: Any) -> Cell:
    clock = None if row[8] is None else Clock(row[8], row[9])
    conflict = None if row[12] is None else _conflict(row[12])
    return Cell(row[2], row[3], row[4], row[5], row[6], row[7], clock, row[10], row[11], conflict, row[13])


def _conflict(body: object) -> tuple[Pushed, Source]:
    kept = msgspec.convert(body, _Conflict)
    clock = Clock(kept.accepted_at, kept.tie_breaker)
    return Pushed(kept.value, kept.status, kept.label), Source(kept.by, kept.receipt_id, clock, kept.at, kept.origin)


def _conflict_text(pushed: Pushed, source: Source) -> str:
    kept = _Conflict(
        pushed.value, pushed.status, source.by, source.receipt_id, *source.clock, source.at, source.origin, pushed.label
    )
    return msgspec.json.encode(kept).decode()


_AUTHORS = "SELECT by, max(at), count(*) FROM figures WHERE submission = %s AND NOT removed GROUP BY by ORDER BY by"


def authors(connection: Connection, number: int) -> list[tuple[str, datetime, int]]:
    """Return who entered or pushed the figures that a draft holds: by whom, the last moment, how many."""
    rows = connection.exec_driver_sql(_AUTHORS, (number,))
    return [(by, at, count) for by, at, count in rows]
