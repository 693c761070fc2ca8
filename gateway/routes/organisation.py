"""Units through time and reforms of the organisation."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gateway.auth import Caller, requires
from gateway.documentation import documented
from gateway.examples import organisation as examples
from gateway.routes import After, Day, Id, Limit, reply
from gateway.routes.bodies import free_json
from shared.contracts.views.catalogue import UnitPage
from shared.contracts.views.organisation import LineageView, ReformPage, ReformView, UnitDetail

router = APIRouter(tags=["catalogue"])
Reader = Annotated[Caller, requires("catalogue.read")]
Manager = Annotated[Caller, requires("catalogue.manage")]
TIMEOUT_SECONDS = 60.0


class Preview(msgspec.Struct, forbid_unknown_fields=True):
    """A reform to look at."""

    reform: dict[str, Any]


class Application(msgspec.Struct, forbid_unknown_fields=True):
    """A reform to apply, and the version of the catalogue that it was previewed on."""

    reform: dict[str, Any]
    expected_version: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]


@router.get("/v1/units", **documented("List units", UnitPage, examples.UNITS))
async def list_units(
    caller: Reader,
    on: Day | None = None,
    kind: Id | None = None,
    parent: Id | None = None,
    under: Id | None = None,
    code: Id | None = None,
    after: After = None,
    limit: Limit = 200,
) -> Response:
    """List the units valid on a day (default: all there ever were), with their codes and successors: those directly
    below `parent`, those anywhere below `under`, or the one that bore `code` (`gso:03388`; identifiers in either
    order)."""
    asked: dict[str, Any] = {"on": on, "kind": kind, "parent": parent, "under": under, "code": code}
    return reply(await caller.ask("indicators", "list_units", **asked, after=after, limit=limit))


@router.get("/v1/units/{unit}", **documented("Read a unit", UnitDetail, examples.UNIT))
async def find_unit(caller: Reader, unit: Id) -> Response:
    """Read a unit with every name, parent and code it ever had, where it came from and what it became."""
    return reply(await caller.ask("indicators", "find_unit", unit=unit))


@router.get("/v1/units/{unit}/lineage", **documented("Trace a unit back", LineageView, examples.LINEAGE))
async def trace_unit(caller: Reader, unit: Id, earlier: Day, on: Day | None = None) -> Response:
    """Tell which units of the day `earlier` make up the unit as it is on a day (default: as it is last), through all
    reforms between: what its figures of then are compared with."""
    return reply(await caller.ask("indicators", "trace_unit", unit=unit, earlier=earlier, on=on))


@router.get("/v1/reforms", **documented("List reforms", ReformPage, examples.REFORMS))
async def list_reforms(caller: Reader, after: After = None, limit: Limit = 200) -> Response:
    """List the reforms of the organisation that the catalogue holds."""
    return reply(await caller.ask("indicators", "list_reforms", after=after, limit=limit))


@router.post(
    "/v1/reforms/preview",
    **documented(
        "Preview a reform",
        ReformView,
        examples.REFORM_PREVIEW,
        body={"reform": examples.REFORM},
        body_schema={"type": "object", "required": ["reform"]},
    ),
)
async def preview_reform(request: Request, caller: Manager) -> Response:
    """Show what a reform would change, or every fault with the change it stands in. Nothing is changed; `version` is
    what applying it asks for."""
    body = free_json(await request.body(), Preview)
    return reply(await caller.ask("indicators", "preview_reform", timeout_seconds=TIMEOUT_SECONDS, reform=body.reform))


@router.post(
    "/v1/reforms",
    **documented(
        "Apply a reform",
        ReformView,
        {**examples.REFORM_PREVIEW, "version": 2, "applied": True},
        body={"reform": examples.REFORM, "expected_version": 1},
        body_schema={"type": "object", "required": ["reform", "expected_version"]},
    ),
)
async def apply_reform(request: Request, caller: Manager) -> Response:
    """Apply a reform whole, or refuse it whole. `expected_version` is the catalogue's that was previewed; if it has
    moved on, preview again. The same reform again changes nothing."""
    body = free_json(await request.body(), Application)
    return reply(
        await caller.ask(
            "indicators",
            "apply_reform",
            timeout_seconds=TIMEOUT_SECONDS,
            reform=body.reform,
            expected_version=body.expected_version,
        )
    )
