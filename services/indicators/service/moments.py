"""As of when a question is answered."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import Connection

from services.indicators.domain.moments import moment
from services.indicators.storage import moments


class AsOf(NamedTuple):
    """`batch` None: current values are read. `shown` is the batch as of which the answer is."""

    batch: int | None
    shown: int


def resolved(connection: Connection, as_of: int | str | None) -> AsOf:
    """Return the batch that `as_of` means: a batch's number, a day or an instant (services.indicators.domain.moments).
    Raises Invalid("indicators.bad_as_of")."""
    if as_of is None:
        return AsOf(None, moments.last_batch(connection))
    asked = moment(as_of)
    if isinstance(asked, int):
        return AsOf(asked, asked)
    batch = moments.batch_before(connection, asked, datetime.now(UTC))
    return AsOf(batch, batch)
