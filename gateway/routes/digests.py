"""The hub as the other side of a comparison: digests level by level, and listings of what differs."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Query
from starlette.responses import Response

from gateway.auth import Caller, requires
from gateway.documentation import documented
from gateway.examples import digests as examples
from gateway.routes import After, Id, Limit, reply
from shared.contracts.views.digests import DigestPage, ListedPage
from shared.errors import Invalid

router = APIRouter(tags=["federation"])
Comparer = Annotated[Caller, requires("digests.read")]
Level = Literal["root", "period", "form", "part", "bucket", "group"]
Shares = Annotated[int | None, Query(ge=1, le=4_096)]
Of = Annotated[list[Annotated[str, Query(pattern=r"^[0-9]{1,4}:[^\x00]{1,200}$")]] | None, Query(max_length=500)]
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
    parts: Shares = None,
    part: Annotated[list[int] | None, Query(max_length=500)] = None,
    groups: Shares = None,
    unit: Annotated[list[Id] | None, Query(max_length=500)] = None,
    after: After = None,
    limit: Limit = 1000,
) -> Response:
    """Read digests of what you may see: compare `root` first, then ask only below what differs: `period`, `form`,
    `bucket` (a form's unit and period). An entry's hash is the SHA-256 of its canonical encoding; a digest is the count
    of entries and the sum of their hashes, in eight lanes of 32 bits (docs/integrators.md).

    Of a large form (`period`, `form`) first its keys in so many `parts` (level `part`), then the keys of some (level
    `bucket` with `parts` and each `part`); of large keys (each `unit`) their entries in so many `groups` (level
    `group`). These are brief: two lanes. The number of a share is the first 32 bits of the SHA-256 of the unit's, or
    the indicator's, canonical encoding modulo how many there are."""
    caller.concerns(form=form, unit=unit[0] if unit and len(unit) == 1 else None, period=period, store=store)
    shares = groups if level == "group" else parts
    if level in ("part", "group") or parts is not None:
        return reply(await _searched(caller, level, period, form, shares, part, unit, store))
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
    groups: Shares = None,
    of: Of = None,
    after: After = None,
    limit: Limit = 1000,
) -> Response:
    """List the entries of a bucket whose digests differ (name its `period`, `form` and `unit`), of some groups of some
    buckets (`groups` how many there are, each `of` as `number:unit`), or of all of a store, page by page."""
    caller.concerns(form=form, unit=unit, period=period, store=store)
    if groups is not None or of is not None:
        pairs = [(theirs, int(number)) for number, _, theirs in (item.partition(":") for item in of or [])]
        given: dict[str, Any] = {"period": period, "form": form, "shares": groups, "of": pairs, "store": store}
        require_whole(given)
        return reply(await caller.ask("integration", "list_groups", **given, after=after, limit=limit))
    asked: dict[str, Any] = {
        "period": period,
        "form": form,
        "unit": unit,
        "store": store,
        "after": after,
        "limit": limit,
    }
    return reply(await caller.ask("integration", "list_values", **asked))


async def _searched(
    caller: Caller,
    level: Level,
    period: str | None,
    form: str | None,
    shares: int | None,
    chosen: list[int] | None,
    units: list[str] | None,
    store: str | None,
) -> msgspec.Raw:
    given: dict[str, Any] = {"level": level, "period": period, "form": form, "shares": shares, "store": store}
    require_whole(given)
    return await caller.ask("integration", "search_digests", **given, chosen=chosen, units=units)


def require_whole(asked: dict[str, Any]) -> None:
    """Refuse a question below a form that does not say which, or into how many shares."""
    if None in (asked["period"], asked["form"], asked["shares"]):
        raise Invalid(
            "gateway.incomplete_question",
            "below a form, name period, form and the number of parts or groups",
            "Cần nêu kỳ, biểu và số phần cần chia.",
        )
