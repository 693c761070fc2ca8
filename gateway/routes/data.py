"""Pushing figures: checked for shape, made durable, answered 202; and the receipts that tell what became of them."""

from __future__ import annotations

import hashlib
import secrets
import time
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header
from starlette.requests import Request
from starlette.responses import Response

from gateway import examples
from gateway.auth import Caller, requires
from gateway.broker import BrokerPort
from gateway.documentation import documented
from gateway.examples import validation
from gateway.metrics import PUSHES
from gateway.receipts import ReceiptIds
from gateway.routes import reply
from gateway.routes.bodies import checked_json
from shared.contracts.events import PushAccepted
from shared.contracts.push import MAX_FIGURES, PushBody, PushFigure
from shared.contracts.views.submissions import CheckView, ReceiptView
from shared.errors import Conflict, Forbidden, HubError, Invalid, NotFound, TooLarge, Unavailable

router = APIRouter(tags=["data"])
Pusher = Annotated[Caller, requires("data.push")]
Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="Names this push among all of yours. Repeat it with the same body after any doubt: it counts once.",
    ),
]
SKIP_AFTER_SILENCE_SECONDS = 5.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class StrictFigure(PushFigure, frozen=True, forbid_unknown_fields=True):
    """A figure as it must look: a misspelt field is an error, not a default."""

    value: int | float | str | None = None


class StrictBody(PushBody, frozen=True, forbid_unknown_fields=True):
    """A push as it must look."""

    figures: list[StrictFigure]  # type: ignore[assignment] # narrows what the contract allows


class _Known(msgspec.Struct):
    fingerprint: str | None = None


