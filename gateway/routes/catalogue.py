"""Forms, and loading the catalogue as a whole."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from gateway import examples
from gateway.auth import Caller, requires
from gateway.documentation import documented
from gateway.examples import loading
from gateway.routes import After, Limit, reply
from gateway.routes.bodies import free_json
from shared.contracts.views.catalogue import CataloguePlan, FormPage, LoadResult
from shared.errors import Invalid

router = APIRouter(tags=["catalogue"])
Reader = Annotated[Caller, requires("catalogue.read")]
Manager = Annotated[Caller, requires("catalogue.manage")]
LOAD_TIMEOUT_SECONDS = 60.0


@router.put(
    "/v1/catalogue",
    **documented(
        "Load the catalogue",
        LoadResult,
        examples.LOADED,
        body={"units": [], "indicators": [], "forms": [], "regimes": []},
        body_schema={"type": "object"},
    ),
)
async def load_catalogue(
    request: Request, caller: Manager, expected_version: Annotated[int | None, Query(ge=0)] = None
) -> Response:
    """Check the whole catalogue and take it over, or refuse it with every error and its place. Loading the same again
    changes nothing. `expected_version`: the version that a plan was made for; if the catalogue moved on since, the load
    is refused."""
    catalogue = await _catalogue(request)
    result = await caller.ask(
        "indicators",
        "load_catalogue",
        timeout_seconds=LOAD_TIMEOUT_SECONDS,
        catalogue=catalogue,
        expected_version=expected_version,
    )
    return reply(result)


@router.post(
    "/v1/catalogue/plan",
    **documented(
        "See what a load would change",
        CataloguePlan,
        loading.PLAN,
        body={"forms": []},
        body_schema={"type": "object"},
    ),
)
async def plan_catalogue(request: Request, caller: Manager) -> Response:
    """Tell what loading this would add and change, field by field, and every error with its place; nothing is changed.
    Load it with the plan's `version` as `expected_version`."""
    catalogue = await _catalogue(request)
    return reply(
        await caller.ask("indicators", "plan_catalogue", timeout_seconds=LOAD_TIMEOUT_SECONDS, catalogue=catalogue)
    )


async def _catalogue(request: Request) -> msgspec.Raw:
    body = await request.body()
    if not free_json(body, dict[str, Any]):
        raise Invalid("catalogue.empty", "the catalogue has no parts", "Danh mục rỗng.")
    return msgspec.Raw(body)


@router.get("/v1/forms", **documented("List forms", FormPage, examples.FORMS))
async def list_forms(caller: Reader, after: After = None, limit: Limit = 200) -> Response:
    """List the forms: which indicators are entered together, by whom and how often."""
    return reply(await caller.ask("indicators", "list_forms", after=after, limit=limit))
