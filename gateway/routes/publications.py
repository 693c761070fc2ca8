"""Publishing by decision, and what everyone may read without a token (Đ5.4)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from gateway.auth import Caller, Door, public_read, requires
from gateway.documentation import documented
from gateway.examples import warehouse as examples
from gateway.problems import correlation_of
from gateway.routes import After, Id, Limit, reply
from gateway.routes.bodies import Body, WrittenDay
from shared.contracts.views.publication import PublicationPage, PublicationView, PublicPage, PublishedPage

router = APIRouter(tags=["observations"])
Publisher = Annotated[Caller, requires("observations.publish")]
Ids = Annotated[list[Id], Field(min_length=1, max_length=500)]


class Publishing(Body):
    """What is published, and the decision: a form's periods, of all units and indicators unless some are named."""

    form: Id
    period_from: Id
    period_to: Id | None = None
    units: Ids | None = None
    indicators: Ids | None = None
    decision: Id
    decided_on: WrittenDay


class Withdrawal(Body):
    """The decision that takes a publication back."""

    decision: Id


@router.post(
    "/v1/publications",
    **documented("Publish figures", PublicationView, examples.PUBLICATION, body=examples.PUBLISHING),
)
async def publish(publishing: Publishing, caller: Publisher) -> Response:
    """Make a form's figures free for everyone to read, with later corrections. The same again answers the same."""
    return reply(await caller.ask("indicators", "publish", **publishing.model_dump()))


@router.post(
    "/v1/publications/{publication_id}/withdraw",
    **documented("Take a publication back", PublicationView, examples.PUBLICATION, body={"decision": "12/QĐ-UBND"}),
)
async def withdraw_publication(publication_id: Id, withdrawal: Withdrawal, caller: Publisher) -> Response:
    """End a publication by decision. To publish the same again takes a new decision."""
    return reply(
        await caller.ask(
            "indicators", "withdraw_publication", publication_id=publication_id, decision=withdrawal.decision
        )
    )


@router.get("/v1/publications", **documented("List publications", PublicationPage, examples.PUBLICATIONS))
async def list_publications(
    caller: Annotated[Caller, requires("observations.read")],
    form: Id | None = None,
    in_force: bool = False,
    after: After = None,
    limit: Limit = 200,
) -> Response:
    """List what was published and what was taken back, with the decisions."""
    return reply(
        await caller.ask("indicators", "list_publications", form=form, in_force=in_force, after=after, limit=limit)
    )


@router.get(
    "/v1/public",
    dependencies=[public_read],
    **documented("See what is public", PublicPage, examples.PUBLIC),
)
async def list_public(request: Request, after: After = None, limit: Limit = 200) -> Response:
    """List what everyone may read, without a token: forms and periods, with the decisions they were published by."""
    return reply(await _ask(request, "list_public", after=after, limit=limit))


@router.get(
    "/v1/public/observations",
    dependencies=[public_read],
    **documented("Read published values", PublishedPage, examples.PUBLISHED),
)
async def list_published(
    request: Request,
    form: Annotated[Id, Query(description="a form that is public, see /v1/public")],
    unit: Id | None = None,
    indicator: Id | None = None,
    period_from: Id | None = None,
    period_to: Id | None = None,
    after: After = None,
    limit: Limit = 500,
) -> Response:
    """Read the published values of a form in key order, without a token. Shown is the value that is current: `version`
    and `recorded_at` tell a correction. Calls are limited per address."""
    return reply(
        await _ask(
            request,
            "list_published",
            form=form,
            unit=unit,
            indicator=indicator,
            period_from=period_from,
            period_to=period_to,
            after=after,
            limit=limit,
        )
    )


async def _ask(request: Request, method: str, **arguments: Any) -> Any:
    door: Door = request.app.state.door
    return await door.broker.call("indicators", method, correlation_id=correlation_of(request.scope), **arguments)
