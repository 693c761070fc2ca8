"""The registry of security servers (Đ11)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from gateway.auth import Caller, requires
from gateway.documentation import documented
from gateway.examples import security_servers as examples
from gateway.routes import Day, Id, plain_text, reply
from gateway.routes.bodies import Body, WrittenDay
from shared.contracts.views.security_servers import SecurityServers

router = APIRouter(tags=["federation"])
Reader = Annotated[Caller, requires("deliveries.read")]
Manager = Annotated[Caller, requires("partners.manage")]


class Server(Body):
    """A security server as it becomes."""

    id: Id
    owner: Id
    address: Annotated[str, plain_text(500)]
    purpose: Annotated[str, plain_text()]
    fingerprint: Annotated[str, plain_text(64, 64)]
    valid_from: WrittenDay
    valid_to: WrittenDay | None = None


class Announcement(Body):
    """From which day a server is how, or (no `becomes`) stands no more."""

    effective_on: WrittenDay
    becomes: Server | None = None
    emergency: bool = False
    reason: Annotated[str, plain_text(min_length=0)] = ""


@router.get("/v1/security-servers", **documented("List security servers", SecurityServers, examples.REGISTRY))
async def list_security_servers(
    caller: Reader, on: Annotated[Day | None, Query(description="a day; today if none is named")] = None
) -> Response:
    """List the security servers that stand on a day, and the changes announced for later days."""
    return reply(await caller.ask("integration", "list_security_servers", on=on))


@router.post(
    "/v1/security-servers/{server}/announcements",
    **documented("Announce a change", SecurityServers, examples.REGISTRY, body=examples.ANNOUNCEMENT),
)
async def announce(server: Id, given: Announcement, caller: Manager) -> Response:
    """Announce a change of a security server at least three working days ahead (Đ11); an emergency, with its reason,
    may come sooner. Administrators are told."""
    becomes = None if given.becomes is None else given.becomes.model_dump()
    result = await caller.ask(
        "integration",
        "announce_security_server",
        server=server,
        effective_on=given.effective_on,
        becomes=becomes,
        emergency=given.emergency,
        reason=given.reason,
    )
    return reply(result)
