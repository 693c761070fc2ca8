"""What every request passes first and last: correlation id, size limit, security headers, log line, duration.

Plain ASGI: no wrapping of bodies, no task of its own, so that a read costs little more than its RPC.
"""

from __future__ import annotations

import re
import secrets
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import structlog

from gateway.metrics import REQUEST_SECONDS
from gateway.problems import problem_response
from gateway.soap.envelope import fault_response
from shared import traces
from shared.errors import HubError, Internal, Invalid, TooLarge
from shared.health import Standing

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SOAP = "/soap/"
CORRELATION_HEADER = b"x-correlation-id"
_CORRELATION = re.compile(r"[A-Za-z0-9._-]{1,64}")
_API_POLICY = b"default-src 'none'; frame-ancestors 'none'"
_PAGE_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    b"connect-src 'self'; frame-ancestors 'none'"
)
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
)
_log = structlog.get_logger("gateway.request")


class Edge:
    """The outermost layer of the application."""

    def __init__(self, app: ASGIApp, max_body_bytes: int, standing: Standing | None = None) -> None:
        self._app = app
        self._standing = standing or Standing()
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        correlation_id, given, declared = _read_headers(scope)
        scope["correlation_id"] = correlation_id
        if traces.on():
            # Whoever names a correlation id may use it for several requests; only of an own one this is the first.
            traces.here.set(traces.new_span() if given else traces.first_of(correlation_id))
        page = scope["path"].startswith("/docs")
        status = 500
        begun = False

        async def sending(message: Message) -> None:
            nonlocal status, begun
            if message["type"] == "http.response.start":
                status, begun = message["status"], True
                names = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    (CORRELATION_HEADER, correlation_id.encode()),
                    *_HEADERS,
                ]
                if b"content-security-policy" not in names:
                    message["headers"].append((b"content-security-policy", _PAGE_POLICY if page else _API_POLICY))
                if b"cache-control" not in names:
                    message["headers"].append((b"cache-control", b"no-store"))
                if self._standing.ending:
                    message["headers"].append((b"connection", b"close"))
            await send(message)

        try:
            refusal = self._refusal(scope, declared)
            if refusal is not None:
                await _refuse(refusal, correlation_id, scope, receive, sending)
            else:
                await self._app(scope, self._limited(receive), sending)
        except Exception:
            _log.exception("request_failed", correlation_id=correlation_id, path=scope["path"])
            if begun:
                raise
            fault = Internal("hub.internal", "a fault of the hub's own", "Hệ thống gặp lỗi; vui lòng báo mã yêu cầu.")
            await _refuse(fault, correlation_id, scope, receive, sending)
        finally:
            _account(scope, status, time.perf_counter() - started, correlation_id)

    def _refusal(self, scope: Scope, declared: int) -> HubError | None:
        if declared > self._max_body_bytes:
            return self._too_large()
        if b"%00" in scope["query_string"] or "\x00" in scope["path"]:
            # PostgreSQL stores no NUL; refused here it cannot become a fault deeper down.
            return Invalid("gateway.nul_character", "addresses may not hold the NUL character", "Địa chỉ không hợp lệ.")
        return None

    def _limited(self, receive: Receive) -> Receive:
        received = 0

        async def receiving() -> Message:
            nonlocal received
            message = await receive()
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
                if received > self._max_body_bytes:
                    raise self._too_large()
            return message

        return receiving

    def _too_large(self) -> TooLarge:
        return TooLarge(
            "gateway.body_too_large",
            f"a body may have at most {self._max_body_bytes} bytes",
            f"Nội dung gửi lên vượt quá {self._max_body_bytes} byte; hãy chia nhỏ.",
        )


def _read_headers(scope: Scope) -> tuple[str, bool, int]:
    """Return the correlation id (the caller's if it is a proper one, else a new one), whether it is the caller's, and
    the declared body length."""
    correlation_id, declared = "", 0
    for name, value in scope["headers"]:
        if name == CORRELATION_HEADER:
            text = value.decode("latin-1")
            correlation_id = text if _CORRELATION.fullmatch(text) else ""
        elif name == b"content-length" and value.isdigit():
            declared = int(value)
    return correlation_id or secrets.token_hex(16), bool(correlation_id), declared


async def _refuse(error: HubError, correlation_id: str, scope: Scope, receive: Receive, send: Send) -> None:
    # Whoever posts to the SOAP door understands a fault, whoever refuses.
    by_soap = scope["method"] == "POST" and scope["path"].startswith(_SOAP)
    said = fault_response if by_soap else problem_response
    scope["meant_status"] = error.status
    await said(error, correlation_id, {"Connection": "close"})(scope, receive, send)


def _account(scope: Scope, status: int, seconds: float, correlation_id: str) -> None:
    route: Any = scope.get("route")
    template = getattr(route, "path", "unmatched")
    method = scope["method"] if template != "unmatched" else "any"
    if traces.on():
        failed = status >= HTTPStatus.INTERNAL_SERVER_ERROR
        name, here = f"{method} {template}", traces.here.get()
        traces.record(name, "server", correlation_id, seconds, span=here, failed=failed, status=status)
    # Every SOAP fault is HTTP 500; one that is the caller's to mend must not count as a failure of ours.
    REQUEST_SECONDS.labels(template, method, str(scope.get("meant_status", status))).observe(seconds)
    _log.info(
        "request",
        correlation_id=correlation_id,
        caller=scope.get("caller_id"),
        method=scope["method"],
        route=template,
        status=status,
        milliseconds=round(seconds * 1000, 1),
    )
