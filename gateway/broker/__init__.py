"""The gateway's link to RabbitMQ: confirmed publishing and nameko's RPC protocol over one asyncio connection.

Connections come and go; `Broker` stays. Each connection is a `Link` with its own pending confirms and calls; when it
drops, all of them fail at once, and a watchdog opens the next one. Nothing is queued during an outage: callers hear
`Unavailable` straight away and decide themselves. A publish counts only when its ack came and no return came before it
(the broker returns an unroutable mandatory message and acks it afterwards).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec
import pika
from pika.exceptions import AMQPError

from gateway.broker.link import Link, broker_down, outcome_unknown, settle
from gateway.metrics import BROKER_CONNECTED, BROKER_RECONNECTS
from shared import traces
from shared.contracts.events import Event
from shared.envelope import headers_of, new_message_id
from shared.errors import BY_NAME, HubError, Internal, Unavailable
from shared.failpoints import failpoint

RETRY_SECONDS = (0.1, 0.2, 0.5, 1.0)
"""Waits before the next attempt to connect; the last one repeats: back about a second after the broker."""

_log = logging.getLogger("gateway.broker")
_encode = msgspec.json.Encoder().encode


class _Fault(msgspec.Struct):
    exc_type: str = ""
    exc_args: list[Any] = []
    value: Any = None


class _Reply(msgspec.Struct):
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: _Fault | None = None


_decode_reply = msgspec.json.Decoder(_Reply).decode


class BrokerPort(Protocol):
    """What routes need of the broker; `Broker` is the real one, `gateway.testing.RecordingBroker` its double."""

    @property
    def connected(self) -> bool: ...
    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    async def publish(self, event: Event, *, correlation_id: str) -> None: ...
    async def call(
        self,
        service: str,
        method: str,
        /,
        *,
        correlation_id: str,
        timeout_seconds: float | None = None,
        **arguments: Any,
    ) -> msgspec.Raw: ...


class Broker:
    """Publishes events and calls services; reconnects for as long as it runs."""

    def __init__(self, url: str, *, rpc_timeout_seconds: float = 10.0, publish_timeout_seconds: float = 10.0) -> None:
        self._url = url
        self._rpc_timeout = rpc_timeout_seconds
        self._publish_timeout = publish_timeout_seconds
        self._link: Link | None = None
        self._last: Link | None = None
        self._watchdog: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        """Tell whether a publish or call made now would reach the broker."""
        return self._link is not None and not self._link.blocked

    async def start(self) -> None:
        """Start connecting; returns after the first connection or its first failure, whichever comes first."""
        tried = asyncio.get_running_loop().create_future()
        self._watchdog = asyncio.create_task(self._keep_connected(tried), name="broker-watchdog")
        await tried

    async def stop(self) -> None:
        """Close the connection; what is still pending fails with Unavailable."""
        if self._watchdog is not None:
            self._watchdog.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watchdog
        link, self._link = self._link, None
        for one in (link, self._last):
            if one is not None:
                await one.close()
        BROKER_CONNECTED.set(0)

    async def publish(self, event: Event, *, correlation_id: str) -> None:
        """Return once the broker has stored `event` in every queue that takes it.

        Raises Unavailable: `gateway.broker_down` and `gateway.broker_blocked` before anything was sent,
        `gateway.unroutable` and `gateway.broker_refused` when nothing was kept, `gateway.outcome_unknown` when the
        connection dropped or no confirm came in time: the event may stand in the queue, and consumers tell a repeat
        by its content (receipt id), not by this message id.
        """
        message_id = str(new_message_id())
        properties = pika.BasicProperties(
            content_type="application/json",
            delivery_mode=2,
            message_id=message_id,
            headers=headers_of(event, message_id=message_id, correlation_id=correlation_id, at=datetime.now(UTC))
            | traces.carried(traces.TRACEPARENT, correlation_id),
        )
        body = _encode(event)
        failpoint("gateway.before_publish")
        link = self._require_link()
        confirm = link.publish(event.event, body, properties)
        try:
            async with asyncio.timeout(self._publish_timeout):
                await confirm
        except TimeoutError:
            raise outcome_unknown(f"no confirm within {self._publish_timeout:g} s") from None
        failpoint("gateway.after_confirm")

    async def call(
        self,
        service: str,
        method: str,
        /,
        *,
        correlation_id: str,
        timeout_seconds: float | None = None,
        **arguments: Any,
    ) -> msgspec.Raw:
        """Call `service.method` over nameko's protocol and return the result's JSON as it came.

        The request expires in the broker together with our patience, so a service that comes back late does not work
        off stale commands. Raises the service's own HubError; Unavailable("gateway.rpc_timeout") if no answer came,
        `gateway.broker_down` and the like if the broker is away.
        """
        limit = self._rpc_timeout if timeout_seconds is None else timeout_seconds
        link = self._require_link()
        body = _encode({"args": (), "kwargs": arguments})
        key, answer = link.ask(f"{service}.{method}", body, correlation_id, limit)
        try:
            async with asyncio.timeout(limit):
                raw = await answer
        except TimeoutError:
            raise Unavailable(
                "gateway.rpc_timeout",
                f"{service}.{method} did not answer within {limit:g} s",
                "Dịch vụ xử lý chưa trả lời, vui lòng thử lại sau ít giây.",
            ) from None
        finally:
            link.forget(key)
        reply = _decode_reply(raw)
        if reply.error is not None:
            raise _error_of(reply.error, f"{service}.{method}")
        return reply.result

    def _require_link(self) -> Link:
        link = self._link
        if link is None or not link.is_open:
            raise broker_down()
        if link.blocked:
            raise Unavailable(
                "gateway.broker_blocked",
                "the broker is short of memory or disk and takes no messages",
                "Hệ thống đang quá tải, vui lòng thử lại sau ít phút.",
                {"retry_after": 10},
            )
        return link

    async def _keep_connected(self, tried: asyncio.Future[None]) -> None:
        attempt = 0
        while True:
            try:
                link = await Link.open(self._url)
            except (AMQPError, OSError, TimeoutError, Unavailable) as error:
                wait = RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)]
                if attempt == 0:
                    _log.warning("broker unreachable, trying on: %r", error)
                attempt += 1
                settle(tried)
                await asyncio.sleep(wait)
                continue
            attempt = 0
            self._link = link
            BROKER_CONNECTED.set(1)
            settle(tried)
            try:
                await asyncio.shield(link.lost)
            finally:
                BROKER_CONNECTED.set(0)
            self._link, self._last = None, link
            BROKER_RECONNECTS.inc()
            _log.warning("connection to the broker lost: %s", link.reason)
            await link.close()


def _error_of(fault: _Fault, method: str) -> HubError:
    """Return the service's error as it was raised there; a stranger becomes Internal."""
    kind = BY_NAME.get(fault.exc_type)
    if kind is None:
        _log.error("%s failed: %s %s", method, fault.exc_type, fault.value)
        return Internal("gateway.service_failed", f"{method} failed", "Có lỗi ở dịch vụ xử lý.")
    code, message, detail, context = (*fault.exc_args, None, None, None, None)[:4]
    # nameko turns every argument that is no text or container into text: an absent detail arrives as "None".
    return kind(
        str(code),
        "" if message is None else str(message),
        None if detail in (None, "None") else str(detail),
        context if isinstance(context, dict) else None,
    )
