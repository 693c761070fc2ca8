"""Deliveries and their attempts: planned in the transaction that learns of new content, claimed one by one by senders.

A claim is a lease: `sending` until `next_attempt_at`. Whatever outlives its lease, or belongs to a process that has
started anew, is in doubt.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Connection, Row, text

from services.integration.domain.delivery import FAILED, OPEN, State, Step
from shared.envelope import new_message_id

_SUPERSEDE = text(
    """
    UPDATE deliveries d SET state = 'superseded', updated_at = now(), next_attempt_at = NULL, packet = NULL
    FROM (SELECT d.id FROM deliveries d JOIN jsonb_to_recordset(cast(:rows AS jsonb)) AS k(partner text, form text,
            unit text, period text, version bigint) USING (partner, form, unit, period)
          WHERE d.state IN ('planned', 'waiting') AND d.version <= k.version ORDER BY d.id FOR UPDATE OF d) AS old
    WHERE d.id = old.id
    """
)
_PLAN = text(
    """
    INSERT INTO deliveries (message_id, partner, form, unit, period, partner_unit, agency, version, kind, state,
        correlation_id, reconciliation, next_attempt_at)
    SELECT message_id, partner, form, unit, period, partner_unit, agency, version, kind, 'planned', correlation_id,
        reconciliation, now()
    FROM jsonb_to_recordset(cast(:rows AS jsonb)) AS r(message_id uuid, partner text, form text, unit text,
        period text, partner_unit text, agency text, version bigint, kind text, correlation_id text,
        reconciliation bigint)
    ORDER BY partner, form, unit, period
    RETURNING id
    """
)
_DUE = "state IN ('planned', 'waiting', 'in_doubt', 'sending') AND next_attempt_at <= now()"
# One at a time per key: what is being sent is settled before the key's next delivery goes out. An overdue lease is
# taken up as in doubt.
_ALONE = (
    "NOT EXISTS (SELECT 1 FROM deliveries o WHERE o.partner = d.partner AND o.form = d.form AND o.unit = d.unit "
    "AND o.period = d.period AND o.state = 'sending' AND o.id <> d.id)"
)
_CANDIDATES = text(
    f"SELECT id, partner, form, unit, period FROM deliveries d WHERE partner = :partner AND {_DUE} AND {_ALONE} "  # noqa: S608 -- constants
    "ORDER BY next_attempt_at, id LIMIT 8"
)
# Whoever claims or settles locks the key first and the delivery second, as planning does.
_LOCK_KEY = text(
    "SELECT 1 FROM holdings WHERE partner = :partner AND form = :form AND unit = :unit AND period = :period "
    "FOR UPDATE SKIP LOCKED"
)
_TAKE = text(f"SELECT * FROM deliveries d WHERE id = :id AND {_DUE} AND {_ALONE} FOR UPDATE OF d SKIP LOCKED")  # noqa: S608 -- constants
_START = text(
    """
    UPDATE deliveries SET state = :state, attempts = attempts + 1, claimed_by = :process, packet = :packet,
        updated_at = now(), next_attempt_at = now() + make_interval(secs => :lease)
    WHERE id = :id RETURNING attempts
    """
)
_ATTEMPT = text("INSERT INTO attempts (delivery, number, action, started_at) VALUES (:id, :number, :action, :at)")
_ATTEMPTED = text(
    "UPDATE attempts SET seconds = :seconds, outcome = :outcome, error = :error "
    "WHERE delivery = :id AND number = :number"
)
_LOCKED = text("SELECT * FROM deliveries WHERE id = :id FOR UPDATE")
_SETTLE = text(
    """
    UPDATE deliveries SET state = :state, error = :error, claimed_by = NULL, updated_at = now(),
        next_attempt_at = now() + make_interval(secs => :due),
        packet = CASE WHEN cast(:due AS float) IS NULL THEN NULL ELSE packet END
    WHERE id = :id
    """
)
_ORPHANED = text(
    """
    UPDATE deliveries d SET state = 'in_doubt', claimed_by = NULL, updated_at = now(),
        error = 'the process that was sending it ended',
        next_attempt_at = now() + make_interval(secs => p.max_processing_seconds)
    FROM partners p WHERE p.id = d.partner AND d.state = 'sending' AND d.claimed_by = :process RETURNING d.id
    """
)
_HURRY = text(
    "UPDATE deliveries SET next_attempt_at = now() WHERE partner = :partner AND state IN ('planned', 'waiting')"
)
# What a partner refused was not applied and goes out anew, under a new message id; what was given up unclear is asked
# about first. Only the version that the partner is to hold now, and does not.
_TAKE_UP = text(
    """
    UPDATE deliveries d SET next_attempt_at = now(), updated_at = now(),
        state = CASE WHEN d.state = 'dead' THEN 'in_doubt' ELSE 'planned' END,
        message_id = CASE WHEN d.state = 'dead' THEN d.message_id ELSE gen_random_uuid() END
    FROM holdings h WHERE d.partner = :partner AND d.state IN ('rejected', 'dead')
        AND (h.partner, h.form, h.unit, h.period) = (d.partner, d.form, d.unit, d.period)
        AND h.expected_version = d.version AND h.acknowledged_version IS DISTINCT FROM d.version
        AND NOT EXISTS (SELECT 1 FROM deliveries o WHERE o.partner = d.partner AND o.form = d.form AND o.unit = d.unit
            AND o.period = d.period AND o.version >= d.version AND o.id > d.id)
    """
)
_UNSETTLED = text("SELECT count(*) FROM deliveries WHERE reconciliation = :reconciliation AND state = ANY(:open)")
_ATTEMPTS = text("SELECT * FROM attempts WHERE delivery = :id ORDER BY number")
_ONE = text("SELECT * FROM deliveries WHERE id = :id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A delivery that is to come into being."""

    partner: str
    form: str
    unit: str
    period: str
    partner_unit: str
    agency: str
    version: int
    kind: str
    correlation_id: str
    reconciliation: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A delivery's row."""

    id: int
    message_id: UUID
    partner: str
    form: str
    unit: str
    period: str
    partner_unit: str
    agency: str
    version: int
    kind: str
    state: State
    attempts: int
    correlation_id: str
    reconciliation: int | None
    claimed_by: str | None
    packet: bytes | None
    error: str | None
    created_at: datetime
    updated_at: datetime
    next_attempt_at: datetime | None

    @property
    def key(self) -> dict[str, str]:
        """The key's columns."""
        return {"partner": self.partner, "form": self.form, "unit": self.unit, "period": self.period}


