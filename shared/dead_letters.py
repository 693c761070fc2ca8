"""Collecting what no retry could help: an entrypoint that reads every `<queue>.dead` over one connection.

A letter is acknowledged only after the method that keeps it has returned (and with it its transaction); one that comes
twice must change nothing. Bodies are not decoded: being unreadable may be why they are here.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import eventlet
import pika
from eventlet.event import Event as Signal
from nameko.containers import WorkerContext
from nameko.extensions import Entrypoint, register_entrypoint
from pika.exceptions import AMQPError

from shared.envelope import ATTEMPT, DIED_AT, ERROR, TRACEBACK
from shared.logs import logger
from shared.topology import dead_queues

if TYPE_CHECKING:
    from pika.adapters.blocking_connection import BlockingChannel
    from pika.spec import Basic

log = logger(__name__)
P = ParamSpec("P")
R = TypeVar("R")

_PREFETCH = 20
_IDLE_SECONDS = 1.0
_NAMESPACE = uuid.UUID("7d7d3cc0-55c8-4f0e-9b1c-4c3f1de1a001")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message that died in `queue`, with its cause as far as it is told."""

    queue: str
    message_id: uuid.UUID
    event: str
    correlation_id: str
    subject: str
    schema: int
    error: str
    traceback: str | None
    attempts: int
    body: bytes
    died_at: datetime


def letter_of(dead_queue: str, headers: Mapping[str, Any], body: bytes, message_id: str | None = None) -> DeadLetter:
    """Return the letter that these headers and this body tell; one without an id gets one made of its content.

    What the broker itself gave up (its consumers died again and again) carries no error of ours, only `x-death`.
    """
    queue = dead_queue.removesuffix(".dead")
    told = str(headers.get("cloudEvents_id") or message_id or "")
    try:
        identity = uuid.UUID(told)
    except ValueError:
        identity = uuid.uuid5(_NAMESPACE, f"{queue}:{told}:{body.hex()}")
    deaths = headers.get("x-death") or [{}]
    given_up = f"hub.delivery_limit: the broker gave the message up ({deaths[0].get('reason', 'no reason')})"
    schema = str(headers.get("schema", "1"))
    return DeadLetter(
        queue=queue,
        message_id=identity,
        event=str(headers.get("cloudEvents_type") or queue.rpartition(".")[2]),
        correlation_id=str(headers.get("correlation_id") or identity),
        subject=str(headers.get("cloudEvents_subject") or ""),
        schema=int(schema) if schema.isdecimal() else 1,
        error=str(headers.get(ERROR) or given_up),
        traceback=None if headers.get(TRACEBACK) is None else str(headers[TRACEBACK]),
        attempts=int(headers.get(ATTEMPT) or 1),
        body=body,
        died_at=_time(headers.get(DIED_AT)),
    )


def _time(told: object) -> datetime:
    return datetime.fromisoformat(told) if isinstance(told, str) else datetime.now(UTC)


class CollectsDead(Entrypoint):
    """The entrypoint behind `@collects_dead`: one managed green thread with a connection of its own."""

    def __init__(self) -> None:
        super().__init__()
        self._stopping = Signal()
        self._thread: Any = None

    def start(self) -> None:
        """Called by nameko: begin to collect."""
        self._thread = self.container.spawn_managed_thread(self._run, identifier="dead letters")

    def stop(self) -> None:
        """Called by nameko on shutdown: return when the letter in hand is kept."""
        if not self._stopping.ready():
            self._stopping.send(None)
        if self._thread is not None:
            self._thread.wait()

    def _run(self) -> None:
        failures = 0
        while not self._stopping.ready():
            try:
                self._session()
                failures = 0
            except Exception as error:
                failures += 1
                known = isinstance(error, (AMQPError, OSError))
                log.warning("dead_letters.interrupted", error=repr(error), exc_info=None if known else error)
                with eventlet.Timeout(min(15.0, 0.2 * 2 ** min(failures, 10)) * random.uniform(0.5, 1.0), False):
                    self._stopping.wait()

    def _session(self) -> None:
        parameters = pika.URLParameters(self.container.config["AMQP_URI"])
        parameters.heartbeat = 60
        parameters.client_properties = {"connection_name": "hub dead letters"}
        waiting: list[tuple[int, DeadLetter]] = []
        connection = pika.BlockingConnection(parameters)
        try:
            channel = connection.channel()
            channel.basic_qos(prefetch_count=_PREFETCH)
            for queue in dead_queues():
                channel.basic_consume(queue, self._receiver(queue, waiting))
            while not self._stopping.ready():
                connection.process_data_events(time_limit=_IDLE_SECONDS)
                while waiting and not self._stopping.ready():
                    tag, letter = waiting.pop(0)
                    self._keep(letter)
                    channel.basic_ack(tag)
        finally:
            if connection.is_open:
                connection.close()

    @staticmethod
    def _receiver(queue: str, waiting: list[tuple[int, DeadLetter]]) -> Callable[..., None]:
        def receive(_: BlockingChannel, method: Basic.Deliver, properties: pika.BasicProperties, body: bytes) -> None:
            letter = letter_of(queue, properties.headers or {}, body, properties.message_id)
            waiting.append((method.delivery_tag, letter))

        return receive

    def _keep(self, letter: DeadLetter) -> None:
        """Run the method in a worker; its exception is raised here, and the letter stays in the broker."""
        answer = Signal()

        def handle_result(_: WorkerContext, result: Any, exc_info: Any) -> tuple[Any, Any]:
            if exc_info is None:
                answer.send(result)
            else:
                answer.send_exception(exc_info[1])
            return None, None

        data = {"correlation_id": letter.correlation_id}
        self.container.spawn_worker(self, (letter,), {}, context_data=data, handle_result=handle_result)
        answer.wait()


def collects_dead(method: Callable[P, R]) -> Callable[P, R]:
    """Make a method `def keep(self, letter: DeadLetter)` take every dead letter of the hub."""
    register_entrypoint(method, CollectsDead())
    return method
