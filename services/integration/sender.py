"""Working deliveries off: claim (commit), call the partner outside any transaction, record what came of it (commit).

Calls run beside each other; what has ended is recorded, and what is due claimed, for several deliveries in one
transaction. A process may die between any two of these: what was claimed is then in doubt, is asked about, and sent
again under the same message id if it never arrived.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import eventlet
import msgspec
from eventlet.queue import Empty, LightQueue
from sqlalchemy.exc import SQLAlchemyError

from services.integration.clients import Client, Connect, Recorder, about, open_client
from services.integration.domain import timetable
from services.integration.domain.delivery import Answer, Pace, Said, State, Step, after_asking, after_sending
from services.integration.domain.governor import Heard, sign_of, too_large
from services.integration.domain.ledger import Packet
from services.integration.domain.messages import Message
from services.integration.domain.partners import Partner
from services.integration.governing import Governing, Turns, callers, lease_seconds
from services.integration.metrics import DELIVERIES, DELIVERY_SECONDS
from services.integration.settings import AHEAD, IntegrationSettings
from services.integration.settling import Row, acknowledge, tell_of_failure
from services.integration.storage import deliveries, ledger, messages
from services.integration.storage import partners as partner_rows
from services.integration.storage.deliveries import Delivery, Ended
from services.integration.tries import tried
from shared import traces
from shared.errors import HubError
from shared.failpoints import failpoint
from shared.logs import correlated, logger
from shared.storage import Unit, UnitOfWork

log = logger(__name__)

SENDER = "lai-chau"
"""Under this name the hub presents itself to partners."""

_GATHER_SECONDS = 0.02
"""How long the first call that ended waits for others, so that one transaction records them all."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery in hand: attempt `number` sends `rows`, or asks what became of them."""

    delivery: Delivery
    partner: Partner
    number: int
    action: str
    rows: list[Row]


@dataclass(frozen=True, slots=True)
class Called:
    """A call that has ended."""

    claimed: Claimed
    answer: Answer
    began: datetime
    seconds: float
    noted: list[Message]

    @property
    def ended(self) -> Ended:
        """What is written of it."""
        answer = self.answer
        return Ended(self.claimed.delivery.id, self.claimed.number, self.began, self.seconds, answer.said, answer.error)

    @property
    def heard(self) -> Heard:
        """What it tells of the partner."""
        answer, at = self.answer, self.began + timedelta(seconds=self.seconds)
        return Heard(sign=sign_of(answer, self.noted), at=at, story=answer.error or "", retry_after=answer.retry_after)


