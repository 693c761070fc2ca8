"""Consuming one queue in batches over a connection of its own, in one green thread. What becomes of a message is
decided elsewhere (`batches`), here it is carried out: acknowledged, delayed, or put with the dead letters.

Nothing is acknowledged before its effect is committed, or before the broker has confirmed the copy that replaces it.
While a handler works, this thread serves the connection's heartbeats every 5 s, so a handler may take as long as it
needs, up to the broker's own limit for acknowledgements (30 minutes by default).
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import eventlet
import pika
from eventlet.event import Event as Signal
from pika.exceptions import AMQPError

from shared import traces
from shared.batches import DEAD, DONE, RETRY, UNTRIED, DatabaseAway, Outcome
from shared.contracts.events import Event
from shared.envelope import ATTEMPT, DIED_AT, ERROR, QUEUE, TRACEBACK, Decoder, NewerSchema, Received, attempt_of
from shared.failpoints import failpoint
from shared.logs import logger
from shared.metrics import BATCH_MESSAGES, CONSUMER_CONNECTED, HANDLER_SECONDS, MESSAGES_HANDLED
from shared.topology import MAX_ATTEMPTS, dead_queue, delay_for

if TYPE_CHECKING:
    from pika.adapters.blocking_connection import BlockingChannel
    from pika.spec import Basic

log = logger(__name__)
E = TypeVar("E", bound=Event)

_HEARTBEAT_SECONDS = 60
_SERVE_SECONDS = 5.0
_IDLE_SECONDS = 1.0
_BACKOFF_CAP_SECONDS = 15.0
_BLOCKED_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Batch:
    """How much one transaction takes: at most `count` messages and about `bytes` of bodies; after the first message it
    waits up to `milliseconds` for more, then takes what is there."""

    count: int = 200
    bytes: int = 8 * 1024 * 1024
    milliseconds: float = 2.0


@dataclass(slots=True)
class Delivery(Generic[E]):
    """One unacknowledged message in hand."""

    tag: int
    properties: pika.BasicProperties
    body: bytes
    message: Received[E] | None = None

    @property
    def attempt(self) -> int:
        """Which attempt this is, from 1; known of an unreadable message, too."""
        return attempt_of(self.properties.headers or {})


def acknowledgements(outstanding: Sequence[int], settled: Iterable[int]) -> tuple[int | None, list[int]]:
    """Return how to acknowledge `settled` delivery tags: one tag up to which all may be acknowledged together, and the
    others singly. `outstanding` are all unacknowledged tags in ascending order; none that is not settled is covered."""
    done = set(settled)
    together = None
    count = 0
    for tag in outstanding:
        if tag not in done:
            break
        together = tag
        count += 1
    return together, sorted(done.difference(outstanding[:count]))


class Consumer(Generic[E]):
    """Feeds one queue's messages to `begin`, which starts work on them and returns a signal that brings their outcomes,
    or DatabaseAway.

    `probe` tells whether the database answers again. `run()` returns after `stop()`, when the batch in hand is settled
    and what was not begun has been given back.
    """

    def __init__(
        self,
        *,
        url: str,
        queue: str,
        event: type[E],
        batch: Batch,
        begin: Callable[[list[Received[E]]], Signal],
        probe: Callable[[], bool],
    ) -> None:
        self._parameters = pika.URLParameters(url)
        self._parameters.heartbeat = _HEARTBEAT_SECONDS
        self._parameters.blocked_connection_timeout = _BLOCKED_SECONDS
        self._parameters.client_properties = {"connection_name": f"hub {queue}"}
        self.queue = queue
        self._decoder = Decoder(event, queue)
        self._batch = batch
        self._begin = begin
        self._probe = probe
        self._waiting: deque[Delivery[E]] = deque()
        self._outstanding: dict[int, None] = {}
        self._stopping = Signal()
        self._connection: pika.BlockingConnection | None = None
        self._connected = CONSUMER_CONNECTED.labels(queue)

    # -- life -------------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Ask `run` to end: the batch in hand is settled first."""
        if not self._stopping.ready():
            self._stopping.send(None)
        connection = self._connection
        if connection is not None and connection.is_open:
            connection.add_callback_threadsafe(lambda: None)  # wakes the thread out of its wait

    def run(self) -> None:
        """Consume until stopped, reconnecting for ever."""
        failures = 0
        while not self._stopping.ready():
            try:
                self._session()
                failures = 0
            except (AMQPError, OSError) as error:
                failures += 1
                log.warning("consumer.disconnected", queue=self.queue, error=repr(error), failures=failures)
            except DatabaseAway as error:
                log.warning("consumer.database_away", queue=self.queue, error=str(error))
                self._await_database()
                failures = 0
            if failures:
                self._pause(min(_BACKOFF_CAP_SECONDS, 0.2 * 2 ** min(failures, 10)) * random.uniform(0.5, 1.0))

    def _pause(self, seconds: float) -> None:
        with eventlet.Timeout(seconds, False):
            self._stopping.wait()

    def _await_database(self) -> None:
        wait = 0.2
        while not self._stopping.ready() and not self._probe():
            self._pause(wait)
            wait = min(wait * 2, 5.0)

    def _session(self) -> None:
        """Consume over one connection; returns when stopped. What is in hand when it breaks is delivered again."""
        self._waiting.clear()
        self._outstanding.clear()
        self._connection = connection = pika.BlockingConnection(self._parameters)
        self._connected.inc()
        try:
            channel, publisher = connection.channel(), connection.channel()
            publisher.confirm_delivery()
            channel.basic_qos(prefetch_count=2 * self._batch.count)
            tag = channel.basic_consume(self.queue, self._on_delivery)
            log.info("consumer.ready", queue=self.queue)
            while not self._stopping.ready():
                batch = self._take(connection)
                if batch:
                    self._settle(channel, publisher, batch, self._worked(connection, batch))
            channel.basic_cancel(tag)
        finally:
            self._connected.dec()
            self._connection = None
            if connection.is_open:
                connection.close()  # gives back what is unacknowledged

    # -- a batch ----------------------------------------------------------------------------------------------------

    def _on_delivery(
        self, _: BlockingChannel, method: Basic.Deliver, properties: pika.BasicProperties, body: bytes
    ) -> None:
        self._waiting.append(Delivery(method.delivery_tag, properties, body))
        self._outstanding[method.delivery_tag] = None

    def _take(self, connection: pika.BlockingConnection) -> list[Delivery[E]]:
        if not self._waiting:
            connection.process_data_events(time_limit=_IDLE_SECONDS)
        else:
            connection.process_data_events(time_limit=0)
        if self._waiting and len(self._waiting) < self._batch.count and self._batch.milliseconds:
            connection.process_data_events(time_limit=self._batch.milliseconds / 1000)
        taken: list[Delivery[E]] = []
        size = 0
        while self._waiting and len(taken) < self._batch.count and (not taken or size < self._batch.bytes):
            delivery = self._waiting.popleft()
            size += len(delivery.body)
            taken.append(delivery)
        return taken

    def _worked(self, connection: pika.BlockingConnection, batch: list[Delivery[E]]) -> list[Outcome]:
        """Return the outcome of each delivery; heartbeats are served meanwhile."""
        outcomes: dict[int, Outcome] = {}
        readable: list[Delivery[E]] = []
        for delivery in batch:
            try:
                delivery.message = self._decoder.read(delivery.body, delivery.properties.headers or {})
                readable.append(delivery)
            except NewerSchema as error:
                # During an upgrade a process of the newer version takes the same queue: the message waits for it.
                log.warning("message.newer", queue=self.queue, id=delivery.properties.message_id, error=str(error))
                kind = RETRY if delivery.attempt < MAX_ATTEMPTS else DEAD
                outcomes[delivery.tag] = Outcome(kind, f"hub.newer_schema: {error}")
            except ValueError as error:
                log.error("message.unreadable", queue=self.queue, id=delivery.properties.message_id, error=str(error))
                outcomes[delivery.tag] = Outcome(DEAD, f"hub.unreadable: {error}")
        if readable:
            began = time.monotonic()
            BATCH_MESSAGES.labels(self.queue).observe(len(readable))
            with HANDLER_SECONDS.labels(self.queue).time():
                messages = [delivery.message for delivery in readable if delivery.message is not None]
                results = self._served(connection, self._begin(messages))
            outcomes.update(zip((delivery.tag for delivery in readable), results, strict=True))
            if traces.on():
                self._trace(readable, results, time.monotonic() - began)
        return [outcomes[delivery.tag] for delivery in batch]

    def _trace(self, batch: list[Delivery[E]], outcomes: list[Outcome], seconds: float) -> None:
        for delivery, outcome in zip(batch, outcomes, strict=True):
            if (message := delivery.message) is None:
                continue
            traces.record(
                f"handle {self.queue}",
                "consumer",
                message.correlation_id,
                seconds,
                parent=traces.parent_in((delivery.properties.headers or {}).get(traces.TRACEPARENT)),
                failed=outcome.kind in (RETRY, DEAD),
                outcome=outcome.kind,
                batch=len(batch),
            )

    def _served(self, connection: pika.BlockingConnection, finished: Signal) -> list[Outcome]:
        while not finished.ready():
            with eventlet.Timeout(_SERVE_SECONDS, False):
                finished.wait()
            if not finished.ready():
                try:
                    connection.process_data_events(time_limit=0)
                except (AMQPError, OSError):
                    finished.wait()  # its effect may commit; the inbox will know the messages when they come again
                    raise
        result: list[Outcome] = finished.wait()
        return result

    def _settle(
        self,
        channel: BlockingChannel,
        publisher: BlockingChannel,
        batch: list[Delivery[E]],
        outcomes: list[Outcome],
    ) -> None:
        settled: list[int] = []
        untried: list[Delivery[E]] = []
        for delivery, outcome in zip(batch, outcomes, strict=True):
            if outcome.kind == UNTRIED:
                untried.append(delivery)
                continue
            if outcome.kind == RETRY:
                self._delay(publisher, delivery, outcome)
            elif outcome.kind == DEAD:
                self._bury(publisher, delivery, outcome)
            settled.append(delivery.tag)
            MESSAGES_HANDLED.labels(self.queue, outcome.kind).inc()
        self._waiting.extendleft(reversed(untried))
        if any(outcome.kind == DONE for outcome in outcomes):
            failpoint("handler.before_ack")
        together, singly = acknowledgements(list(self._outstanding), settled)
        if together is not None:
            channel.basic_ack(together, multiple=True)
        for tag in singly:
            channel.basic_ack(tag)
        for tag in settled:
            del self._outstanding[tag]
        failpoint("handler.after_ack")

    # -- what is not done -------------------------------------------------------------------------------------------

    def _delay(self, publisher: BlockingChannel, delivery: Delivery[E], outcome: Outcome) -> None:
        added = {ATTEMPT: delivery.attempt, ERROR: outcome.error}
        self._publish(publisher, delay_for(delivery.attempt), self.queue, delivery, added)

    def _bury(self, publisher: BlockingChannel, delivery: Delivery[E], outcome: Outcome) -> None:
        added = {
            ATTEMPT: delivery.attempt,
            ERROR: outcome.error,
            QUEUE: self.queue,
            DIED_AT: datetime.now(UTC).isoformat(),
        }
        if outcome.traceback:
            added[TRACEBACK] = outcome.traceback
        self._publish(publisher, "", dead_queue(self.queue), delivery, added)

    def _publish(
        self,
        publisher: BlockingChannel,
        exchange: str,
        routing_key: str,
        delivery: Delivery[E],
        added: dict[str, Any],
    ) -> None:
        failpoint("handler.before_retry_publish")
        head = {key: value for key, value in (delivery.properties.headers or {}).items() if not key.startswith("x-")}
        properties = pika.BasicProperties(
            content_type=delivery.properties.content_type,
            message_id=delivery.properties.message_id,
            delivery_mode=2,
            headers={**head, **added},
        )
        publisher.basic_publish(exchange, routing_key, delivery.body, properties, mandatory=True)
