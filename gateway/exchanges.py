"""Calls of other systems, noted for the message log: who asked for what, by which road, about what, how that ended.

The layer inside of X-Road's door (gateway/platform.py) gives each call at an address for systems an `Exchange`, and
notes it once it is answered, if its caller turned out to be another system. Two promises, as docs/federation.md says:

- What only asks is answered first; its note is on its way to the broker a moment later (`GATHER_SECONDS`), with others.
- What a system states for a comparison changes something: its note is durable before the answer leaves.

An accepted push is not noted here: `push_accepted`, durable before its answer, tells of it. What nobody has proven to
have sent is in the gateway's own log alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from gateway.metrics import CALLS_UNLOGGED
from gateway.problems import correlation_of, problem_response
from shared.contracts.events import AnsweredCall, CallsAnswered, PushCall
from shared.envelope import new_message_id
from shared.errors import HubError, Unavailable
from shared.logs import logger

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from gateway.broker import BrokerPort
    from shared.contracts.actor import Actor

GATHER_SECONDS = 0.1
MOST_AT_ONCE = 200
MOST_WAITING = 20_000
"""Notes that wait while the broker is away; most questions need it, too, so that far fewer can come up."""

KINDS = {
    "/v1/data": "push",
    "/v1/validate": "check",
    "/v1/receipts": "status",
    "/v1/digests": "digests",
    "/v1/values": "values",
    "/v1/source-digests": "source_digests",
    "/v1/source-values": "source_values",
    "/v1/packets": "packet",
    "/soap/v1/reporting": "soap",
}
"""What a call at an address for systems is, by the beginning of its path; of the SOAP door its operations say more."""

_STATING = ("source_digests", "source_values")
_OWN = "van-hanh"
_MAX_ENDPOINT = 2_000
_TRIES_AT_END = 3
log = logger(__name__)


class _Refusal(msgspec.Struct):
    code: str = ""


class Exchange:
    """One call under way, told of by whoever learns something about it."""

    __slots__ = ("_at", "_began", "_body", "_scope", "actor", "code", "form", "kind", "message_id", "noted", "outcome",
                 "period", "road", "store", "unit")  # fmt: skip

    def __init__(self, scope: Scope, kind: str) -> None:
        self._scope = scope
        self._body: list[bytes] = []
        self._at, self._began = datetime.now(UTC), time.perf_counter()
        self.kind = kind
        self.road: str = "xroad-rest" if "lent_token" in scope else "rest"
        self.message_id: str | None = scope.get("xroad_id")
        self.actor: Actor | None = None
        self.code: str | None = None
        self.outcome: str | None = None
        self.noted = False
        self.form: str | None = None
        self.unit: str | None = None
        self.period: str | None = None
        self.store: str | None = None

    def concerns(
        self, form: str | None = None, unit: str | None = None, period: str | None = None, store: str | None = None
    ) -> None:
        """Say what the call is about, as the caller names it."""
        self.form, self.unit, self.period, self.store = form, unit, period, store

    def refused(self, error: HubError) -> None:
        """Say why it is refused, where the HTTP status does not."""
        self.code = error.code
        self.outcome = "failed" if error.status >= 500 else "refused"

    def received(self, part: bytes) -> None:
        """Take in a piece of the request's body."""
        self._body.append(part)

    @property
    def stating(self) -> bool:
        """Tell whether it changes something here."""
        return self.kind in _STATING and self._scope["method"] == "POST"

    @property
    def logged(self) -> bool:
        """Tell whether it is to be noted: it came from another system, and nothing else tells of it."""
        actor = self.actor
        return not self.noted and actor is not None and actor.kind == "client" and actor.partner != _OWN

    def pushed(self, body: bytes) -> PushCall | None:
        """Return how this push came, None if its body is the whole request and came by plain REST."""
        raw = b"".join(self._body)
        if self.road == "rest" and raw == body:
            return None
        if raw == body:
            return PushCall(road=self.road, endpoint=self._endpoint())
        digest = hashlib.sha256(raw).hexdigest()
        return PushCall(road=self.road, endpoint=self._endpoint(), request_bytes=len(raw), request_sha256=digest)

    def call(self, status: int, answer: bytes) -> AnsweredCall:
        """Return the note of this call, answered so."""
        actor = self.actor
        assert actor is not None  # noqa: S101 -- `logged` is asked before
        raw = b"".join(self._body)
        if self.code is None and status >= 400:
            with contextlib.suppress(msgspec.DecodeError):
                self.code = msgspec.json.decode(answer, type=_Refusal).code or None
        return AnsweredCall(
            id=str(new_message_id()),
            client_id=actor.id,
            partner=actor.partner or actor.id,
            road=self.road,
            kind=self.kind,
            at=self._at,
            correlation_id=correlation_of(self._scope),
            endpoint=self._endpoint(),
            outcome=self.outcome or ("answered" if status < 400 else "refused" if status < 500 else "failed"),
            microseconds=round((time.perf_counter() - self._began) * 1_000_000),
            status=status,
            code=self.code,
            message_id=self.message_id,
            form=self.form,
            unit=self.unit,
            period=self.period,
            store=self.store,
            request_bytes=len(raw),
            request_sha256=hashlib.sha256(raw).hexdigest(),
            response_bytes=len(answer),
            response_sha256=hashlib.sha256(answer).hexdigest(),
        )

    def _endpoint(self) -> str:
        path: str = self._scope["path"]
        query: str = self._scope["query_string"].decode("latin-1")
        return (f"{path}?{query}" if query else path)[:_MAX_ENDPOINT]


