"""Every exchange, queue and binding of the hub, as data; `apply(url)` declares them and nothing else does.

One topic exchange carries the events; each consumer has a quorum queue `<service>.<event>` of its own, and next to it
`<queue>.dead` for what no retry can help. A retry waits in one of four delay queues, each with one life time for all
its messages (a life time per message would block behind longer ones), and returns through the default exchange to the
queue whose name it carries as routing key. Names are frozen by a test: a renamed queue orphans its messages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shared.errors import Conflict, Unavailable

if TYPE_CHECKING:
    from pika.adapters.blocking_connection import BlockingChannel

EVENTS_EXCHANGE = "hub.events"
DELAYS: tuple[int, ...] = (1, 10, 60, 600)
"""Seconds a message waits before its first, second … retry; later retries wait as long as the last."""

MAX_ATTEMPTS = 20
"""Attempts a message gets while only `Unavailable` stands in its way, before it becomes a dead letter."""

DELIVERY_LIMIT = 20
"""Unacknowledged deliveries (each kill of a consumer counts) before the broker itself gives a message up."""

# A dead letter is never given up by the broker: newer brokers would drop it after 20 deliveries if nothing were said.
DEAD_DELIVERY_LIMIT = 1_000_000_000

CONSUMERS: dict[str, tuple[str, ...]] = {
    "push_accepted": ("submissions", "integration"),
    "catalogue_changed": ("submissions", "integration"),
    "submission_submitted": ("approval",),
    "submission_returned": ("submissions", "notifications"),
    "submission_withdrawn": ("submissions",),
    "submission_approved": ("submissions", "notifications"),
    "submission_finalised": ("indicators",),
    "finalised_requested": ("submissions",),
    "observations_recorded": ("integration", "submissions"),
    "observations_requested": ("indicators",),
    "obligations_announced": ("notifications",),
    "proposal_moved": ("notifications",),
    "delivery_failed": ("notifications",),
    "reconciliation_finished": ("notifications",),
    "partner_changed": ("accounts",),
    "security_server_announced": ("notifications",),
    "source_differed": ("notifications",),
    "partner_holds_newer": ("notifications",),
    "command_done": ("integration",),
    "calls_answered": ("integration",),
}
"""Which services take which event."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A durable exchange."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Queue:
    """A durable quorum queue. `bindings` are (exchange, routing key); the default exchange needs none."""

    name: str
    arguments: Mapping[str, str | int]
    bindings: tuple[tuple[str, str], ...] = field(default=())


def queue_name(service: str, event: str) -> str:
    """Return the name of the queue in which `service` receives `event`."""
    return f"{service}.{event}"


def dead_queue(queue: str) -> str:
    """Return the queue that keeps this queue's dead letters."""
    return f"{queue}.dead"


def delay_for(attempt: int) -> str:
    """Return the exchange (and queue) in which a message waits after its failed attempt number `attempt` (from 1).
    Publish there with the target queue's name as routing key."""
    return f"hub.delay.{DELAYS[min(max(attempt, 1), len(DELAYS)) - 1]}s"


def _work_queue(service: str, event: str) -> Queue:
    name = queue_name(service, event)
    return Queue(
        name,
        {
            "x-queue-type": "quorum",
            "x-delivery-limit": DELIVERY_LIMIT,
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": dead_queue(name),
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        },
        ((EVENTS_EXCHANGE, event),),
    )


def _dead_queue(queue: Queue) -> Queue:
    return Queue(dead_queue(queue.name), {"x-queue-type": "quorum", "x-delivery-limit": DEAD_DELIVERY_LIMIT})


def _delay_queue(seconds: int) -> Queue:
    # No dead-letter routing key: the message returns under its own, which names the queue it came from.
    name = f"hub.delay.{seconds}s"
    arguments: dict[str, str | int] = {
        "x-queue-type": "quorum",
        "x-message-ttl": seconds * 1000,
        "x-dead-letter-exchange": "",
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
    return Queue(name, arguments, ((name, ""),))


EXCHANGES: tuple[Exchange, ...] = (
    Exchange(EVENTS_EXCHANGE, "topic"),
    *(Exchange(f"hub.delay.{seconds}s", "fanout") for seconds in DELAYS),
)
WORK_QUEUES: tuple[Queue, ...] = tuple(
    _work_queue(service, event) for event, services in CONSUMERS.items() for service in services
)
QUEUES: tuple[Queue, ...] = (
    *WORK_QUEUES,
    *(_dead_queue(queue) for queue in WORK_QUEUES),
    *(_delay_queue(seconds) for seconds in DELAYS),
)


def queues_of(service: str) -> list[str]:
    """Return the names of the queues from which `service` takes events."""
    return [queue_name(service, event) for event, services in CONSUMERS.items() if service in services]


def dead_queues() -> list[str]:
    """Return the names of all dead-letter queues: what integration collects."""
    return [dead_queue(queue.name) for queue in WORK_QUEUES]


def apply(url: str) -> None:
    """Declare everything in the virtual host of this AMQP URL; what stands already is left as it is.

    Raises Unavailable("topology.broker_unreachable") if there is no broker, Conflict("topology.differs") if a queue or
    exchange of that name stands with other properties (a person must decide what becomes of its messages).
    """
    import pika
    from pika.exceptions import AMQPChannelError, AMQPConnectionError

    try:
        with pika.BlockingConnection(pika.URLParameters(url)) as connection:
            _declare(connection.channel())
    except AMQPChannelError as error:
        raise Conflict(
            "topology.differs",
            f"the broker holds something else under a name of the hub's: {error}",
            "Hàng đợi trên máy chủ tin nhắn khác với cấu hình của hệ thống.",
        ) from error
    except AMQPConnectionError as error:
        raise _unreachable(error) from error


def missing(url: str) -> list[str]:
    """Return the names of the queues that are not there. Raises Unavailable("topology.broker_unreachable")."""
    import pika
    from pika.exceptions import AMQPConnectionError, ChannelClosedByBroker

    absent = []
    try:
        with pika.BlockingConnection(pika.URLParameters(url)) as connection:
            for queue in QUEUES:
                try:
                    with connection.channel() as channel:
                        channel.queue_declare(queue.name, passive=True)
                except ChannelClosedByBroker:
                    absent.append(queue.name)
    except AMQPConnectionError as error:
        raise _unreachable(error) from error
    return absent


def _unreachable(error: Exception) -> Unavailable:
    return Unavailable(
        "topology.broker_unreachable",
        f"no broker answers: {error!r}",
        "Không kết nối được máy chủ tin nhắn.",
    )


def _declare(channel: BlockingChannel) -> None:
    for exchange in EXCHANGES:
        channel.exchange_declare(exchange.name, exchange_type=exchange.kind, durable=True)
    for queue in QUEUES:
        channel.queue_declare(queue.name, durable=True, arguments=dict(queue.arguments))
        for source, routing_key in queue.bindings:
            channel.queue_bind(queue.name, source, routing_key)
