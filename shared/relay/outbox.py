"""Carries one service's outbox to the broker: select unsent, publish, wait for the confirms, mark as sent.

Rows are selected by being unsent, never by an id watermark, since ids become visible out of order. A row is marked only
after its confirm, so a death in between repeats messages (same message id; the readers' inboxes know them) and loses
none. What the broker refuses stays unsent; its destination rests with growing pauses while others go on.
"""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg

from shared import traces
from shared.contracts.events import EVENTS, EVERY_SERVICE
from shared.envelope import headers
from shared.failpoints import failpoint
from shared.logs import logger
from shared.relay.link import Link, LinkLost, Settled
from shared.relay.metrics import ACTIVE, PUBLISHED, RECONNECTS, REFUSED
from shared.relay.settings import RelaySettings
from shared.topology import EVENTS_EXCHANGE
from shared.waking import GET_UP, LIE_DOWN, LISTEN

log = logger(__name__)

_SOURCES = {event.event: event.source for event in EVENTS if event.source != EVERY_SERVICE}
_YIELD_EVERY = 50
_FIRST_BACKOFF = 0.2

_LOCK = "SELECT pg_try_advisory_lock(hashtext('hub.relay'))"
# octet_length of a body kept out of line reads its size only, so bodies beyond the window's bytes are never fetched.
_TAKE = """
    SELECT id, message_id, event, schema, subject, correlation_id, created_at, body, queue
    FROM (SELECT *, sum(octet_length(body)) OVER (ORDER BY id) - octet_length(body) AS bytes_before
          FROM (SELECT * FROM outbox WHERE sent_at IS NULL AND coalesce(queue, event) <> ALL (%s)
                ORDER BY id LIMIT %s) AS first) AS counted
    WHERE bytes_before < %s ORDER BY id
"""
_MARK = "UPDATE outbox SET sent_at = now() WHERE id = ANY (%s)"


@dataclass(slots=True)
class _Rest:
    """A destination that refused messages: not tried again before `until` (monotonic seconds)."""

    until: float
    failures: int


