"""X-Road's door for REST: calls that our security server passes on, by the message protocol for REST r1.

Two addresses, the same routes behind both: `/r1/{our service}/v1/…` as the protocol writes it, and `/v1/…` as a
security server calls the address that a service's code is mapped to. Either way the call must bear the security
server's secret (gateway/xroad.py), and `X-Road-Client` says for whom it stands. A call without that secret is an
ordinary one, whatever X-Road headers it has: they mean nothing then.

Answers at `/r1/` carry the headers that the protocol asks of the platform; at `/v1/` the security server adds them.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING
from urllib.parse import unquote
from uuid import uuid4

import msgspec
from starlette.responses import Response

from gateway.problems import correlation_of, problem_response
from gateway.xroad import SecurityServers
from shared.errors import Forbidden, HubError, Invalid, NotFound
from shared.logs import logger
from shared.xroad import REST_PREFIX, Member, Service

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logger(__name__)
_ROUTES = "/v1/"
_MAX_URL = 2_000
_MAX_FIELD = 255
_IDENTIFIERS = ("x-road-client", "x-road-service", "x-road-security-server", "x-road-represented-party")
"""Several codes of up to 255 letters each, percent-encoded."""


class Platform:
    """The layer in front of the routes that makes an X-Road call a call of the client it stands for."""

    def __init__(self, app: ASGIApp, servers: SecurityServers) -> None:
        self._app = app
        self._servers = servers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        if path.startswith(REST_PREFIX):
            await self._as_platform(scope, receive, send)
        elif path.startswith(_ROUTES) and self._servers.claimed(scope):
            await self._behind_platform(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _behind_platform(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._let_in(scope, _headers(scope))
        except HubError as error:
            await problem_response(error, correlation_of(scope))(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _as_platform(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = _headers(scope)
        try:
            service, path = _addressed(scope)
            if self._servers.service is None or service != self._servers.service:
                raise NotFound("gateway.no_such_service", f"{service} is not offered here", "Không có dịch vụ này.")
            client = await self._let_in(scope, headers)
            if not path.startswith(_ROUTES):
                raise NotFound("gateway.no_such_route", "there is nothing at this address", "Không tìm thấy địa chỉ.")
        except HubError as error:
            await _refused(error, correlation_of(scope))(scope, receive, send)
            return
        scope["path"], scope["raw_path"] = unquote(path), path.encode("ascii")
        digest = _RequestHash(headers)

        async def receiving() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                digest.add(message.get("body", b""))
            return message

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                told = {
                    "x-road-client": str(client),
                    "x-road-service": str(service),
                    "x-road-id": headers.get("x-road-id") or str(uuid4()),
                    "x-road-request-id": headers.get("x-road-request-id") or str(uuid4()),
                    "x-road-request-hash": digest.text(),
                }
                more = [(name.encode(), value.encode("latin-1")) for name, value in told.items()]
                message["headers"] = [*message["headers"], *more]
            await send(message)

        await self._app(scope, receiving, sending)

    async def _let_in(self, scope: Scope, headers: dict[str, str]) -> Member:
        """Lend the call the token of the client it stands for; return its X-Road client."""
        self._servers.require_trust(scope)
        if "x-road-client" not in headers:
            raise Invalid("gateway.xroad_header", "X-Road-Client is missing", "Thiếu tiêu đề X-Road-Client.")
        if any(len(text) > (_MAX_URL if name in _IDENTIFIERS else _MAX_FIELD) for name, text in headers.items()):
            raise Invalid("gateway.xroad_header", "an X-Road header is too long", "Tiêu đề X-Road quá dài.")
        client = Member.read(headers["x-road-client"])
        named = headers.get("x-road-service")
        if named is not None and Service.read(named) != self._servers.service:
            raise NotFound("gateway.no_such_service", f"{named} is not offered here", "Không có dịch vụ này.")
        correlation_id = correlation_of(scope)
        scope["xroad_id"] = headers.get("x-road-id")
        scope["lent_token"] = await self._servers.token_of(client, correlation_id)
        told = {"message": headers.get("x-road-id"), "user": headers.get("x-road-userid")}
        log.info("rest.xroad", client=str(client), correlation_id=correlation_id, **told)
        return client


class _RequestHash:
    """`X-Road-Request-Hash`: base64 of SHA512(SHA512(headers) + SHA512(body)), or of SHA512(headers) without a body;
    the headers are the request's X-Road headers, a line `name:value` each, sorted."""

    def __init__(self, headers: dict[str, str]) -> None:
        lines = "".join(f"{name}:{value}\n" for name, value in sorted(headers.items()))
        self._headers = hashlib.sha512(lines.encode()).digest()
        self._body = hashlib.sha512()
        self._any = False

    def add(self, part: bytes) -> None:
        """Take in a piece of the body."""
        self._any = self._any or bool(part)
        self._body.update(part)

    def text(self) -> str:
        """Return the hash over what has come."""
        whole = hashlib.sha512(self._headers + self._body.digest()).digest() if self._any else self._headers
        return base64.b64encode(whole).decode()


def _headers(scope: Scope) -> dict[str, str]:
    """Return the request's X-Road headers. One that stands twice counts as none, so that nobody can add to it."""
    found: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        if name.startswith(b"x-road-"):
            found.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
    return {name: values[0] for name, values in found.items() if len(values) == 1}


def _addressed(scope: Scope) -> tuple[Service, str]:
    """Return the service that `/r1/INSTANCE/CLASS/CODE/SUBSYSTEM/SERVICE/path` names, and the path, still encoded."""
    raw = scope["raw_path"].decode("ascii", errors="replace").partition("?")[0]
    if len(raw) > _MAX_URL:
        raise Invalid("xroad.bad_identifier", "the address is too long", "Địa chỉ quá dài.")
    parts = raw.removeprefix(REST_PREFIX).split("/", 5)
    return Service.read("/".join(parts[:5])), "/" + (parts[5] if len(parts) > 5 else "")


def _refused(error: HubError, correlation_id: str) -> Response:
    """Return the platform's own error: a request that is not by the protocol is the client's (400), everything else is
    told with 500 (section 4.6)."""
    if isinstance(error, Invalid):
        status, kind = 400, "Client.BadRequest"
    elif isinstance(error, NotFound):
        status, kind = 500, "Server.ServerProxy.UnknownService"
    elif isinstance(error, Forbidden):
        status, kind = 500, "Server.ServerProxy.AccessDenied"
    else:
        status, kind = 500, "Server.ServerProxy.ServiceFailed"
    told = {"type": kind, "message": f"{error.code}: {error.message}", "detail": correlation_id}
    headers = {"X-Road-Error": kind}
    return Response(msgspec.json.encode(told), status, headers, media_type="application/json; charset=utf-8")
