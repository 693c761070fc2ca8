"""Versions of partners, and the backfills under way."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, text

from services.integration.domain.ledger import Key

_ADD = text(
    """
    INSERT INTO partner_versions (partner, version, at, by, action, reason, changes, document)
    SELECT :partner, 1 + coalesce(max(version), 0), :at, :by, :action, :reason, cast(:changes AS jsonb),
        cast(:document AS jsonb)
    FROM partner_versions WHERE partner = :partner RETURNING version
    """
)
_OF = text("SELECT * FROM partner_versions WHERE partner = :partner ORDER BY version DESC LIMIT :limit")
_LATEST = text("SELECT DISTINCT ON (partner) * FROM partner_versions ORDER BY partner, version DESC")
_ASK = text(
    """
    INSERT INTO backfills (partner, correlation_id, asked_at) VALUES (:partner, :correlation_id, :at)
    ON CONFLICT (partner) DO UPDATE SET form = '', unit = '', period = '', planned = 0,
        correlation_id = excluded.correlation_id, asked_at = excluded.asked_at
    """
)
_OPEN = text("SELECT partner FROM backfills ORDER BY asked_at")
_TAKE = text("SELECT * FROM backfills WHERE partner = :partner FOR UPDATE SKIP LOCKED")
_MOVE = text(
    "UPDATE backfills SET form = :form, unit = :unit, period = :period, planned = planned + :planned "
    "WHERE partner = :partner"
)
_END = text("DELETE FROM backfills WHERE partner = :partner")


class Backfill(NamedTuple):
    """A backfill in hand: the last key that was done, and how many deliveries it planned so far."""

    after: Key
    planned: int
    correlation_id: str


def add(
    connection: Connection,
    partner: str,
    *,
    at: datetime,
    by: str,
    action: str,
    reason: str,
    changes: Sequence[Any],
    document: Any,
) -> int:
    """Write what a partner is from now on, and what changed; return the version's number. The caller holds the
    partner's row."""
    given = {"partner": partner, "at": at, "by": by, "action": action, "reason": reason}
    shown = {"changes": _json(changes), "document": _json(document)}
    return int(connection.execute(_ADD, given | shown).scalar_one())


def versions_of(connection: Connection, partner: str, limit: int) -> Sequence[Row[Any]]:
    """Return a partner's versions, newest first."""
    return connection.execute(_OF, {"partner": partner, "limit": limit}).all()


def latest(connection: Connection) -> dict[str, Row[Any]]:
    """Return the newest version of each partner that has one."""
    return {row.partner: row for row in connection.execute(_LATEST)}


def ask_backfill(connection: Connection, partner: str, correlation_id: str, at: datetime) -> None:
    """Have all that this partner is due gone through, from the start."""
    connection.execute(_ASK, {"partner": partner, "correlation_id": correlation_id, "at": at})


def open_backfills(connection: Connection) -> list[str]:
    """Return the partners whose backfill is not done, the oldest first."""
    return [row.partner for row in connection.execute(_OPEN)]


def take_backfill(connection: Connection, partner: str) -> Backfill | None:
    """Return this partner's backfill, locked; None if there is none or another process has it in hand."""
    row = connection.execute(_TAKE, {"partner": partner}).one_or_none()
    return None if row is None else Backfill((row.form, row.unit, row.period), row.planned, row.correlation_id)


def move_backfill(connection: Connection, partner: str, after: Key, planned: int) -> None:
    """Write how far this backfill has come."""
    form, unit, period = after
    given = {"partner": partner, "form": form, "unit": unit, "period": period, "planned": planned}
    connection.execute(_MOVE, given)


def end_backfill(connection: Connection, partner: str) -> None:
    """This backfill is done."""
    connection.execute(_END, {"partner": partner})


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
