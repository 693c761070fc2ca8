"""What would be sent, without sending it: the client as it is, on a road that ends before the door.

The secret is not read, let alone shown: the client is given a mask for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

from services.integration.clients import client_on
from services.integration.clients.transport import Reply, Road, Unreached
from services.integration.domain.ledger import Packet
from services.integration.domain.masking import HIDDEN, masked_address, masked_body, masked_headers
from services.integration.domain.partners import Partner
from services.integration.settings import IntegrationSettings, endpoint_of
from shared.errors import Invalid


@dataclass(frozen=True, slots=True)
class Request:
    """A request that was not sent, its credentials masked; `body` is its text."""

    method: str
    address: str
    headers: str
    body: str


@dataclass(slots=True)
class _ShownRoad:
    """Keeps the first request, and lets none through."""

    base: str
    shown: list[Request] = field(default_factory=list)

    def send(
        self,
        method: str,
        path: str = "",
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Reply:
        """Raises Unreached, always."""
        request = httpx.Request(method, self.base.rstrip("/") + path, params=params, headers=headers, content=body)
        self.shown.append(
            Request(
                method=method,
                address=masked_address(str(request.url)),
                headers=masked_headers(request.headers),
                body=masked_body(body or b"").decode(errors="replace"),
            )
        )
        raise Unreached("only shown, not sent")

    def close(self) -> None:
        """Nothing to give back."""


def shown(partner: Partner, packet: Packet, settings: IntegrationSettings) -> Request:
    """Return the request by which this packet would be handed over.

    Raises what `client_on` raises, and Invalid("integration.unsayable") if the packet does not fit the dialect.
    """
    end = _ShownRoad(endpoint_of(partner.id, partner.endpoint))
    road: Road = end
    if partner.transport.kind == "xroad":
        from services.integration.clients.xroad import over_xroad

        road = over_xroad(end, partner)
    answer = client_on(road, partner, HIDDEN, settings).submit(packet)
    if not end.shown:
        raise Invalid(
            "integration.unsayable",
            f"{partner.id}: {answer.error}",
            "Số liệu này không diễn đạt được theo giao thức của hệ thống nhận.",
        )
    return end.shown[0]
