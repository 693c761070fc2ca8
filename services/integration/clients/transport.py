"""The road to a partner: one HTTP exchange at a time, knowing neither protocol nor content.

A road tells the two kinds of failure apart that deliveries hang on: `Unreached` (certainly nothing was done there) and
`Lost` (nobody can know). TLS is 1.2 or newer, the partner's name is checked, redirections are not followed, proxies of
the environment are not asked. Files of keys and certificates are secrets, named by the partner's transport.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import certifi
import httpx

from services.integration.clients.protocol import MAX_ANSWER_BYTES
from services.integration.clients.recording import Recorder
from services.integration.domain.partners import Partner, Transport
from services.integration.settings import IntegrationSettings, endpoint_of
from shared.errors import Internal, Invalid

_REFUSED_US = ("CERTIFICATE_REQUIRED", "UNKNOWN_CA", "BAD_CERTIFICATE", "CERTIFICATE_EXPIRED", "CERTIFICATE_UNKNOWN",
               "CERTIFICATE_REVOKED", "UNSUPPORTED_CERTIFICATE", "HANDSHAKE_FAILURE", "ACCESS_DENIED",
               "PROTOCOL_VERSION")  # fmt: skip
"""Alerts that end a handshake: with TLS 1.3 a client learns only when it reads that its certificate was refused."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: HTTP status, headers (names without regard to case) and the whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Unreached(Exception):
    """The request certainly was not taken: nothing was applied there. `quick`: trying again at once may help."""

    def __init__(self, why: str, *, quick: bool = False) -> None:
        super().__init__(why)
        self.quick = quick


class Lost(Exception):
    """The request may have been taken, and no usable answer came back."""


