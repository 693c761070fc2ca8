"""Partners: who the hub exchanges figures with, and on which terms."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from gateway import examples
from gateway.auth import Caller, requires
from gateway.documentation import documented
from gateway.examples import partners as administered
from gateway.routes import Id, plain_text, reply
from gateway.routes.bodies import Body, free_json
from shared.contracts.views.integration import PartnerView
from shared.contracts.views.partners import PartnerCheck, PartnerDetail, PartnerPlan

router = APIRouter(tags=["federation"])
Reader = Annotated[Caller, requires("deliveries.read")]
Sender = Annotated[Caller, requires("deliveries.manage")]
Manager = Annotated[Caller, requires("partners.manage")]
CHECK_TIMEOUT_SECONDS = 60.0
PUT_TIMEOUT_SECONDS = 60.0


class Reason(Body):
    """Why a partner is suspended or resumed."""

    reason: Annotated[str, plain_text()]


@router.get("/v1/partners", **documented("List partners", list[PartnerView], examples.PARTNERS))
async def list_partners(caller: Reader) -> Response:
    """List the partners and how the hub stands with each."""
    return reply(await caller.ask("integration", "list_partners"))


@router.post("/v1/partners/{partner}/sync", **documented("Send what is due now", dict[str, int], {"due": 2}))
async def sync(partner: Id, caller: Sender) -> Response:
    """Make every waiting delivery to this partner due now."""
    due = msgspec.json.decode(await caller.ask("integration", "sync", partner=partner))
    return reply(msgspec.Raw(msgspec.json.encode({"due": due})))


@router.get("/v1/partners/{partner}", **documented("Read a partner", PartnerDetail, administered.DETAIL))
async def read_partner(partner: Id, caller: Reader) -> Response:
    """Read a partner whole: its document as it is put, its versions, and whether it may be called now."""
    return reply(await caller.ask("integration", "read_partner", partner=partner))


@router.put(
    "/v1/partners/{partner}",
    **documented(
        "Create or change a partner",
        PartnerPlan,
        administered.PLAN,
        body=administered.DOCUMENT,
        body_schema={"type": "object"},
    ),
)
async def put_partner(
    partner: Id,
    request: Request,
    caller: Manager,
    dry_run: Annotated[bool, Query(description="tell what would change, and change nothing")] = False,
    reason: Annotated[Annotated[str, plain_text(min_length=0)], Query(description="kept with the version")] = "",
    expected_version: Annotated[
        int | None, Query(ge=0, le=2**31 - 1, description="refuse if the partner is at another version")
    ] = None,
) -> Response:
    """Put a partner's whole document: checked, with each fault's place; what follows of it is planned. Secrets are
    named (files of the secret store), never sent."""
    body = await request.body()
    free_json(body, dict[str, Any])
    result = await caller.ask(
        "integration",
        "put_partner",
        timeout_seconds=PUT_TIMEOUT_SECONDS,
        partner=partner,
        document=msgspec.Raw(body),
        reason=reason,
        dry_run=dry_run,
        expected_version=expected_version,
    )
    return reply(result)


@router.post(
    "/v1/partners/{partner}/suspend",
    **documented("Suspend a partner", PartnerDetail, administered.DETAIL, body=administered.REASON),
)
async def suspend(partner: Id, given: Reason, caller: Manager) -> Response:
    """Have nothing pass between this partner and the hub: no delivery, no pull, no token for its systems. What it is
    due waits."""
    return reply(await caller.ask("integration", "suspend_partner", partner=partner, reason=given.reason))


@router.post(
    "/v1/partners/{partner}/resume",
    **documented("Resume a partner", PartnerDetail, administered.DETAIL, body=administered.REASON),
)
async def resume(partner: Id, given: Reason, caller: Manager) -> Response:
    """Let a suspended partner be called again, and its systems in."""
    return reply(await caller.ask("integration", "resume_partner", partner=partner, reason=given.reason))


@router.post("/v1/partners/{partner}/check", **documented("Try a partner", PartnerCheck, administered.CHECK))
async def check(partner: Id, caller: Manager) -> Response:
    """Try a partner without giving it anything: name, connection, certificate, authentication, schema, a round trip,
    its clock."""
    return reply(
        await caller.ask("integration", "check_partner", timeout_seconds=CHECK_TIMEOUT_SECONDS, partner=partner)
    )
