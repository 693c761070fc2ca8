"""The hub as the other side of a comparison: digests level by level, and listings of what differs."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from gateway.auth import Caller, requires
from gateway.documentation import documented
from gateway.examples import digests as examples
from gateway.routes import After, Id, Limit, reply
from shared.contracts.views import DigestPage, ListedPage

router = APIRouter(tags=["federation"])
Comparer = Annotated[Caller, requires("digests.read")]
Level = Literal["root", "period", "form", "bucket"]
Store = Annotated[
    Literal["expected", "warehouse"] | None,
    Query(
        description="what your own system is to hold, in its codes, or the warehouse; by default the first if you are "
        "one of the hub's partners"
    ),
]


@router.get("/v1/digests", **documented("Read digests", DigestPage, examples.DIGESTS))
async def read_digests(
    caller: Comparer,
    level: Level = "root",
    period: Id | None = None,
    form: Id | None = None,
    store: Store = None,
    after: After = None,
    limit: Limit = 1000,
) -> Response:
    """Read digests of what you may see: compare `root` first, then ask only below what differs: `period`, `form`,
    `bucket` (a form's unit and period). An entry's hash is the SHA-256 of its canonical encoding; a digest is the count
    of entries and the sum of their hashes, in eight lanes of 32 bits (docs/integrators.md)."""
    asked: dict[str, Any] = {
        "level": level,
        "period": period,
        "form": form,
        "store": store,
        "after": after,
        "limit": limit,
    }
    return reply(await caller.ask("integration", "read_digests", **asked))


@router.get("/v1/values", **documented("List values to compare", ListedPage, examples.LISTED))
async def list_values(
    caller: Comparer,
    period: Id | None = None,
    form: Id | None = None,
    unit: Id | None = None,
    store: Store = None,
    after: After = None,
    limit: Limit = 1000,
) -> Response:
    """List the entries of a bucket whose digests differ (name its `period`, `form` and `unit`), or of all of a store,
    page by page."""
    asked: dict[str, Any] = {
        "period": period,
        "form": form,
        "unit": unit,
        "store": store,
        "after": after,
        "limit": limit,
    }
    return reply(await caller.ask("integration", "list_values", **asked))
