"""Talking to the hub's broker from tests: publish an event as the relay does, call a service as the gateway does, look
into queues. Plain pika, no eventlet."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import pika

from shared.contracts.events import Event
from shared.envelope import headers_of, new_message_id
from shared.errors import Unavailable
from shared.topology import EVENTS_EXCHANGE, QUEUES

if TYPE_CHECKING:
    from pika.adapters.blocking_connection import BlockingChannel

T = TypeVar("T")


@contextmanager
def channel(amqp_url: str) -> Iterator[BlockingChannel]:
    """Open a channel with publisher confirms for the length of a `with`."""
    connection = pika.BlockingConnection(pika.URLParameters(amqp_url))
    try:
        opened = connection.channel()
        opened.confirm_delivery()
        yield opened
    finally:
        if connection.is_open:
            connection.close()


def publish(
    amqp_url: str,
    event: Event,
    *,
    message_id: str | None = None,
    correlation_id: str | None = None,
    queue: str | None = None,
    headers: dict[str, Any] | None = None,
    body: bytes | None = None,
) -> str:
    """Publish this event to all who take it, or to one queue, and return its message id."""
    with channel(amqp_url) as opened:
        return publish_on(
            opened,
            event,
            message_id=message_id,
            correlation_id=correlation_id,
            queue=queue,
            headers=headers,
            body=body,
        )


def publish_on(
    opened: BlockingChannel,
    event: Event,
    *,
    message_id: str | None = None,
    correlation_id: str | None = None,
    queue: str | None = None,
    headers: dict[str, Any] | None = None,
    body: bytes | None = None,
) -> str:
    """The same on a channel that is already open."""
    identity = message_id or str(new_message_id())
    head = headers_of(
        event, message_id=identity, correlation_id=correlation_id or uuid.uuid4().hex, at=datetime.now(UTC)
    )
    opened.basic_publish(
        "" if queue else EVENTS_EXCHANGE,
        queue or event.event,
        msgspec.json.encode(event) if body is None else body,
        pika.BasicProperties(
            content_type="application/json", delivery_mode=2, message_id=identity, headers={**head, **(headers or {})}
        ),
        mandatory=True,
    )
    return identity


def depth(amqp_url: str, queue: str) -> int:
    """Return how many messages lie ready in the queue."""
    with channel(amqp_url) as opened:
        return int(opened.queue_declare(queue, passive=True).method.message_count)


def purge(amqp_url: str) -> None:
    """Take every message out of every queue of the hub's."""
    with channel(amqp_url) as opened:
        for queue in QUEUES:
            opened.queue_purge(queue.name)


def take(
    amqp_url: str, queue: str, count: int = 1, timeout_seconds: float = 20.0
) -> list[tuple[dict[str, Any], bytes]]:
    """Take `count` messages off the queue: headers and body of each. Raises AssertionError if they do not come."""
    taken: list[tuple[dict[str, Any], bytes]] = []
    with channel(amqp_url) as opened:
        for method, properties, body in opened.consume(queue, inactivity_timeout=timeout_seconds):
            if method is None or properties is None or body is None:
                raise AssertionError(f"{queue} gave {len(taken)} of {count} messages in {timeout_seconds:g} s")
            opened.basic_ack(method.delivery_tag)
            taken.append((dict(properties.headers or {}), body))
            if len(taken) == count:
                break
        opened.cancel()
    return taken


def call(
    amqp_url: str,
    service: str,
    method: str,
    returns: type[T] | Any = Any,
    /,
    *,
    timeout_seconds: float = 10.0,
    correlation_id: str | None = None,
    args: Iterable[Any] = (),
    **arguments: Any,
) -> T:
    """Call a service by nameko's protocol and return its answer as `returns`; raises the HubError it raised."""
    from shared.rpc import error_from

    request = msgspec.json.encode({"args": list(args), "kwargs": arguments})
    with channel(amqp_url) as opened:
        replies = uuid.uuid4().hex
        opened.queue_declare(f"rpc.reply-test-{replies}", exclusive=True, auto_delete=True)
        opened.queue_bind(f"rpc.reply-test-{replies}", "nameko-rpc", replies)
        opened.basic_publish(
            "nameko-rpc",
            f"{service}.{method}",
            request,
            pika.BasicProperties(
                content_type="application/json",
                content_encoding="utf-8",
                reply_to=replies,
                correlation_id=replies,
                expiration=str(int(timeout_seconds * 1000)),
                headers={"nameko.correlation_id": correlation_id or uuid.uuid4().hex},
            ),
            mandatory=True,
        )
        until = time.monotonic() + timeout_seconds
        for _, _, body in opened.consume(f"rpc.reply-test-{replies}", inactivity_timeout=timeout_seconds):
            if body is None or time.monotonic() > until:
                raise Unavailable("hub.timeout", f"{service}.{method} did not answer within {timeout_seconds:g} s")
            answer = msgspec.json.decode(body)
            if answer["error"]:
                raise error_from(answer["error"])
            result: T = msgspec.convert(answer["result"], returns, strict=False)
            return result
    raise Unavailable("hub.timeout", f"{service}.{method} did not answer")