def exchange_of(scope: Scope) -> Exchange | None:
    """Return the exchange that this request is, None where it is none."""
    found: Exchange | None = scope.get("exchange")
    return found


class Notes:
    """Brings notes to the broker, those that nobody waits for in groups."""

    def __init__(self, broker: BrokerPort) -> None:
        self._broker = broker
        self._waiting: list[AnsweredCall] = []
        self._task: asyncio.Task[None] | None = None

    def add(self, call: AnsweredCall) -> None:
        """Take a note that nobody waits for."""
        if len(self._waiting) >= MOST_WAITING:
            CALLS_UNLOGGED.inc()
            log.error("exchange.unlogged", correlation_id=call.correlation_id, partner=call.partner, kind=call.kind)
            return
        self._waiting.append(call)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work(), name="exchange-notes")

    async def keep(self, call: AnsweredCall) -> None:
        """Return once the note is durable. Raises Unavailable."""
        await self._broker.publish(CallsAnswered(calls=[call]), correlation_id=call.correlation_id)

    async def stop(self) -> None:
        """Bring what still waits to the broker; tell of what cannot be brought."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        for _ in range(_TRIES_AT_END):
            with contextlib.suppress(Unavailable):
                while self._waiting:
                    await self._bring()
        if self._waiting:
            CALLS_UNLOGGED.inc(len(self._waiting))
            log.error("exchange.unlogged", calls=[call.correlation_id for call in self._waiting])

    async def _work(self) -> None:
        while self._waiting:
            await asyncio.sleep(GATHER_SECONDS)
            try:
                while self._waiting:
                    await self._bring()
            except Unavailable:
                await asyncio.sleep(1.0)

    async def _bring(self) -> None:
        some = self._waiting[:MOST_AT_ONCE]
        await self._broker.publish(CallsAnswered(calls=some), correlation_id=some[0].correlation_id)
        del self._waiting[: len(some)]


class Exchanges:
    """The layer that notes what systems call."""

    def __init__(self, app: ASGIApp, notes: Notes) -> None:
        self._app = app
        self._notes = notes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = _kind(scope["path"]) if scope["type"] == "http" else None
        if kind is None:
            await self._app(scope, receive, send)
            return
        exchange = scope["exchange"] = Exchange(scope, kind)
        begun: Message | None = None
        answer: list[bytes] = []

        async def receiving() -> Message:
            message = await receive()
            if message["type"] == "http.request" and message.get("body"):
                exchange.received(message["body"])
            return message

        async def sending(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = message
                return
            if begun is None or message["type"] != "http.response.body":
                await send(message)
                return
            answer.append(message.get("body", b""))
            if message.get("more_body"):  # no answer at these addresses is streamed; if one were, its head must leave
                await _pass(begun, message, send)
                return
            call = exchange.call(begun["status"], b"".join(answer)) if exchange.logged else None
            if call is not None and exchange.stating:
                try:
                    await self._notes.keep(call)
                except Unavailable as error:
                    await problem_response(error, call.correlation_id)(scope, receive, send)
                    return
            await _pass(begun, message, send)
            if call is not None and not exchange.stating:
                self._notes.add(call)

        await self._app(scope, receiving, sending)


async def _pass(begun: Message, message: Message, send: Send) -> None:
    if begun.get("passed") is None:
        begun["passed"] = True
        await send({name: item for name, item in begun.items() if name != "passed"})
    await send(message)


def _kind(path: str) -> str | None:
    known = KINDS.get(path)
    if known is None and path.count("/") > 2:
        known = KINDS.get("/".join(path.split("/", 3)[:3]))
    return known
