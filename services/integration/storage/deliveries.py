"""Deliveries and their attempts: planned in the transaction that learns of new content, claimed and settled by senders,
several at a time, one statement for all of them.

A claim is a lease: `sending` until `next_attempt_at`. Whatever outlives its lease, or belongs to a process that has
started anew, is in doubt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Connection, Row, text

from services.integration.domain.delivery import OPEN, State, Step
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
        reconciliation, CASE WHEN on_demand THEN NULL ELSE coalesce(due, now()) END
    FROM jsonb_to_recordset(cast(:rows AS jsonb)) AS r(message_id uuid, partner text, form text, unit text,
        period text, partner_unit text, agency text, version bigint, kind text, correlation_id text,
        reconciliation bigint, due timestamptz, on_demand boolean)
    ORDER BY partner, form, unit, period
    RETURNING id
    """
)
# Without repeats: what was never sent, and questions about what was.
_DUE = (
    "state IN ('planned', 'waiting', 'in_doubt', 'sending') AND next_attempt_at <= now() "
    "AND (NOT :no_repeats OR attempts = 0 OR state IN ('in_doubt', 'sending'))"
)
# One at a time per key: what is being sent is settled before the key's next delivery goes out. An overdue lease is
# taken up as in doubt. A partner that does not refuse older versions gets nothing newer before doubts are settled: the
# older might still be applied over it.
_ALONE = (
    "NOT EXISTS (SELECT 1 FROM deliveries o WHERE o.partner = d.partner AND o.form = d.form AND o.unit = d.unit "
    "AND o.period = d.period AND o.id <> d.id "
    "AND (o.state = 'sending' OR (:in_order AND o.state = 'in_doubt' AND o.id < d.id)))"
)
# Whoever claims or settles locks the keys first and the deliveries second, as planning does. Claiming never waits.
_LOCK_KEYS = text(
    f"""
    SELECT c.id, h.expected_version, h.lift FROM (
        SELECT id, partner, form, unit, period, next_attempt_at FROM deliveries d
        WHERE partner = :partner AND {_DUE} AND {_ALONE} ORDER BY next_attempt_at, id LIMIT :limit) AS c
    JOIN holdings h USING (partner, form, unit, period) ORDER BY c.next_attempt_at, c.id FOR UPDATE OF h SKIP LOCKED
    """  # noqa: S608 -- constants
)
# Only under the locks is it certain that nobody is sending anything of the key.
_TAKE = text(
    f"SELECT * FROM deliveries d WHERE id = ANY(:ids) AND {_DUE} AND {_ALONE} "  # noqa: S608 -- constants
    "ORDER BY next_attempt_at, id FOR UPDATE OF d SKIP LOCKED"
)
_START = text(
    """
    WITH begun AS (
        UPDATE deliveries d SET attempts = attempts + 1, claimed_by = :process, packet = r.packet, updated_at = now(),
            state = CASE r.action WHEN 'send' THEN 'sending' ELSE 'in_doubt' END,
            next_attempt_at = now() + make_interval(secs => :lease)
        FROM unnest(cast(:ids AS bigint[]), cast(:actions AS text[]), cast(:packets AS bytea[]))
            AS r(id, action, packet)
        WHERE d.id = r.id RETURNING d.id, d.attempts, r.action)
    INSERT INTO attempts (delivery, number, action, started_at) SELECT id, attempts, action, :at FROM begun
    RETURNING delivery, number
    """
)
_FINISH = text(
    """
    UPDATE attempts a SET started_at = r.began, seconds = r.seconds, outcome = r.outcome, error = r.error
    FROM unnest(cast(:ids AS bigint[]), cast(:numbers AS int[]), cast(:began AS timestamptz[]),
        cast(:seconds AS float[]), cast(:outcomes AS text[]), cast(:errors AS text[]))
        AS r(id, number, began, seconds, outcome, error)
    WHERE a.delivery = r.id AND a.number = r.number
    """
)
_LOCKED = text("SELECT * FROM deliveries WHERE id = ANY(:ids) ORDER BY id FOR UPDATE")
_SETTLE = text(
    """
    UPDATE deliveries d SET state = r.state, error = r.error, claimed_by = NULL, updated_at = now(),
        next_attempt_at = now() + make_interval(secs => r.due),
        packet = CASE WHEN r.due IS NULL AND r.state <> 'in_doubt' THEN NULL ELSE packet END
    FROM unnest(cast(:ids AS bigint[]), cast(:states AS text[]), cast(:errors AS text[]), cast(:dues AS float[]))
        AS r(id, state, error, due)
    WHERE d.id = r.id
    """
)
_GIVE_BACK = text(
    """
    WITH given AS (
        SELECT * FROM unnest(cast(:ids AS bigint[]), cast(:numbers AS int[]), cast(:actions AS text[]))
            AS r(id, number, action)),
    gone AS (DELETE FROM attempts a USING given g WHERE a.delivery = g.id AND a.number = g.number AND a.outcome IS NULL)
    UPDATE deliveries d SET attempts = attempts - 1, claimed_by = NULL, updated_at = now(), next_attempt_at = now(),
        state = CASE WHEN g.action = 'ask' THEN 'in_doubt' WHEN g.number > 1 THEN 'waiting' ELSE 'planned' END,
        packet = CASE WHEN g.number > 1 THEN d.packet END
    FROM given g WHERE d.id = g.id AND d.attempts = g.number
    """
)
# The same version was planned anew meanwhile, under other codes: what did not arrive is not sent again, and what may
# have arrived has its time before the new one goes.
_YIELD = text(
    """
    WITH newer AS (
        SELECT d.id AS old, d.state, d.next_attempt_at, o.id AS new FROM deliveries d
        JOIN deliveries o USING (partner, form, unit, period, version)
        WHERE d.id = ANY(:ids) AND d.state IN ('planned', 'waiting', 'in_doubt') AND o.id > d.id
            AND o.state IN ('planned', 'waiting')),
    held AS (
        UPDATE deliveries o SET next_attempt_at = greatest(o.next_attempt_at, n.next_attempt_at) FROM newer n
        WHERE o.id = n.new AND n.state = 'in_doubt' AND o.next_attempt_at IS NOT NULL)
    UPDATE deliveries d SET state = 'superseded', next_attempt_at = NULL, packet = NULL FROM newer n WHERE d.id = n.old
    """
)
_RETIME = text(
    "UPDATE deliveries SET next_attempt_at = :due "
    "WHERE partner = :partner AND state = 'planned' AND attempts = 0 AND kind = 'release'"
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
# One that waits for a person is not under way: nobody knows when it goes on.
_UNSETTLED = text(
    "SELECT count(*) FROM deliveries WHERE reconciliation = :reconciliation AND state = ANY(:open) "
    "AND (state <> 'in_doubt' OR next_attempt_at IS NOT NULL)"
)
_OF_RECONCILIATION = text("SELECT * FROM deliveries WHERE reconciliation = :reconciliation ORDER BY id")
_ATTEMPTS = text("SELECT * FROM attempts WHERE delivery = :id ORDER BY number")
_ONE = text("SELECT * FROM deliveries WHERE id = :id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A delivery that is to come into being, due at `due` (None: at once), or only `on_demand`."""

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
    due: datetime | None = None
    on_demand: bool = False


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
    lift: int = 0

    @property
    def key(self) -> dict[str, str]:
        """The key's columns."""
        return {"partner": self.partner, "form": self.form, "unit": self.unit, "period": self.period}


@dataclass(frozen=True, slots=True)
class Ended:
    """How attempt `number` of a delivery ended: when its call began, and how many seconds it took."""

    delivery: int
    number: int
    began: datetime
    seconds: float
    outcome: str
    error: str | None


def plan(connection: Connection, planned: Sequence[Planned]) -> list[int]:
    """Plan these; unsent deliveries of the same keys and the same or older versions are superseded."""
    if not planned:
        return []
    rows = [msgspec.to_builtins(item) | {"message_id": str(new_message_id())} for item in planned]
    text_of_rows = msgspec.json.encode(rows).decode()
    connection.execute(_SUPERSEDE, {"rows": text_of_rows})
    return [row.id for row in connection.execute(_PLAN, {"rows": text_of_rows})]


def claim(
    connection: Connection, partner: str, limit: int, in_order: bool = False, no_repeats: bool = False
) -> list[tuple[Delivery, int]]:
    """Return up to `limit` of the partner's due deliveries, one per key, each with the version that the partner is
    expected to hold now. Keys and deliveries are locked; what another sender holds is left out, and with `in_order`
    what comes after one in doubt, with `no_repeats` what would repeat a failed attempt."""
    given = {"in_order": in_order, "no_repeats": no_repeats}
    rows = connection.execute(_LOCK_KEYS, given | {"partner": partner, "limit": limit}).all()
    if not rows:
        return []
    known = {row.id: row for row in rows}
    taken: dict[tuple[str, ...], Delivery] = {}
    for row in connection.execute(_TAKE, given | {"ids": list(known)}):
        delivery = replace(_delivery(row), lift=known[row.id].lift)
        taken.setdefault(tuple(delivery.key.values()), delivery)
    return [(delivery, known[delivery.id].expected_version) for delivery in taken.values()]


def start(
    connection: Connection,
    begun: Sequence[tuple[Delivery, str, bytes]],
    *,
    process: str,
    lease_seconds: float,
    at: datetime,
) -> dict[int, int]:
    """Write, before the calls, that an attempt begins for each (delivery, `send` or `ask`, packet); return their
    numbers by delivery."""
    if not begun:
        return {}
    given = {
        "ids": [delivery.id for delivery, _, _ in begun],
        "actions": [action for _, action, _ in begun],
        "packets": [packet for _, _, packet in begun],
        "process": process,
        "lease": lease_seconds,
        "at": at,
    }
    return {row.delivery: row.number for row in connection.execute(_START, given)}


def finish(connection: Connection, ended: Sequence[Ended]) -> None:
    """Write how attempts ended."""
    if not ended:
        return
    given = {
        "ids": [item.delivery for item in ended],
        "numbers": [item.number for item in ended],
        "began": [item.began for item in ended],
        "seconds": [item.seconds for item in ended],
        "outcomes": [item.outcome for item in ended],
        "errors": [item.error for item in ended],
    }
    connection.execute(_FINISH, given)


def lock(connection: Connection, ids: Sequence[int]) -> dict[int, Delivery]:
    """Return the deliveries as they stand now, by id, locked until the transaction ends."""
    return {row.id: _delivery(row) for row in connection.execute(_LOCKED, {"ids": list(ids)})}


def settle(connection: Connection, steps: Mapping[int, Step]) -> None:
    """Write where the last attempts of deliveries led to, by id."""
    if not steps:
        return
    given = {
        "ids": list(steps),
        "states": [step.state for step in steps.values()],
        "errors": [step.error for step in steps.values()],
        "dues": [step.due_in for step in steps.values()],
    }
    connection.execute(_SETTLE, given)
    again = [number for number, step in steps.items() if step.state in OPEN]
    if again:
        connection.execute(_YIELD, {"ids": again})


def give_back(connection: Connection, unsent: Sequence[tuple[int, int, str]]) -> None:
    """Make these (delivery, attempt's number, action), which were claimed and not called, what they were before."""
    if not unsent:
        return
    ids, numbers, actions = (list(column) for column in zip(*unsent, strict=True))
    connection.execute(_GIVE_BACK, {"ids": ids, "numbers": numbers, "actions": actions})
    connection.execute(_YIELD, {"ids": ids})


def orphaned(connection: Connection, process: str) -> list[int]:
    """Put in doubt what this process was sending when it died; return the deliveries' numbers."""
    return list(connection.execute(_ORPHANED, {"process": process}).scalars())


def hurry(connection: Connection, partner: str) -> int:
    """Make all unsent deliveries of this partner due now and take refused and dead ones up again; those in doubt still
    wait. Return how many."""
    hurried = connection.execute(_HURRY, {"partner": partner}).rowcount
    return int(hurried + connection.execute(_TAKE_UP, {"partner": partner}).rowcount)


def retime(connection: Connection, partner: str, due: datetime | None) -> int:
    """Make what was planned for a partner and never sent due at this moment, or on demand; return how much that is."""
    return int(connection.execute(_RETIME, {"partner": partner, "due": due}).rowcount)


def unsettled(connection: Connection, reconciliation: int) -> int:
    """Return how many repairs of this reconciliation are under way."""
    given = {"reconciliation": reconciliation, "open": list(OPEN)}
    return int(connection.execute(_UNSETTLED, given).scalar_one())


def of_reconciliation(connection: Connection, reconciliation: int) -> list[Delivery]:
    """Return the repairs that this reconciliation planned."""
    return [_delivery(row) for row in connection.execute(_OF_RECONCILIATION, {"reconciliation": reconciliation})]


def load(connection: Connection, delivery: int) -> Delivery | None:
    """Return this delivery, None if there is none."""
    row = connection.execute(_ONE, {"id": delivery}).one_or_none()
    return None if row is None else _delivery(row)


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
    return [_delivery(row) for row in found]


def _delivery(row: Row[Any]) -> Delivery:
    values = dict(row._mapping)
    packet = values["packet"]
    return Delivery(**values | {"state": State(values["state"]), "packet": None if packet is None else bytes(packet)})
