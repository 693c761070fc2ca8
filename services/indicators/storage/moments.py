"""Batches and the moments at which they were recorded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from services.indicators.storage.tables import batch_counter, batches
from shared.contracts.views.warehouse import BatchView

LONGEST_RECORDING = timedelta(minutes=10)
"""No transaction that records takes longer: statements are bounded to seconds."""

_BEFORE = "SELECT batch FROM batches WHERE recorded_at < %s ORDER BY recorded_at DESC, batch DESC LIMIT 1"
_VIEW = tuple(batches.c[name] for name in BatchView.__dataclass_fields__)


def last_batch(connection: Connection) -> int:
    """Return the number of the last batch; 0 before the first."""
    return int(connection.execute(select(batch_counter.c.last)).scalar_one())


def batch_before(connection: Connection, instant: datetime, now: datetime) -> int:
    """Return the last batch recorded before this instant; 0 if there is none.

    For an instant that has passed the answer is the same for ever: batches get their time while the counter is locked
    and times never run back, and whoever is recording is waited for if the instant is so near that it may count.
    """
    if instant > now - LONGEST_RECORDING:
        connection.execute(select(batch_counter.c.last).with_for_update(read=True))
    return int(connection.exec_driver_sql(_BEFORE, (instant,)).scalar() or 0)


def page(
    connection: Connection,
    *,
    form: str | None,
    unit: str | None,
    period: str | None,
    units: Sequence[str] | None,
    forms: Sequence[str] | None,
    before: int | None,
    limit: int,
) -> list[BatchView]:
    """Return up to `limit` batches, newest first, older than `before`; `units` and `forms` bound what may be seen."""
    table = batches.c
    statement = select(*_VIEW).order_by(table.batch.desc()).limit(limit)
    for column, value in ((table.form, form), (table.unit, unit), (table.period, period)):
        if value is not None:
            statement = statement.where(column == value)
    for column, allowed in ((table.unit, units), (table.form, forms)):
        if allowed is not None:
            statement = statement.where(column == func.any(list(allowed)))
    if before is not None:
        statement = statement.where(table.batch < before)
    return [BatchView(**row._mapping) for row in connection.execute(statement)]