def plan(connection: Connection, planned: Sequence[Planned]) -> list[int]:
    """Plan these, due now; unsent deliveries of the same keys and the same or older versions are superseded."""
    if not planned:
        return []
    rows = [msgspec.to_builtins(item) | {"message_id": str(new_message_id())} for item in planned]
    text_of_rows = msgspec.json.encode(rows).decode()
    connection.execute(_SUPERSEDE, {"rows": text_of_rows})
    return [row.id for row in connection.execute(_PLAN, {"rows": text_of_rows})]


def claim(connection: Connection, partner: str) -> Delivery | None:
    """Return the partner's next due delivery, its key and itself locked; None if nothing is due that is free."""
    for row in connection.execute(_CANDIDATES, {"partner": partner}).all():
        candidate = dict(row._mapping)
        if connection.execute(_LOCK_KEY, candidate).first() is None:
            continue
        taken = _delivery(connection.execute(_TAKE, {"id": row.id}).one_or_none())
        if taken is not None:
            return taken
    return None


def start(
    connection: Connection,
    delivery: Delivery,
    *,
    action: str,
    process: str,
    packet: bytes | None,
    lease_seconds: float,
    at: datetime,
) -> int:
    """Write that an attempt begins (`action`: send or ask) and return its number."""
    state = State.SENDING if action == "send" else State.IN_DOUBT
    number: int = connection.execute(
        _START,
        {"id": delivery.id, "state": state, "process": process, "packet": packet, "lease": lease_seconds},
    ).scalar_one()
    connection.execute(_ATTEMPT, {"id": delivery.id, "number": number, "action": action, "at": at})
    return number


