"""One connection to RabbitMQ with its two channels, from opening to loss."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pika

from shared import traces
from shared.amqp import GatheringConnection
from shared.errors import Unavailable
from shared.topology import EVENTS_EXCHANGE

if TYPE_CHECKING:
    from pika.channel import Channel
    from pika.connection import Connection
    from pika.frame import Method
    from pika.spec import Basic, BasicProperties

RPC_EXCHANGE = "nameko-rpc"
HEARTBEAT_SECONDS = 10
OPEN_TIMEOUT_SECONDS = 4.0
CLOSE_TIMEOUT_SECONDS = 2.0
MAX_IN_FLIGHT = 2_000
"""Publishes and calls in flight per kind; beyond it the gateway refuses instead of piling up memory."""

_log = logging.getLogger("gateway.broker")


class Link:
    """One connection with its two channels: one in confirm mode for events, one for calls and their replies."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.blocked = False
        self.reason = ""
        self.lost: asyncio.Future[None] = loop.create_future()
        self._closed: asyncio.Future[None] = loop.create_future()
        self._loop = loop
        self._setup: asyncio.Future[Any] | None = None
        self._connection: GatheringConnection | None = None
        self._events: Channel | None = None
        self._calls: Channel | None = None
        self._reply_key = f"gateway-{uuid.uuid4()}"
        self._tag = 0
        self._confirms: dict[int, tuple[asyncio.Future[None], str | None]] = {}
        self._returned: set[str | None] = set()
        self._asked = 0
        self._answers: dict[str, asyncio.Future[bytes]] = {}

    @classmethod
    async def open(cls, url: str) -> Link:
        """Connect and set both channels up. Raises AMQPError, OSError, TimeoutError or Unavailable."""
        link = cls()
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_SECONDS):
                await link._open(url)
        except BaseException:
            await link.close()
            raise
        return link

    @property
    def is_open(self) -> bool:
        """Tell whether the connection still stands, as far as it is known."""
        return not self.lost.done()

    async def close(self) -> None:
        """Close quietly and wait until the socket is gone; pending confirms and calls fail."""
        self._drop("closed")
        connection = self._connection
        if connection is None:
            return
        if not connection.is_closed and not connection.is_closing:
            connection.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_SECONDS):
                await asyncio.shield(self._closed)

    def publish(self, routing_key: str, body: bytes, properties: BasicProperties) -> asyncio.Future[None]:
        """Send a persistent, mandatory message; the future is settled by its ack, return or nack."""
        if len(self._confirms) >= MAX_IN_FLIGHT:
            raise _overloaded()
        channel = self._events
        if channel is None or not channel.is_open:
            raise broker_down()
        channel.basic_publish(EVENTS_EXCHANGE, routing_key, body, properties, mandatory=True)
        self._tag += 1
        confirm: asyncio.Future[None] = self._loop.create_future()
        self._confirms[self._tag] = (confirm, properties.message_id)
        return confirm

    def ask(
        self, routing_key: str, body: bytes, correlation_id: str, limit_seconds: float
    ) -> tuple[str, asyncio.Future[bytes]]:
        """Send a request; the future gets the reply's body. The caller must `forget` the key afterwards."""
        if len(self._answers) >= MAX_IN_FLIGHT:
            raise _overloaded()
        channel = self._calls
        if channel is None or not channel.is_open:
            raise broker_down()
        self._asked += 1
        key = str(self._asked)
        properties = pika.BasicProperties(
            content_type="application/json",
            content_encoding="utf-8",
            delivery_mode=1,
            correlation_id=key,
            reply_to=self._reply_key,
            expiration=str(max(1, int(limit_seconds * 1000))),
            headers={"nameko.correlation_id": correlation_id, **traces.carried(traces.CALL, correlation_id)},
        )
        channel.basic_publish(RPC_EXCHANGE, routing_key, body, properties, mandatory=True)
        answer: asyncio.Future[bytes] = self._loop.create_future()
        self._answers[key] = answer
        return key, answer

    def forget(self, key: str) -> None:
        """Stop waiting for this reply; one that still comes is dropped."""
        self._answers.pop(key, None)

    async def _open(self, url: str) -> None:
        parameters = pika.URLParameters(url)
        parameters.heartbeat = HEARTBEAT_SECONDS
        parameters.socket_timeout = OPEN_TIMEOUT_SECONDS
        parameters.stack_timeout = OPEN_TIMEOUT_SECONDS
        parameters.connection_attempts = 1
        await self._step(lambda done: self._connect(parameters, done))
        connection = self._connection
        if connection is None:
            raise broker_down()
        connection.add_on_connection_blocked_callback(lambda _connection, _frame: self._set_blocked(True))
        connection.add_on_connection_unblocked_callback(lambda _connection, _frame: self._set_blocked(False))

        events: Channel = await self._step(lambda done: connection.channel(on_open_callback=done))
        events.add_on_close_callback(self._on_channel_closed)
        events.add_on_return_callback(self._on_event_returned)
        await self._step(lambda done: events.confirm_delivery(self._on_confirm, done))
        self._events = events

        calls: Channel = await self._step(lambda done: connection.channel(on_open_callback=done))
        calls.add_on_close_callback(self._on_channel_closed)
        calls.add_on_cancel_callback(lambda _frame: self._drop("the reply queue is gone"))
        calls.add_on_return_callback(self._on_call_returned)
        # Declared as nameko declares it: a call before the first service ever started must not kill the channel.
        await self._step(lambda done: calls.exchange_declare(RPC_EXCHANGE, "topic", durable=True, callback=done))
        queue = f"rpc.reply-{self._reply_key}"
        await self._step(lambda done: calls.queue_declare(queue, exclusive=True, auto_delete=True, callback=done))
        await self._step(lambda done: calls.queue_bind(queue, RPC_EXCHANGE, self._reply_key, callback=done))
        await self._step(lambda done: calls.basic_consume(queue, self._on_reply, auto_ack=True, callback=done))
        self._calls = calls

    def _connect(self, parameters: pika.URLParameters, done: Callable[[Any], object]) -> None:
        self._connection = GatheringConnection(
            parameters,
            on_open_callback=done,
            on_open_error_callback=self._on_closed,
            on_close_callback=self._on_closed,
            custom_ioloop=self._loop,
        )

    async def _step(self, start: Callable[[Callable[[Any], object]], object]) -> Any:
        """Run one callback-style step of the setup; fails when the connection drops meanwhile."""
        if self.lost.done():
            raise broker_down()
        future: asyncio.Future[Any] = self._loop.create_future()
        self._setup = future
        start(lambda answer: settle(future, answer))
        try:
            return await future
        finally:
            self._setup = None

    def _set_blocked(self, blocked: bool) -> None:
        self.blocked = blocked
        _log.warning("the broker %s taking messages", "stopped" if blocked else "resumed")

    def _on_confirm(self, frame: Method) -> None:
        method = frame.method
        refused = type(method).__name__ == "Nack"
        tags = [method.delivery_tag]
        if method.multiple:
            tags = [tag for tag in self._confirms if tag <= method.delivery_tag]
        for tag in tags:
            confirm, message_id = self._confirms.pop(tag, (None, None))
            if confirm is None or confirm.done():
                self._returned.discard(message_id)
            elif message_id in self._returned:
                self._returned.discard(message_id)
                confirm.set_exception(
                    Unavailable(
                        "gateway.unroutable",
                        "no queue takes this event: the topology is not applied",
                        "Hệ thống chưa sẵn sàng tiếp nhận, vui lòng thử lại sau.",
                    )
                )
            elif refused:
                confirm.set_exception(
                    Unavailable(
                        "gateway.broker_refused",
                        "the broker could not store the message",
                        "Hệ thống tạm thời không lưu được dữ liệu, vui lòng thử lại.",
                    )
                )
            else:
                confirm.set_result(None)

    def _on_event_returned(
        self, _channel: Channel, _method: Basic.Return, properties: BasicProperties, _body: bytes
    ) -> None:
        self._returned.add(properties.message_id)

    def _on_call_returned(
        self, _channel: Channel, method: Basic.Return, properties: BasicProperties, _body: bytes
    ) -> None:
        answer = self._answers.pop(properties.correlation_id or "", None)
        if answer is not None and not answer.done():
            answer.set_exception(
                Unavailable(
                    "gateway.service_absent",
                    f"no service takes calls of {method.routing_key}",
                    "Dịch vụ xử lý chưa hoạt động, vui lòng thử lại sau ít giây.",
                )
            )

    def _on_reply(self, _channel: Channel, _method: Basic.Deliver, properties: BasicProperties, body: bytes) -> None:
        answer = self._answers.pop(properties.correlation_id or "", None)
        if answer is not None and not answer.done():
            answer.set_result(body)

    def _on_channel_closed(self, _channel: Channel, reason: BaseException) -> None:
        # The watchdog closes what is left of the connection: events and calls stand or fall together.
        self._drop(repr(reason))

    def _on_closed(self, _connection: Connection, reason: BaseException) -> None:
        settle(self._closed)
        self._drop(repr(reason))

    def _drop(self, reason: str) -> None:
        """Fail everything pending; the link is of no use any more."""
        if not self.lost.done():
            self.reason = reason
            self.lost.set_result(None)
        if self._setup is not None and not self._setup.done():
            self._setup.set_exception(Unavailable("gateway.broker_down", reason))
        confirms, self._confirms = self._confirms, {}
        for confirm, _ in confirms.values():
            if not confirm.done():
                confirm.set_exception(outcome_unknown("the connection to the broker dropped"))
        answers, self._answers = self._answers, {}
        for answer in answers.values():
            if not answer.done():
                answer.set_exception(outcome_unknown("the connection to the broker dropped"))


def settle(future: asyncio.Future[Any], value: Any = None) -> None:
    """Give the future its value unless it is done already."""
    if not future.done():
        future.set_result(value)


def broker_down() -> Unavailable:
    """Return the refusal for want of a connection; nothing was sent."""
    return Unavailable(
        "gateway.broker_down",
        "no connection to the broker",
        "Hệ thống đang tạm gián đoạn, vui lòng thử lại sau ít giây.",
        {"retry_after": 2},
    )


def _overloaded() -> Unavailable:
    return Unavailable(
        "gateway.overloaded", f"{MAX_IN_FLIGHT} requests are in flight", "Hệ thống đang quá tải, vui lòng thử lại."
    )


def outcome_unknown(why: str) -> Unavailable:
    """Return the refusal for a request of which nobody knows whether it was taken."""
    return Unavailable(
        "gateway.outcome_unknown",
        f"{why}; the request may have been taken: repeat it unchanged",
        "Chưa rõ yêu cầu đã được tiếp nhận hay chưa; hãy gửi lại nguyên nội dung.",
        {"retry_after": 2},
    )
