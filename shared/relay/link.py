"""One connection and one channel to the broker that publishes in windows and knows which messages are safe.

A message is safe when its ack came and no return before it: the broker returns an unroutable mandatory message and
then acks it. One link serves one service, so that a service whose messages are stuck holds up no other. A link that is
lost stays lost; its owner opens a new one.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pika
from pika import spec
from pika.channel import Channel
from pika.connection import Connection
from pika.exceptions import AMQPError
from pika.frame import Method

from shared.amqp import GatheringConnection

_OPEN_TIMEOUT = 10.0
_HEARTBEAT = 15


class LinkLost(Exception):
    """The connection or its channel is gone, or the broker confirms nothing any more."""


@dataclass(slots=True)
class Settled:
    """What became of the messages published since the last time: message ids, and why the link ended if it did."""

    confirmed: list[str] = field(default_factory=list)
    returned: list[str] = field(default_factory=list)
    nacked: list[str] = field(default_factory=list)
    lost: BaseException | None = None


class Link:
    """An open connection to the broker in confirm mode; made by `open`. `over` is set once it is lost."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[None] = loop.create_future()
        self._gone: asyncio.Future[None] = loop.create_future()
        self._progress = asyncio.Event()
        self.over = asyncio.Event()
        self._channel: Channel | None = None
        self._connection: GatheringConnection | None = None
        self._blocked = False
        self._lost: BaseException | None = None
        self._tag = 0
        self._outstanding: dict[int, str] = {}
        self._unroutable: set[str] = set()
        self._settled = Settled()

    @classmethod
    async def open(cls, url: str) -> Link:
        """Connect. Raises LinkLost if the broker does not answer within ten seconds."""
        link = cls()
        parameters = pika.URLParameters(url)
        if parameters.heartbeat is None:
            parameters.heartbeat = _HEARTBEAT
        link._connection = GatheringConnection(
            parameters,
            on_open_callback=link._on_connection_open,
            on_open_error_callback=lambda _, error: link._lose(error, closed=True),
            on_close_callback=lambda _, error: link._lose(error, closed=True),
            custom_ioloop=asyncio.get_running_loop(),
        )
        try:
            await asyncio.wait_for(link._opened, _OPEN_TIMEOUT)
        except BaseException as error:
            await link.close()
            if isinstance(error, TimeoutError):
                raise LinkLost("the broker did not answer in time") from error
            raise
        return link

    def publish(self, exchange: str, routing_key: str, body: bytes, headers: dict[str, Any], message_id: str) -> None:
        """Hand one persistent, mandatory message to the connection. Raises LinkLost if that is gone."""
        if self._lost is not None or self._channel is None:
            raise LinkLost(str(self._lost)) from self._lost
        properties = spec.BasicProperties(
            content_type="application/json", delivery_mode=2, message_id=message_id, headers=headers
        )
        try:
            self._channel.basic_publish(exchange, routing_key, body, properties, mandatory=True)
        except AMQPError as error:
            raise LinkLost(repr(error)) from error
        self._tag += 1
        self._outstanding[self._tag] = message_id

    async def settle(self, timeout: float) -> Settled:
        """Wait for the broker's word on all that was published and return it. A broker that says nothing for `timeout`
        seconds counts as lost, unless it has told that it blocks publishers (it is short of memory or disk)."""
        while self._outstanding and self._lost is None:
            self._progress.clear()
            try:
                await asyncio.wait_for(self._progress.wait(), timeout)
            except TimeoutError:
                if not self._blocked:
                    self._lose(LinkLost(f"no confirm within {timeout} s"))
        settled, self._settled = self._settled, Settled()
        settled.lost = self._lost
        return settled

    def check(self) -> None:
        """Raise LinkLost if the link is gone."""
        if self._lost is not None:
            raise LinkLost(repr(self._lost)) from self._lost

    async def close(self) -> None:
        """End the connection; never raises and never waits long."""
        connection = self._connection
        if connection is None or self._gone.done():
            return
        if not (connection.is_closed or connection.is_closing):
            connection.close()
        await asyncio.wait([self._gone], timeout=2)

    def _on_connection_open(self, connection: Connection) -> None:
        connection.add_on_connection_blocked_callback(lambda *_: self._block(True))
        connection.add_on_connection_unblocked_callback(lambda *_: self._block(False))
        connection.channel(on_open_callback=self._on_channel_open)

    def _on_channel_open(self, channel: Channel) -> None:
        self._channel = channel
        channel.add_on_close_callback(lambda _, error: self._lose(error))
        channel.add_on_return_callback(self._on_return)
        channel.confirm_delivery(self._on_confirm, self._on_confirm_mode)

    def _on_confirm_mode(self, _: Method) -> None:
        if not self._opened.done():
            self._opened.set_result(None)

    def _on_return(self, _: Channel, __: spec.Basic.Return, properties: spec.BasicProperties, ___: bytes) -> None:
        self._unroutable.add(str(properties.message_id))

    def _on_confirm(self, frame: Method) -> None:
        word: spec.Basic.Ack = frame.method
        acked = type(word).__name__ == "Ack"
        for message_id in self._taken(word.delivery_tag, word.multiple):
            if not acked:
                self._settled.nacked.append(message_id)
            elif message_id in self._unroutable:
                self._settled.returned.append(message_id)
            else:
                self._settled.confirmed.append(message_id)
            self._unroutable.discard(message_id)
        self._progress.set()

    def _taken(self, tag: int, multiple: bool) -> list[str]:
        if not multiple:
            return [self._outstanding.pop(tag)]
        tags = []
        for known in self._outstanding:  # in the order of publishing, so the first greater one ends it
            if known > tag:
                break
            tags.append(known)
        return [self._outstanding.pop(known) for known in tags]

    def _block(self, blocked: bool) -> None:
        self._blocked = blocked
        self._progress.set()

    def _lose(self, error: BaseException, *, closed: bool = False) -> None:
        self._lost = self._lost or error
        self.over.set()
        self._progress.set()
        if not self._opened.done():
            self._opened.set_exception(LinkLost(repr(error)))
        if closed and not self._gone.done():
            self._gone.set_result(None)
