"""Working deliveries off: claim (commit), call the partner outside any transaction, record what came of it (commit).

A process may die between any two of these: what was claimed is then in doubt, is asked about, and sent again under the
same message id if it never arrived.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from tenacity import RetryCallState, Retrying, retry_if_result, stop_after_attempt

from services.integration.clients import Client, open_client
from services.integration.domain.delivery import Answer, Pace, Said, State, Step, after_asking, after_sending
from services.integration.domain.ledger import Entry, Packet, digest_of
from services.integration.domain.partners import Partner
from services.integration.metrics import DELIVERIES, DELIVERY_SECONDS
from services.integration.settings import IntegrationSettings
from services.integration.storage import deliveries, ledger
from services.integration.storage import partners as partner_rows
from services.integration.storage.deliveries import Delivery
from shared.contracts.events import DeliveryFailed
from shared.digest import entry_hash
from shared.failpoints import failpoint
from shared.logs import correlated, logger
from shared.storage import Unit, UnitOfWork

log = logger(__name__)

SENDER = "lai-chau"
"""Under this name the hub presents itself to partners."""

_QUICK_WAIT_SECONDS = 2.0
_Row = tuple[str, str, str | None, str]  # indicator, partner's indicator, value, status


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery in hand: attempt `number` sends `packet`, or asks about it."""

    delivery: Delivery
    partner: Partner
    number: int
    action: str
    rows: list[_Row]