class Intake:
    """Takes pushes in. Holds only which receipts are in hand in this process, and whether `submissions` answers."""

    def __init__(self, broker: BrokerPort, receipts: ReceiptIds, receipt_timeout_seconds: float) -> None:
        self._broker = broker
        self._receipts = receipts
        self._receipt_timeout = receipt_timeout_seconds
        self._in_hand: set[str] = set()
        self._silent_until = 0.0
        self._last_tick = 0

    def owns(self, caller: Caller, receipt_id: str) -> bool:
        """Tell whether this receipt was given to this caller."""
        return self._receipts.belongs(caller.actor.id, receipt_id)

    def receipt_id(self, caller: Caller, key: str) -> str:
        """Return the id of the receipt that this caller has, or would get, for this key."""
        return self._receipts.make(caller.actor.id, key)

    async def take(self, caller: Caller, key: str, body: bytes, *, signed: bool = False) -> Response:
        """Make the push durable and return 202, or 200 with the stored receipt if it was processed before; `signed`: it
        came as a packet whose signature holds. Raises as `accept` does."""
        receipt, replayed = await self._accepted(caller, key, body, signed)
        if replayed:
            return reply(receipt, headers={"Idempotent-Replay": "true"})
        return reply(receipt, 202, {"Location": f"/v1/receipts/{self.receipt_id(caller, key)}"})

    async def accept(self, caller: Caller, key: str, body: bytes) -> tuple[ReceiptView, bool]:
        """Make the push durable; return its receipt, and whether it was processed before.

        Raises Conflict("data.in_flight"), Invalid("data.key_reused"), Forbidden("data.signature_demanded") for who
        must push signed packets, what `_check_shape` raises, and Unavailable.
        """
        receipt, replayed = await self._accepted(caller, key, body, signed=False)
        return msgspec.json.decode(receipt, type=ReceiptView), replayed

    async def _accepted(self, caller: Caller, key: str, body: bytes, signed: bool) -> tuple[msgspec.Raw, bool]:
        try:
            if caller.actor.signs and not signed:
                raise _unsigned(caller)
            return await self._counted(caller, key, body)
        except HubError as error:
            PUSHES.labels("unavailable" if error.retryable else "refused").inc()
            raise

    async def _counted(self, caller: Caller, key: str, body: bytes) -> tuple[msgspec.Raw, bool]:
        _check_shape(body)
        receipt_id = self.receipt_id(caller, key)
        if caller.exchange is not None:
            caller.exchange.message_id = receipt_id
        fingerprint = hashlib.sha256(body).hexdigest()
        if receipt_id in self._in_hand:
            raise Conflict(
                "data.in_flight",
                "a push with this key is being taken in right now",
                "Gói số liệu này đang được tiếp nhận.",
            )
        self._in_hand.add(receipt_id)
        try:
            stored = await self._ask_stored(caller, receipt_id, fingerprint)
            if stored is not None:
                PUSHES.labels("replayed").inc()
                return stored, True
            event = self._event(caller, receipt_id, fingerprint, body)
            await self._broker.publish(event, correlation_id=caller.correlation_id)
            if caller.exchange is not None:
                caller.exchange.noted = True
        finally:
            self._in_hand.discard(receipt_id)
        PUSHES.labels("accepted").inc()
        view = ReceiptView(
            receipt_id=receipt_id, state="accepted", fingerprint=fingerprint, accepted_at=event.accepted_at
        )
        return msgspec.Raw(msgspec.json.encode(view)), False

    async def _ask_stored(self, caller: Caller, receipt_id: str, fingerprint: str) -> msgspec.Raw | None:
        """Return the stored receipt of this very push, None if there is none or nobody can tell in time (intake then
        tells a repeat by its receipt id)."""
        if time.monotonic() < self._silent_until:
            return None
        try:
            raw = await caller.ask(
                "submissions",
                "find_receipt",
                timeout_seconds=self._receipt_timeout,
                receipt_id=receipt_id,
                fingerprint=fingerprint,
            )
        except Unavailable:
            self._silent_until = time.monotonic() + SKIP_AFTER_SILENCE_SECONDS
            return None
        known = msgspec.json.decode(raw, type=_Known | None)
        if known is None:
            return None
        if known.fingerprint != fingerprint:
            raise Invalid(
                "data.key_reused",
                "this Idempotency-Key was used for another body",
                "Khóa Idempotency-Key này đã dùng cho một nội dung khác.",
                {"receipt_id": receipt_id},
            )
        return raw

    def _event(self, caller: Caller, receipt_id: str, fingerprint: str, body: bytes) -> PushAccepted:
        # Rises strictly within a process, so that of two pushes of one client the later one is the newer.
        self._last_tick = tick = max(time.time_ns(), self._last_tick + 1)
        actor = caller.actor
        return PushAccepted(
            receipt_id=receipt_id,
            client_id=actor.id,
            partner=actor.partner or actor.id,
            fingerprint=fingerprint,
            accepted_at=_EPOCH + timedelta(microseconds=tick // 1000),
            tie_breaker=f"{tick:016x}{secrets.token_hex(5)}",
            units=list(actor.units),
            forms=list(actor.forms),
            body=msgspec.Raw(body),
            call=None if caller.exchange is None else caller.exchange.pushed(body),
        )


def _unsigned(caller: Caller) -> Forbidden:
    return Forbidden(
        "data.signature_demanded",
        f"{caller.actor.partner} is permitted to push signed packets only: POST /v1/packets",
        "Theo văn bản cho phép kết nối, hệ thống này chỉ được gửi gói tin có chữ ký số (POST /v1/packets).",
    )


def _check_shape(body: bytes) -> None:
    """Raise Invalid with the place of the error, or TooLarge("data.too_many_figures")."""
    push = checked_json(body, StrictBody)
    if len(push.figures) > MAX_FIGURES:
        raise TooLarge(
            "data.too_many_figures",
            f"{len(push.figures)} figures; one push may have {MAX_FIGURES}",
            f"Mỗi lần gửi tối đa {MAX_FIGURES} số liệu; hãy chia nhỏ.",
        )
    if not push.figures:
        raise Invalid("data.no_figures", "the push has no figures", "Gói gửi không có số liệu nào.")


def _schema() -> dict[str, Any]:
    text: dict[str, Any] = {"type": ["string", "null"]}
    figure = {
        "type": "object",
        "required": ["indicator"],
        "additionalProperties": False,
        "properties": {
            "indicator": {"type": "string"},
            "value": {"type": ["number", "string", "null"], "description": '`3507.6`, `"3507.6"` or `"3.507,6"`'},
            "unit": {**text, "description": "a unit's id or a code such as `gso:03388`"},
            "period": {**text, "description": "`2016`, `2016-Q1`, `2016-03`, `2016-H1`, `2016-9M`, `2016-03-25`"},
            "measure": {**text, "description": "unit of measure you mean; another than the indicator's is refused"},
            "status": {"type": "string", "enum": ["estimate", "preliminary", "official"], "default": "official"},
            "nothing_occurred": {"type": "boolean", "default": False, "description": "không phát sinh"},
        },
    }
    return {
        "type": "object",
        "required": ["form", "figures"],
        "additionalProperties": False,
        "properties": {
            "form": {"type": "string"},
            "unit": {**text, "description": "for figures that name none"},
            "period": {**text, "description": "for figures that name none"},
            "figures": {"type": "array", "minItems": 1, "maxItems": MAX_FIGURES, "items": figure},
        },
    }


@router.post(
    "/v1/data",
    **documented(
        "Push figures",
        ReceiptView,
        examples.RECEIPT_ACCEPTED,
        status=202,
        others={200: "This push was processed before; this is its stored receipt (`Idempotent-Replay: true`)"},
        body=examples.PUSH,
        body_schema=_schema(),
    ),
)
async def push_figures(request: Request, caller: Pusher, key: Key) -> Response:
    """Push figures of one form. 202 means durable: the hub will process it, whatever happens to its processes. The
    receipt tells each figure's outcome; a wrong figure is refused alone, the rest stay."""
    intake: Intake = request.app.state.intake
    return await intake.take(caller, key, await request.body())


@router.post(
    "/v1/validate",
    **documented("Check figures", CheckView, validation.CHECK, body=examples.PUSH, body_schema=_schema()),
)
async def check_figures(request: Request, caller: Pusher) -> Response:
    """Tell what a push of this very body would come to, storing nothing: the outcome of each figure, and the findings
    of each draft with these figures in it. Figures of derived indicators are compared with their formula."""
    body = await request.body()
    _check_shape(body)
    return reply(await caller.ask("submissions", "check", body=body.decode()))


@router.get("/v1/receipts/{receipt_id}", **documented("Read a receipt", ReceiptView, examples.RECEIPT))
async def read_receipt(receipt_id: str, request: Request, caller: Pusher) -> Response:
    """Read what became of a push: `accepted` until it is processed, then each figure's outcome."""
    intake: Intake = request.app.state.intake
    if caller.exchange is not None:
        caller.exchange.message_id = receipt_id[:200]
    if not intake.owns(caller, receipt_id):
        raise NotFound("data.no_receipt", "no such receipt was given to you", "Không có biên nhận này.")
    raw = await caller.ask("submissions", "find_receipt", receipt_id=receipt_id)
    if bytes(raw) == b"null":
        return reply(msgspec.Raw(msgspec.json.encode(ReceiptView(receipt_id=receipt_id, state="accepted"))))
    return reply(raw)