def finish(connection: Connection, delivery: int, number: int, seconds: float, outcome: str, error: str | None) -> None:
    """Write how an attempt ended."""
    connection.execute(
        _ATTEMPTED, {"id": delivery, "number": number, "seconds": seconds, "outcome": outcome, "error": error}
    )


def lock(connection: Connection, delivery: int) -> Delivery | None:
    """Return the delivery as it stands now, locked until the transaction ends."""
    return _delivery(connection.execute(_LOCKED, {"id": delivery}).one_or_none())


def settle(connection: Connection, delivery: int, step: Step) -> None:
    """Write where an attempt led to."""
    connection.execute(_SETTLE, {"id": delivery, "state": step.state, "error": step.error, "due": step.due_in})


def orphaned(connection: Connection, process: str) -> int:
    """Put in doubt what this process was sending when it died; return how many."""
    return len(connection.execute(_ORPHANED, {"process": process}).all())


def hurry(connection: Connection, partner: str) -> int:
    """Make all unsent deliveries of this partner due now and take refused and dead ones up again; those in doubt still
    wait. Return how many."""
    hurried = connection.execute(_HURRY, {"partner": partner}).rowcount
    return int(hurried + connection.execute(_TAKE_UP, {"partner": partner}).rowcount)


def unsettled(connection: Connection, reconciliation: int) -> int:
    """Return how many repairs of this reconciliation are under way."""
    given = {"reconciliation": reconciliation, "open": list(OPEN)}
    return int(connection.execute(_UNSETTLED, given).scalar_one())


def load(connection: Connection, delivery: int) -> Delivery | None:
    """Return this delivery, None if there is none."""
    return _delivery(connection.execute(_ONE, {"id": delivery}).one_or_none())


def attempts_of(connection: Connection, delivery: int) -> Iterable[Row[Any]]:
    """Return its attempts in order."""
    return connection.execute(_ATTEMPTS, {"id": delivery}).all()


def page(
    connection: Connection,
    *,
    partner: str | None,
    state: str | None,
    units: Sequence[str] | None,
    forms: Sequence[str] | None,
    before: int | None,
    limit: int,
) -> list[Delivery]:
    """Return deliveries that match, newest first, at most `limit`; None matches all."""
    wheres = {
        "partner = :partner": partner,
        "state = :state": state,
        "unit = ANY(:units)": None if units is None else list(units),
        "form = ANY(:forms)": None if forms is None else list(forms),
        "id < :before": before,
    }
    chosen = [where for where, value in wheres.items() if value is not None]
    values = {"partner": partner, "state": state, "units": units and list(units), "forms": forms and list(forms)}
    where = " AND ".join(chosen) or "true"
    found = connection.execute(
        text(f"SELECT * FROM deliveries WHERE {where} ORDER BY id DESC LIMIT :limit"),  # noqa: S608 -- constants above
        {name: value for name, value in values.items() if value is not None}
        | ({} if before is None else {"before": before})
        | {"limit": limit},
    )
    return [delivery for row in found if (delivery := _delivery(row)) is not None]


def failed(step: Step) -> bool:
    """Tell whether a person must look."""
    return step.state in FAILED


def _delivery(row: Row[Any] | None) -> Delivery | None:
    if row is None:
        return None
    values = dict(row._mapping)
    packet = values["packet"]
    return Delivery(**values | {"state": State(values["state"]), "packet": None if packet is None else bytes(packet)})
