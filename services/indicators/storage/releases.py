"""Releases in the order in which they were recorded: what those who keep a copy compare it with."""

from __future__ import annotations

from sqlalchemy import Connection, func, select, tuple_

from services.indicators.storage.tables import batches, releases
from shared.contracts.views.warehouse import ReleaseView

_ORDER = (releases.c.batch, releases.c.form, releases.c.unit, releases.c.period)
_SETTLED_SECONDS = 30


def page(connection: Connection, after: tuple[int, str, str, str], limit: int) -> list[ReleaseView]:
    """Return up to `limit` releases after this place. What was recorded in the last half minute is left out: its
    event is on its way."""
    settled = func.now() - func.make_interval(0, 0, 0, 0, 0, 0, _SETTLED_SECONDS)
    found = (
        select(*_ORDER, releases.c.version)
        .join(batches, batches.c.batch == releases.c.batch)
        .where(tuple_(*_ORDER) > tuple_(*after), batches.c.recorded_at < settled)
        .order_by(*_ORDER)
        .limit(limit)
    )
    return [
        ReleaseView(**row, cursor="|".join((str(row["batch"]), row["form"], row["unit"], row["period"])))
        for row in connection.execute(found).mappings()
    ]
