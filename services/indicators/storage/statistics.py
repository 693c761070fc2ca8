"""What is usual in each series, and the values that are not.

A series is one indicator of one unit in one kind of period. What is usual for a year is told from the years before it;
`series_statistics` keeps that, and a transaction that changes a value drops what rested on it. What is not kept is
computed when it is asked for, so an answer never depends on what was kept.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from shared.calendar import Period

_FORGET = "DELETE FROM series_statistics WHERE unit = %s AND indicator = ANY(%s) AND kind = %s AND year > %s"


def forget(connection: Connection, unit: str, period: str, indicators: Sequence[str]) -> None:
    """Drop what was kept about these series for the years after this period's: a value of theirs changes."""
    if period[:4].isdigit():
        connection.exec_driver_sql(_FORGET, (unit, list(indicators), Period.parse(period).kind, int(period[:4])))
