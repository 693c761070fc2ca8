"""How the hub is doing: for people (status), for supervisors (health), for Prometheus (metrics)."""

from __future__ import annotations

import asyncio
import ipaddress
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import msgspec
from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway import examples
from gateway.auth import Caller, Door, public, requires
from gateway.documentation import documented
from gateway.problems import correlation_of
from gateway.routes import reply
from shared.contracts.views.everyday import ServiceStatus
from shared.contracts.views.integration import DeadLetterPage, PartnerView
from shared.errors import HubError, NotFound, Unavailable

router = APIRouter(tags=["status"])
T = TypeVar("T")
SERVICES = ("accounts", "approval", "indicators", "integration", "notifications", "submissions")
STATUS_TIMEOUT_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLine:
    """One service: whether it answered, and what it said, or why not."""

    service: str
    reachable: bool
    status: ServiceStatus | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HubStatus:
    """The hub as the gateway sees it. `partners` and `dead_letters` (open ones) are told to those who may read them,
    and while integration answers."""

    broker: str
    services: list[ServiceLine]
    partners: list[PartnerView] | None = None
    dead_letters: int | None = None


@router.get("/v1/status", **documented("Read the hub's status", HubStatus, examples.STATUS))
async def read_status(request: Request, caller: Annotated[Caller, requires("status.read")]) -> Response:
    """Ask every service how it is doing; one that does not answer is named and does not hold up the others."""
    door: Door = request.app.state.door
    correlation_id = correlation_of(request.scope)
    lines, partners, letters = await asyncio.gather(
        asyncio.gather(*(_ask(door, service, correlation_id) for service in SERVICES)),
        _told(caller, "deliveries.read", "list_partners", list[PartnerView]),
        _told(caller, "dead_letters.read", "list_dead_letters", DeadLetterPage, state="dead", limit=1),
    )
    status = HubStatus(
        broker="connected" if door.broker.connected else "away",
        services=list(lines),
        partners=partners,
        dead_letters=None if letters is None else letters.total,
    )
    return reply(msgspec.Raw(msgspec.json.encode(status)))


@router.get(
    "/health/live", dependencies=[public], **documented("Is the process alive?", dict[str, str], {"state": "live"})
)
async def read_liveness() -> Response:
    """Answer as long as the process can."""
    return JSONResponse({"state": "live"})


@router.get("/health/ready", dependencies=[public], **documented("Can it serve?", dict[str, str], {"state": "ready"}))
async def read_readiness(request: Request) -> Response:
    """Answer 200 while the broker is connected, 503 otherwise and once this process is about to end."""
    if request.app.state.standing.ending:
        raise Unavailable("gateway.draining", "this process is about to end", "Tiến trình này sắp dừng.")
    door: Door = request.app.state.door
    if not door.broker.connected:
        raise Unavailable("gateway.broker_down", "no connection to the broker", "Hệ thống đang tạm gián đoạn.")
    return JSONResponse({"state": "ready"})


@router.get("/metrics", include_in_schema=False, dependencies=[public])
async def read_metrics(request: Request) -> Response:
    """The gateway's metrics, hidden from other machines unless a setting opens them."""
    if request.app.state.settings.metrics_loopback_only and not _is_loopback(request):
        raise NotFound("gateway.no_such_route", "there is nothing at this address", "Không tìm thấy địa chỉ này.")
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def _is_loopback(request: Request) -> bool:
    try:
        return request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


async def _ask(door: Door, service: str, correlation_id: str) -> ServiceLine:
    try:
        raw = await door.broker.call(
            service, "describe_status", correlation_id=correlation_id, timeout_seconds=STATUS_TIMEOUT_SECONDS
        )
        return ServiceLine(service=service, reachable=True, status=msgspec.json.decode(raw, type=ServiceStatus))
    except (HubError, msgspec.ValidationError) as error:
        return ServiceLine(service=service, reachable=False, error=str(error))


async def _told(caller: Caller, right: str, method: str, shape: type[T], **asked: Any) -> T | None:
    """Return what integration answers, None if the caller may not know it or it cannot be had in time."""
    if not caller.actor.may(right):
        return None
    try:
        raw = await caller.ask("integration", method, timeout_seconds=STATUS_TIMEOUT_SECONDS, **asked)
        return msgspec.json.decode(raw, type=shape)
    except (HubError, msgspec.ValidationError):
        return None
