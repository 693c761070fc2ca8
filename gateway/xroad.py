"""X-Road as its provider sees it: which calls come from our security server, and for whom they stand.

Deny by default. A call is X-Road's only if it bears the secret that is shared with the province's security server (or
with the proxy before the hub that has checked the security server's certificate); without a secret, or without a
service of ours that is named, nothing is X-Road's. Which X-Road client stands for which client of the hub is data of
the partner (`transport.xroad.callers`), so its rights, scopes and budget are those of any other call of that client.
"""

from __future__ import annotations

import hmac
import time
from typing import TYPE_CHECKING

import msgspec

from shared.contracts.views.everyday import TokenView
from shared.contracts.views.xroad import XRoadCallerView
from shared.errors import Forbidden, NotFound
from shared.xroad import Member, Service

if TYPE_CHECKING:
    from starlette.types import Scope

    from gateway.broker import BrokerPort

TRUST_HEADER = b"x-hub-security-server"
REMEMBERED_SECONDS = 60.0
MAX_REMEMBERED = 1_000


class SecurityServers:
    """Knows our security servers by their secrets, and lends their clients the tokens of clients of the hub."""

    def __init__(self, broker: BrokerPort, service: str, secrets: tuple[bytes, ...]) -> None:
        self._broker = broker
        self._secrets = secrets if service else ()
        self.service = Service.read(service) if service else None
        self._remembered: dict[Member, tuple[float, str]] = {}

    def claimed(self, scope: Scope) -> bool:
        """Tell whether this request says that it comes from a security server."""
        return any(name == TRUST_HEADER for name, _ in scope["headers"])

    def require_trust(self, scope: Scope) -> None:
        """Raise Forbidden("gateway.not_a_security_server") unless the request bears one of our secrets, once."""
        given = [value for name, value in scope["headers"] if name == TRUST_HEADER]
        # Every secret is compared, in constant time each, so that time tells nothing about which is near.
        matches = [hmac.compare_digest(given[0], secret) for secret in self._secrets] if len(given) == 1 else []
        if not any(matches):
            raise Forbidden(
                "gateway.not_a_security_server",
                "X-Road calls are taken from the province's security server only",
                "Chỉ máy chủ bảo mật của tỉnh được gọi qua X-Road.",
            )

    async def token_of(self, client: Member, correlation_id: str) -> str:
        """Return a token of the hub's client that this X-Road client stands for.

        Raises Forbidden("gateway.unknown_xroad_client") if it stands for none, or its partner is not permitted now;
        Unavailable.
        """
        known = self._remembered.get(client)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        try:
            token = await self._vouched(client, correlation_id)
        except NotFound as error:
            raise Forbidden(
                "gateway.unknown_xroad_client",
                f"{client} stands for no client of the hub: {error.message}",
                "Hệ thống gọi qua X-Road chưa được cấp quyền kết nối.",
            ) from error
        if len(self._remembered) >= MAX_REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        until = time.monotonic() + min(REMEMBERED_SECONDS, token.expires_in / 2)
        self._remembered[client] = (until, token.access_token)
        return token.access_token

    async def _vouched(self, client: Member, correlation_id: str) -> TokenView:
        raw = await self._broker.call(
            "integration", "find_xroad_caller", correlation_id=correlation_id, client=str(client)
        )
        caller = msgspec.json.decode(raw, type=XRoadCallerView)
        raw = await self._broker.call(
            "accounts", "vouch_for", correlation_id=correlation_id, client=caller.client, partner=caller.partner
        )
        return msgspec.json.decode(raw, type=TokenView)