class OutboxRelay:
    """The relay of one service's database; `run` goes on until it is told to stop."""

    def __init__(self, service: str, database_url: str, amqp_url: str, settings: RelaySettings) -> None:
        self.service = service
        self._database_url = database_url
        self._amqp_url = amqp_url
        self._settings = settings
        self._resting: dict[str, _Rest] = {}
        self._backoff = _FIRST_BACKOFF
        self._told = asyncio.Event()
        self._active = ACTIVE.labels(service)
        # Prometheus sees the first refusal only if it has read a 0 before.
        for reason in ("returned", "nacked"):
            REFUSED.labels(service, reason)
        RECONNECTS.labels(service)

    async def run(self, stop: asyncio.Event) -> None:
        """Relay until `stop`; broker and database may go and come back as they like."""
        while not stop.is_set():
            try:
                async with await self._connect() as database:
                    if await self._lead(database, stop):
                        await self._relay(database, stop)
            except (psycopg.Error, LinkLost, OSError) as error:
                RECONNECTS.labels(self.service).inc()
                log.warning("relay.interrupted", service=self.service, error=repr(error), again_in=self._backoff)
                await _wait(stop, self._backoff * random.uniform(0.5, 1.0))
                self._backoff = min(self._backoff * 2, self._settings.backoff_max_seconds)
            finally:
                self._active.set(0)

    async def _connect(self) -> psycopg.AsyncConnection[Any]:
        return await psycopg.AsyncConnection.connect(
            self._database_url,
            autocommit=True,
            application_name=f"hub relay {self.service}",
            connect_timeout=5,
            options="-c timezone=UTC -c statement_timeout=60000",
            keepalives_idle=10,
            tcp_user_timeout=20_000,
        )

    async def _lead(self, database: psycopg.AsyncConnection[Any], stop: asyncio.Event) -> bool:
        """Wait until this relay alone holds the database's lock; False if told to stop before."""
        while not stop.is_set():
            row = await (await database.execute(_LOCK)).fetchone()
            if row and row[0]:
                return True
            await _wait(stop, self._settings.standby_seconds)
        return False

    async def _relay(self, database: psycopg.AsyncConnection[Any], stop: asyncio.Event) -> None:
        database.add_notify_handler(lambda _: self._told.set())
        await database.execute(LISTEN.encode())
        link = await Link.open(self._amqp_url)
        try:
            self._backoff = _FIRST_BACKOFF
            self._active.set(1)
            log.info("relay.active", service=self.service)
            await self._pump(database, link, stop)
        finally:
            await link.close()

    async def _pump(self, database: psycopg.AsyncConnection[Any], link: Link, stop: asyncio.Event) -> None:
        poll = self._settings.poll_min_seconds
        asleep = False
        while not stop.is_set():
            link.check()
            self._told.clear()  # whoever writes from here on wakes it, even while it is looking
            rows = await self._take(database)
            if not rows:
                if asleep:
                    await self._sleep(database, link, stop)
                elif poll < self._settings.poll_max_seconds or not (asleep := await _true(database, LIE_DOWN)):
                    await _wait(stop, poll)
                    poll = min(poll * 2, self._settings.poll_max_seconds)
                continue
            if asleep:
                asleep = not await _true(database, GET_UP)
            poll = self._settings.poll_min_seconds
            failpoint("relay.before_publish")
            await self._publish(link, rows)
            failpoint("relay.after_publish")
            settled = await link.settle(self._settings.confirm_timeout_seconds)
            failpoint("relay.before_mark")
            await self._mark(database, rows, settled)
            failpoint("relay.after_mark")
            self._note(rows, settled)

    async def _sleep(self, database: psycopg.AsyncConnection[Any], link: Link, stop: asyncio.Event) -> None:
        """Wait until the database or the broker says anything, or until it is time to look all the same."""
        loop = asyncio.get_running_loop()
        loop.add_reader(database.fileno(), self._told.set)
        waits = [loop.create_task(event.wait()) for event in (self._told, link.over, stop)]
        try:
            await asyncio.wait(waits, timeout=self._settings.asleep_seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            loop.remove_reader(database.fileno())
            for waiting in waits:
                waiting.cancel()

    async def _take(self, database: psycopg.AsyncConnection[Any]) -> list[tuple[Any, ...]]:
        now = time.monotonic()
        resting = [name for name, rest in self._resting.items() if rest.until > now]
        limits = (resting, self._settings.window_messages, self._settings.window_bytes)
        async with database.cursor(binary=True) as cursor:
            return await (await cursor.execute(_TAKE, limits, prepare=True)).fetchall()

    async def _publish(self, link: Link, rows: list[tuple[Any, ...]]) -> None:
        for position, row in enumerate(rows, 1):
            _, message_id, event, schema, subject, correlation_id, created_at, body, queue = row
            identity = str(message_id)
            head = headers(
                event=event,
                source=_SOURCES.get(event, self.service),
                schema=schema,
                message_id=identity,
                subject=subject,
                correlation_id=correlation_id,
                at=created_at,
            )
            if traces.on():
                head |= traces.carried(traces.TRACEPARENT, correlation_id, traces.span_of(identity))
            link.publish("" if queue else EVENTS_EXCHANGE, queue or event, bytes(body), head, identity)
            if position % _YIELD_EVERY == 0:
                await asyncio.sleep(0)  # lets the socket drain, confirms come in and other services have their turn
        await asyncio.sleep(0)

    async def _mark(
        self, database: psycopg.AsyncConnection[Any], rows: list[tuple[Any, ...]], settled: Settled
    ) -> None:
        if settled.confirmed:
            ids = {str(row[1]): row[0] for row in rows}
            done = [ids[message_id] for message_id in settled.confirmed]
            await database.execute(_MARK, (done,), prepare=True)
            PUBLISHED.labels(self.service).inc(len(settled.confirmed))
            if traces.on():
                sent = set(done)
                self._trace([row for row in rows if row[0] in sent])

    def _trace(self, rows: list[tuple[Any, ...]]) -> None:
        """Tell how long each message lay in the outbox until the broker had it."""
        now = datetime.now(UTC)
        for _, message_id, event, _, _, correlation_id, created_at, _, _ in rows:
            seconds = (now - created_at).total_seconds()
            span = traces.span_of(str(message_id))
            traces.record(f"publish {event}", "producer", correlation_id, seconds, span=span, service=self.service)

    def _note(self, rows: list[tuple[Any, ...]], settled: Settled) -> None:
        """Let destinations that refused messages rest, wake those that took them, and pass a lost link on."""
        destinations = {str(row[1]): str(row[8] or row[2]) for row in rows}
        for message_id in settled.confirmed if self._resting else ():
            self._resting.pop(destinations[message_id], None)
        for reason, refused in (("returned", settled.returned), ("nacked", settled.nacked)):
            if not refused:
                continue
            REFUSED.labels(self.service, reason).inc(len(refused))
            for destination in {destinations[message_id] for message_id in refused}:
                self._rest(destination, reason)
        if settled.lost is not None:
            raise LinkLost(repr(settled.lost)) from settled.lost

    def _rest(self, destination: str, reason: str) -> None:
        known = self._resting.get(destination)
        failures = known.failures + 1 if known else 1
        pause = min(2.0 ** (failures - 1), self._settings.refused_max_seconds)
        self._resting[destination] = _Rest(time.monotonic() + pause, failures)
        log.error("relay.refused", service=self.service, destination=destination, reason=reason, again_in=pause)


async def _true(database: psycopg.AsyncConnection[Any], statement: str) -> bool:
    row = await (await database.execute(statement.encode())).fetchone()
    return bool(row and row[0])


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    """Sleep, but not past `stop`."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
