"""Sending the answers of calls: one connection of the process, one small message each, nothing waited for.

nameko would take a pooled producer for each answer and wait for the broker's confirm, which costs a third of a short
call. A lost answer is a call without one: the caller hears that in time and asks again, and methods are idempotent.
That a connection was closed is seen before it is used; one whose other end is simply gone fails within a second
(py-amqp sets TCP_USER_TIMEOUT).
"""

from __future__ import annotations

from typing import Any

import kombu
from eventlet import patcher
from eventlet.semaphore import Semaphore
from kombu.transport.pyamqp import Transport

_select: Any = patcher.original("select")
_FAILURES: tuple[type[Exception], ...] = (OSError, *Transport.connection_errors, *Transport.channel_errors)


class Replies:
    """Publishes to one exchange of the broker at this URL; green threads take turns."""

    def __init__(self, url: str, exchange: str) -> None:
        self._url = url
        self._exchange = exchange
        self._turn = Semaphore(1)
        self._connection: Any = None
        self._channel: Any = None

    def send(self, body: bytes, routing_key: str, correlation_id: str | None) -> None:
        """Send JSON to the caller's reply queue. Raises OSError when the broker is away: nothing was sent then."""
        with self._turn:
            if self._channel is not None and self._has_news():
                self.close()  # a broker that says anything on this connection says good-bye
            try:
                if self._channel is None:
                    self._connection = kombu.Connection(self._url)
                    self._channel = self._connection.channel()
                properties = {"correlation_id": correlation_id, "delivery_mode": 1}
                message = self._channel.prepare_message(
                    body, content_type="application/json", content_encoding="utf-8", properties=properties
                )
                self._channel.basic_publish(message, exchange=self._exchange, routing_key=routing_key)
            except _FAILURES as error:
                self.close()
                raise OSError(f"the answer could not be sent: {error!r}") from error

    def close(self) -> None:
        """Drop the connection; the next answer opens another."""
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None:
            connection.collect()  # without a farewell, for which a dead connection would keep it waiting

    def _has_news(self) -> bool:
        poller = _select.poll()
        poller.register(self._connection.connection.transport.sock.fileno(), _select.POLLIN)
        return bool(poller.poll(0))