class Road(Protocol):
    """One partner's address. Not shared between green threads."""

    def send(
        self,
        method: str,
        path: str = "",
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Reply:
        """Exchange one request for one reply; `path` is appended to the partner's address. Raises Unreached or Lost."""

    def close(self) -> None:
        """Give connections back."""


class DirectRoad:
    """HTTP or, where the address says so, TLS to `endpoint`; `timeout` is seconds between bytes. Only here bytes leave
    for a partner: `recorder` notes them and what came back."""

    def __init__(
        self, endpoint: str, timeout: float, recorder: Recorder, context: ssl.SSLContext | None = None
    ) -> None:
        self._base = endpoint.rstrip("/")
        self._recorder = recorder
        # Without TLS no context is built: loading the authorities takes longer than many a call.
        verify: ssl.SSLContext | bool = context if context is not None else False
        self._http = httpx.Client(verify=verify, timeout=timeout, follow_redirects=False, trust_env=False)

    def send(
        self,
        method: str,
        path: str = "",
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Reply:
        """Exchange one request for one reply. Raises Unreached or Lost."""
        cut = _Cut()
        request = self._http.build_request(
            method, self._base + path, content=body, params=params, headers=headers, extensions={"trace": cut.watch}
        )
        with self._recorder.call(method, str(request.url), request.headers, body or b"") as call:
            reply = self._exchange(request, cut)
            call.answered(reply.status, reply.headers, reply.body)
        return reply

    def _exchange(self, request: httpx.Request, cut: _Cut) -> Reply:
        try:
            response = self._http.send(request, stream=True)
            try:
                return Reply(response.status_code, response.headers, _read(response))
            finally:
                response.close()
        except (httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise Unreached("cannot connect in time") from error
        except (httpx.ConnectError, httpx.UnsupportedProtocol) as error:
            raise Unreached(f"cannot connect: {error}", quick=not _of_tls(error)) from error
        except httpx.HTTPError as error:
            if refused := _refused_us(error):
                raise Unreached(f"our certificate was not accepted: {refused}") from error
            if cut.short:
                raise Unreached(f"closed before all was sent: {error}", quick=True) from error
            # With TLS 1.3 we are connected before the server has judged our certificate (RFC 8446, section 4.4.2.4).
            doubt = "; perhaps it does not take our certificate (TLS 1.3 tells after sending)" if cut.unjudged else ""
            raise Lost(f"{type(error).__name__}: {error}{doubt}") from error

    def close(self) -> None:
        """Give connections back."""
        self._http.close()


class _Cut:
    """Sees whether a request could not be sent to its end: then it was never whole there, and nobody may act on it
    (RFC 9112, section 8). A server that does not like our certificate may close so, without a word."""

    def __init__(self) -> None:
        self.short = False
        self.unjudged = False
        """Whether the connection is new, of TLS 1.3, and nothing has come back on it."""

    def watch(self, event: str, info: Mapping[str, Any]) -> None:
        """Called by httpcore for each of its steps."""
        if event.endswith("start_tls.complete"):
            speaking = info["return_value"].get_extra_info("ssl_object")
            self.unjudged = speaking is not None and speaking.version() == "TLSv1.3"
        elif event.endswith("receive_response_headers.complete"):
            self.unjudged = False
        if event.endswith(("send_request_headers.failed", "send_request_body.failed")):
            self.short = True


def _read(response: httpx.Response) -> bytes:
    raw = bytearray()
    for part in response.iter_bytes():
        raw += part
        if len(raw) > MAX_ANSWER_BYTES:
            raise Lost(f"more than {MAX_ANSWER_BYTES} bytes")
    return bytes(raw)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _of_tls(error: BaseException) -> bool:
    return any(isinstance(cause, ssl.SSLError) for cause in _causes(error))


def _refused_us(error: BaseException) -> str | None:
    for cause in _causes(error):
        reason = str(getattr(cause, "reason", "")) if isinstance(cause, ssl.SSLError) else ""
        if "ALERT" in reason and reason.endswith(_REFUSED_US):
            return reason
    return None


def open_road(partner: Partner, settings: IntegrationSettings, recorder: Recorder) -> Road:
    """Return the road to this partner as its transport says; `recorder` notes what passes over it.

    Raises Invalid("integration.unknown_transport", "integration.address_not_tls", "integration.plain_refused"),
    Internal("integration.no_secret", "integration.bad_certificate") and what `domain.xroad.Terms.read` raises.
    """
    transport, endpoint = partner.transport, endpoint_of(partner.id, partner.endpoint)
    if transport.kind not in ("plain", "tls", "mutual_tls", "xroad"):
        raise Invalid(
            "integration.unknown_transport", f"{partner.id}: {transport.kind}", "Đường truyền không được hỗ trợ."
        )
    secure = urlsplit(endpoint).scheme == "https"
    if not secure and transport.kind in ("tls", "mutual_tls"):
        raise Invalid(
            "integration.address_not_tls",
            f"{partner.id}: {endpoint} is no https address",
            "Địa chỉ của hệ thống phải bắt đầu bằng https.",
        )
    if not secure and not settings.plain_anywhere and not _near(endpoint):
        raise Invalid(
            "integration.plain_refused",
            f"{partner.id}: {endpoint} is neither TLS nor on a private network",
            "Địa chỉ ngoài mạng nội bộ phải dùng kết nối mã hóa (https).",
        )
    context = tls_context(transport, settings) if secure else None
    over = "soap" if partner.protocol == "soap" else "rest"
    recorder.road = f"xroad-{over}" if transport.kind == "xroad" else over
    direct = DirectRoad(endpoint, settings.timeout_seconds, recorder, context)
    if transport.kind != "xroad":
        return direct
    from services.integration.clients.xroad import over_xroad

    return over_xroad(direct, partner)


def tls_context(transport: Transport, settings: IntegrationSettings) -> ssl.SSLContext:
    """Return how this transport speaks TLS. Without an authority of its own the system's are trusted.

    Raises Internal("integration.no_secret") for a file that is not there, Internal("integration.bad_certificate") for
    one that does not hold what it should.
    """
    if transport.kind == "mutual_tls" and not transport.certificate:
        raise Internal("integration.no_secret", "mutual TLS without a certificate of ours")
    authority = _file(settings, transport.authority)
    certificate, key = _file(settings, transport.certificate), _file(settings, transport.private_key)
    try:
        context = ssl.create_default_context(cafile=authority)
        if authority is None:
            context.load_verify_locations(certifi.where())
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if certificate is not None:
            context.load_cert_chain(certificate, key)
    except (ssl.SSLError, ValueError) as error:
        raise Internal("integration.bad_certificate", f"cannot be used for TLS: {error}") from error
    return context


def _file(settings: IntegrationSettings, name: str) -> Path | None:
    if not name:
        return None
    file = settings.secret_file(name)
    try:
        file.read_bytes()
    except OSError as error:
        raise Internal("integration.no_secret", f"{file.name}: {error.strerror}") from error
    return file


def _near(endpoint: str) -> bool:
    """Tell whether this address lies on the loopback or a private network. A name that cannot be resolved now is not
    refused here: it cannot be called either."""
    host = urlsplit(endpoint).hostname or ""
    try:
        found = [ipaddress.ip_address(host)]
    except ValueError:
        try:
            found = [ipaddress.ip_address(str(row[4][0]).partition("%")[0]) for row in socket.getaddrinfo(host, None)]
        except OSError:
            return True
    return all(address.is_private or address.is_loopback for address in found)