class Sender:
    """Works off the deliveries of one partner, one at a time; not shared between green threads."""

    def __init__(
        self,
        unit: UnitOfWork,
        partner: str,
        settings: IntegrationSettings,
        connect: Callable[[Partner, IntegrationSettings], Client] = open_client,
    ) -> None:
        self._unit = unit
        self._partner = partner
        self._settings = settings
        self._connect = connect
        self._client: Client | None = None

    def step(self) -> bool:
        """Work off one due delivery; tell whether there was one."""
        found = self._claim()
        if found is None:
            return False
        if isinstance(found, Claimed):
            with correlated(found.delivery.correlation_id):
                self._work(found)
        return True

    def close(self) -> None:
        """Give the connection to the partner back."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _claim(self) -> Claimed | State | None:
        """Return the claimed delivery, the state of one that needs no call, or None if nothing is due."""
        with self._unit() as unit:
            delivery = deliveries.claim(unit.connection, self._partner)
            if delivery is None:
                return None
            partner = partner_rows.load(unit.connection, self._partner)
            standing = ledger.lock(unit.connection, delivery.key)
            action = "ask" if delivery.state in (State.IN_DOUBT, State.SENDING) else "send"
            if action == "send" and (standing is None or standing.expected_version > delivery.version):
                deliveries.settle(unit.connection, delivery.id, Step(State.SUPERSEDED))
                return State.SUPERSEDED
            rows = _rows(unit, delivery)
            number = deliveries.start(
                unit.connection,
                delivery,
                action=action,
                process=self._settings.process,
                packet=msgspec.json.encode(rows),
                lease_seconds=self._settings.lease_seconds,
                at=unit.now,
            )
        return Claimed(delivery, partner, number, action, rows)

    def _work(self, claimed: Claimed) -> None:
        failpoint("delivery.before_send")
        began = time.monotonic()
        answer = self._call(claimed)
        failpoint("delivery.after_send")
        seconds = time.monotonic() - began
        DELIVERY_SECONDS.labels(self._partner).observe(seconds)
        failpoint("delivery.before_record")
        step = self._record(claimed, answer, seconds)
        failpoint("delivery.after_record")
        if step is not None:
            DELIVERIES.labels(self._partner, step.state).inc()
            known = {"partner": self._partner, "delivery": claimed.delivery.id, "attempt": claimed.number}
            log.info("delivery.attempted", **known, action=claimed.action, state=step.state, error=step.error)

    def _call(self, claimed: Claimed) -> Answer:
        delivery = claimed.delivery
        try:
            if self._client is None:
                self._client = self._connect(claimed.partner, self._settings)
            client = self._client
            if claimed.action == "ask":
                return client.status(str(delivery.message_id))
            packet = Packet(
                message_id=str(delivery.message_id),
                sender=SENDER,
                form=delivery.form,
                unit=delivery.partner_unit,
                period=delivery.period,
                version=delivery.version,
                values=tuple((theirs, value, status) for _, theirs, value, status in claimed.rows),
            )
            return self._tried(lambda: client.submit(packet))
        except Exception as error:
            # Whatever this was, the packet may have left: asking will tell.
            log.error("delivery.fault", partner=self._partner, delivery=delivery.id, exc_info=error)
            self.close()
            return Answer(Said.UNCLEAR, f"{type(error).__name__}: {error}")

    def _tried(self, send: Callable[[], Answer]) -> Answer:
        """Send, and again while it is certain that nothing was applied and that trying soon is worth it."""
        retrying = Retrying(
            retry=retry_if_result(lambda answer: answer.quick and (answer.retry_after or 0.0) <= _QUICK_WAIT_SECONDS),
            stop=stop_after_attempt(self._settings.quick_tries),
            wait=_quick_wait,
            retry_error_callback=_last,
        )
        answer: Answer = retrying(send)
        return answer

    def _record(self, claimed: Claimed, answer: Answer, seconds: float) -> Step | None:
        """Write what came of the attempt; None if another sender has taken the delivery over meanwhile."""
        with self._unit() as unit:
            standing = ledger.lock(unit.connection, claimed.delivery.key)
            delivery = deliveries.lock(unit.connection, claimed.delivery.id)
            deliveries.finish(unit.connection, claimed.delivery.id, claimed.number, seconds, answer.said, answer.error)
            if delivery is None or standing is None or delivery.attempts != claimed.number:
                return None
            step = self._judged(claimed, answer, overtaken=standing.expected_version > delivery.version)
            if step.state is State.ACKNOWLEDGED:
                _acknowledge(unit, delivery, standing, claimed.rows)
            deliveries.settle(unit.connection, delivery.id, step)
            if deliveries.failed(step):
                _tell(unit, delivery, step)
        return step

    def _judged(self, claimed: Claimed, answer: Answer, *, overtaken: bool) -> Step:
        settings = self._settings
        pace = Pace(
            settings.backoff_seconds,
            settings.backoff_cap_seconds,
            settings.max_attempts,
            claimed.partner.max_processing_seconds,
        )
        if claimed.action == "ask":
            return after_asking(answer, claimed.number, pace, random.random(), overtaken)
        return after_sending(answer, claimed.number, pace, random.random())


def _rows(unit: Unit, delivery: Delivery) -> list[_Row]:
    """Return what is (or was) sent: a repeat is the same even if the ledger has moved on."""
    if delivery.packet is not None:
        return msgspec.json.decode(delivery.packet, type=list[_Row])
    found = ledger.entries(unit.connection, delivery.key)
    return [(entry.indicator, entry.partner_indicator, entry.value, entry.status) for entry in found]


def _acknowledge(unit: Unit, delivery: Delivery, standing: ledger.Standing, rows: list[_Row]) -> None:
    if standing.acknowledged_version is not None and standing.acknowledged_version > delivery.version:
        return  # the partner acknowledged a newer version already, and refused to go back
    place = delivery.form, delivery.partner_unit, delivery.period
    given = [
        Entry(ours, theirs, value, status, entry_hash(*place, theirs, value, status))
        for ours, theirs, value, status in rows
    ]
    digest = digest_of([entry.hash for entry in given])
    if digest == standing.expected and standing.expected_version == delivery.version:
        ledger.acknowledge_expected(unit.connection, delivery.key, delivery.version)
    else:
        ledger.acknowledge_given(unit.connection, delivery.key, delivery.version, given, digest)


def _tell(unit: Unit, delivery: Delivery, step: Step) -> None:
    error = step.error or step.state
    unit.audit(f"delivery.{step.state}", str(delivery.id), {"partner": delivery.partner, "error": error})
    unit.emit(
        DeliveryFailed(
            delivery_id=str(delivery.id),
            partner=delivery.partner,
            form=delivery.form,
            unit=delivery.unit,
            agency=delivery.agency,
            period=delivery.period,
            state=step.state,
            error=error,
            attempts=delivery.attempts,
        )
    )


def _quick_wait(state: RetryCallState) -> float:
    answer: Answer | None = state.outcome.result() if state.outcome is not None else None
    asked = None if answer is None else answer.retry_after
    return asked if asked is not None else random.uniform(0.05, 0.15) * 2.0 ** (state.attempt_number - 1)


def _last(state: RetryCallState) -> Answer:
    if state.outcome is None:
        raise RuntimeError("tenacity gave up before the first try")
    answer: Answer = state.outcome.result()
    return answer