class Sender:
    """Works off the deliveries of one partner, `senders` calls at once; not shared between green threads."""

    def __init__(
        self,
        unit: UnitOfWork,
        partner: str,
        settings: IntegrationSettings,
        connect: Connect = open_client,
    ) -> None:
        self._unit = unit
        self._partner = partner
        self._settings = settings
        self._connect = connect
        self._governing = Governing(partner, settings)
        self._turns = Turns(unit, partner)
        self._callers: list[Any] = []
        self._due: LightQueue[Claimed | None] = LightQueue()
        self._ended: LightQueue[Called] = LightQueue()
        self._unrecorded: list[Called] = []
        self.in_hand = 0
        self._stopping = False

    def step(self) -> int:
        """Record what has ended, claim and begin what is due; return how many deliveries that were.

        With calls under way it first waits for one to end, HUB_INTEGRATION_POLL_SECONDS at most.
        """
        self._gather()
        ended = self._unrecorded
        if ended:
            failpoint("delivery.before_record")
        try:
            steps, claimed, superseded = self._transact(ended)
        except HubError:
            raise  # the database is away: all of it again, later
        except Exception:
            if not ended:
                raise
            steps, claimed, superseded = self._record_one_by_one(ended), [], 0
        self._unrecorded = []
        self.in_hand += len(claimed) - len(ended)
        if ended:
            failpoint("delivery.after_record")
        for item in ended:
            if (step := steps.get(item.claimed.delivery.id)) is not None:
                self._tell(item, step)
        if claimed:
            self._staff(callers(self._settings, claimed[0].partner.limits))
        for each in claimed:
            self._due.put(each)
        return len(ended) + len(claimed) + superseded

    def stop(self) -> None:
        """Claim nothing more; return when what is in hand is recorded. What was not sent yet is given back."""
        self._stopping = True
        while self.in_hand:
            self.step()
        self.close()

    def _staff(self, wanted: int) -> None:
        """See that so many callers work; those too many end when they are done."""
        while len(self._callers) < wanted:
            self._callers.append(eventlet.spawn(self._call_due))
        for _ in range(len(self._callers) - wanted):
            self._due.put(None)
            self._callers.pop()

    def close(self) -> None:
        """End the callers, who give their connections to the partner back."""
        for _ in self._callers:
            self._due.put(None)
        for caller in self._callers:
            caller.wait()
        self._callers = []

    # -- claiming and recording: one transaction -----------------------------------------------------------------------

    def _gather(self) -> None:
        """Wait until enough calls have ended to be worth a transaction, or none is left to wait for."""
        patience = self._settings.poll_seconds
        while len(self._unrecorded) < min(self.in_hand, AHEAD // 2):
            try:
                self._unrecorded.append(self._ended.get(timeout=patience))
            except Empty:
                return
            patience = _GATHER_SECONDS

    def _transact(self, ended: Sequence[Called]) -> tuple[dict[int, Step], list[Claimed], int]:
        """Record and claim; return what became of the recorded, what is claimed, and how many needed no call."""
        with self._unit() as unit:
            steps = self._record(unit, ended) if ended else {}
            in_hand = self.in_hand - len(ended)
            claimed, superseded = ([], 0) if self._stopping or in_hand >= AHEAD else self._claim(unit, in_hand)
        return steps, claimed, superseded

    def _claim(self, unit: Unit, in_hand: int) -> tuple[list[Claimed], int]:
        """Return the claimed deliveries, and how many needed no call because a newer version has overtaken them."""
        partner = partner_rows.load(unit.connection, self._partner)
        if timetable.held(partner, unit.now) is not None:
            return [], 0  # they stay as they are, and are due once it may be called
        allowed = self._governing.allowance(unit, partner, in_hand)
        if allowed.room <= 0:
            return [], 0
        offered = deliveries.claim(
            unit.connection,
            self._partner,
            allowed.room,
            in_order=not partner.refuses_older,
            no_repeats=allowed.repeats == 0,
        )
        found = self._governing.take(unit, partner, allowed, offered)
        if not found:
            return [], 0
        overtaken = {
            delivery.id: Step(State.SUPERSEDED)
            for delivery, expected in found
            if expected > delivery.version and _action(delivery) == "send"
        }
        deliveries.settle(unit.connection, overtaken)
        due = [delivery for delivery, _ in found if delivery.id not in overtaken]
        messages.keep_interrupted(unit.connection, [item.id for item in due if _action(item) == "ask"])
        fresh = ledger.entries(unit.connection, [delivery.id for delivery in due if delivery.packet is None])
        rows = {delivery.id: _rows(delivery, fresh) for delivery in due}
        numbers = deliveries.start(
            unit.connection,
            [(delivery, _action(delivery), msgspec.json.encode(rows[delivery.id])) for delivery in due],
            process=self._settings.process,
            lease_seconds=lease_seconds(self._settings, partner.limits),
            at=unit.now,
        )
        claimed = [Claimed(item, partner, numbers[item.id], _action(item), rows[item.id]) for item in due]
        return claimed, len(overtaken)

    def _record(self, unit: Unit, ended: Sequence[Called]) -> dict[int, Step]:
        """Write what came of the attempts; return it by delivery, without those another sender has taken over."""
        messages.keep(unit.connection, [message for item in ended for message in item.noted])
        failpoint("log.written")
        ids = [item.claimed.delivery.id for item in ended]
        standings = ledger.lock(unit.connection, ids)
        now = deliveries.lock(unit.connection, ids)
        called = [item for item in ended if item.answer.said is not Said.UNSENT]
        unsent = [item.claimed for item in ended if item.answer.said is Said.UNSENT]
        deliveries.finish(unit.connection, [item.ended for item in called])
        deliveries.give_back(unit.connection, [(item.delivery.id, item.number, item.action) for item in unsent])
        steps: dict[int, Step] = {}
        as_expected: list[int] = []
        refused: dict[int, int | None] = {}
        for item in called:
            number = item.claimed.delivery.id
            delivery, standing = now.get(number), standings.get(number)
            if delivery is None or standing is None or delivery.attempts != item.claimed.number:
                continue
            steps[number] = step = self._judged(item, overtaken=standing.expected_version > delivery.version)
            if step.state is State.ACKNOWLEDGED and acknowledge(unit, delivery, standing, item.claimed.rows):
                as_expected.append(number)
            if item.answer.said is Said.SUPERSEDED and standing.expected_version == delivery.version:
                refused[number] = item.answer.version
            if step.needs_person:
                tell_of_failure(unit.about(delivery.correlation_id), delivery, step)
        ledger.acknowledge_expected(unit.connection, as_expected)
        ledger.note_refused(unit.connection, refused)
        deliveries.settle(unit.connection, steps)
        self._governing.learn(unit, [item.heard for item in ended])
        return steps

    def _record_one_by_one(self, ended: Sequence[Called]) -> dict[int, Step]:
        """Record each in a transaction of its own, because all together could not be: what cannot be recorded is left
        to its lease, after which it is asked about, and does not hold the others up."""
        steps: dict[int, Step] = {}
        for item in ended:
            try:
                with self._unit() as unit:
                    steps |= self._record(unit, [item])
            except Exception as error:
                log.error(
                    "delivery.unrecorded", partner=self._partner, delivery=item.claimed.delivery.id, exc_info=error
                )
        return steps

    def _judged(self, item: Called, overtaken: bool) -> Step:
        settings, claimed = self._settings, item.claimed
        pace = Pace(
            settings.backoff_seconds,
            settings.backoff_cap_seconds,
            settings.max_attempts,
            claimed.partner.max_processing_seconds,
        )
        if claimed.action == "ask":
            return after_asking(item.answer, claimed.number, pace, random.random(), overtaken)
        return after_sending(item.answer, claimed.number, pace, random.random())

    def _tell(self, item: Called, step: Step) -> None:
        DELIVERIES.labels(self._partner, step.state).inc()
        claimed = item.claimed
        if traces.on():
            traces.record(
                f"deliver to {self._partner}",
                "client",
                claimed.delivery.correlation_id,
                (datetime.now(UTC) - item.began).total_seconds(),
                failed=step.needs_person,
                action=claimed.action,
                state=step.state.value,
                attempt=claimed.number,
            )
        known = {"partner": self._partner, "delivery": claimed.delivery.id, "attempt": claimed.number}
        with correlated(claimed.delivery.correlation_id):
            log.info("delivery.attempted", **known, action=claimed.action, state=step.state, error=step.error)

    # -- calling: in green threads of their own, each with a connection ------------------------------------------------

    def _call_due(self) -> None:
        client: Client | None = None
        recorder = Recorder(self._partner, self._settings.message_body_bytes)
        while (claimed := self._due.get()) is not None:
            failpoint("delivery.before_send")
            began, at = time.monotonic(), datetime.now(UTC)
            with correlated(claimed.delivery.correlation_id):
                client, answer = self._called(client, recorder, claimed)
            failpoint("delivery.after_send")
            seconds = time.monotonic() - began
            if answer.said is not Said.UNSENT:
                DELIVERY_SECONDS.labels(self._partner).observe(seconds)
            ended = Called(claimed, answer, at, seconds, recorder.take())
            self._governing.notice(ended.heard)
            self._ended.put(ended)
        if client is not None:
            client.close()

    def _called(self, client: Client | None, recorder: Recorder, claimed: Claimed) -> tuple[Client | None, Answer]:
        if (hold := timetable.held(claimed.partner, datetime.now(UTC))) is not None:
            return client, Answer(Said.UNSENT, hold.detail)  # its permission or its hours ended meanwhile
        if self._held():
            return client, Answer(Said.UNSENT, self._held())
        answer: Answer | None = None
        try:
            with self._turns.taken(claimed.partner.limits, lambda: self._held() is not None) as mine:
                if mine:
                    client, answer = self._called_in_turn(client, recorder, claimed)
        except (HubError, SQLAlchemyError) as error:  # the database is away: the turn, not the call
            log.warning("delivery.no_turn", partner=self._partner, delivery=claimed.delivery.id, error=str(error))
        return client, answer or Answer(Said.UNSENT, self._held() or "not sent: its turn did not come")

    def _called_in_turn(
        self, client: Client | None, recorder: Recorder, claimed: Claimed
    ) -> tuple[Client | None, Answer]:
        limits = claimed.partner.limits
        if claimed.action == "send" and (refusal := too_large(limits, len(claimed.rows))) is not None:
            return client, refusal
        if client is None:
            try:
                client = self._connect(claimed.partner, self._settings, recorder)
            except Exception as error:  # a secret that is missing, an address that is not allowed: nothing has left
                log.error("delivery.no_road", partner=self._partner, delivery=claimed.delivery.id, exc_info=error)
                return None, Answer(Said.NOT_APPLIED, f"{type(error).__name__}: {error}")
        try:
            with _about(claimed):
                return client, self._asked(client, claimed)
        except Exception as error:
            # Whatever this was, the packet may have left: asking will tell.
            log.error("delivery.fault", partner=self._partner, delivery=claimed.delivery.id, exc_info=error)
            client.close()
            return None, Answer(Said.UNCLEAR, f"{type(error).__name__}: {error}")

    def _held(self) -> str | None:
        """Tell why nothing more is sent of what is claimed, if so."""
        return "not sent: its sender was stopped" if self._stopping else self._governing.held

    def _asked(self, client: Client, claimed: Claimed) -> Answer:
        delivery = claimed.delivery
        packet = Packet(
            message_id=str(delivery.message_id),
            sender=SENDER,
            form=delivery.form,
            unit=delivery.partner_unit,
            period=delivery.period,
            version=delivery.version + delivery.lift,
            values=tuple((theirs, value, status) for _, theirs, value, status in claimed.rows),
        )
        if claimed.action == "ask":
            return client.status(packet)
        if claimed.partner.limits.calls_per_second > 0:
            return client.submit(packet)  # each call has its turn: a second try is another attempt
        return tried(lambda: client.submit(packet), self._settings.quick_tries, self._held)


def _action(delivery: Delivery) -> str:
    return "ask" if delivery.state in (State.IN_DOUBT, State.SENDING) else "send"


def _about(claimed: Claimed) -> AbstractContextManager[None]:
    delivery = claimed.delivery
    return about(
        "submit" if claimed.action == "send" else "status",
        message_id=str(delivery.message_id),
        form=delivery.form,
        unit=delivery.unit,
        period=delivery.period,
        delivery=delivery.id,
        attempt=claimed.number,
    )


def _rows(delivery: Delivery, fresh: dict[int, list[Row]]) -> list[Row]:
    """Return what is (or was) sent: a repeat is the same even if the ledger has moved on."""
    if delivery.packet is not None:
        return msgspec.json.decode(delivery.packet, type=list[Row])
    return fresh[delivery.id]
