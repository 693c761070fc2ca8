"""For sources that only push: posting what they hold, level by level, to be compared with what the hub received."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from gateway.auth import Caller, requires
from gateway.documentation import documented
from gateway.examples import sources as examples
from gateway.routes import Id, plain_text, reply
from gateway.routes.bodies import Body, Moment
from shared.contracts.views.sources import SourceComparisonView

router = APIRouter(tags=["federation"])
Source = Annotated[Caller, requires("sources.compare")]
COMPARE_TIMEOUT_SECONDS = 30.0
Level = Literal["root", "period", "form", "bucket"]
Count = Annotated[int, Field(ge=0, le=2**31 - 1)]


class DigestRow(Body):
    """The digest of one group: what lies above the level is left out."""

    period: Id | None = None
    form: Id | None = None
    unit: Id | None = None
    count: Count
    digest: Annotated[str, Field(pattern="^[0-9a-fA-F]{64}$")]


class SourceDigests(Body):
    """The digests of a level: all of them (the first time), or those below the groups that differ."""

    reconciliation: Id | None = None
    level: Level
    digests: Annotated[list[DigestRow], Field(max_length=10_000)]


class ValueRow(Body):
    """One value; `value` null says that nothing occurred. `changed_at` is when the source last changed it."""

    indicator: Id
    value: Annotated[str, plain_text(100)] | None
    status: Literal["estimate", "preliminary", "official"] = "official"
    changed_at: Moment | None = None


class SourceValues(Body):
    """The values of a group that differs; of a large one in pages, the last of which says so."""

    reconciliation: Id
    period: Id
    form: Id
    unit: Id
    values: Annotated[list[ValueRow], Field(max_length=5_000)]
    page: Annotated[int, Field(ge=1, le=10_000)] = 1
    last: bool = True


@router.post(
    "/v1/source-digests",
    **documented(
        "Post digests of what your system holds",
        SourceComparisonView,
        examples.READING,
        status=202,
        body=examples.DIGESTS,
    ),
)
async def post_source_digests(posted: SourceDigests, caller: Source) -> Response:
    """Begin a comparison of what your system holds with what the hub received from it and approved; or, with the id of
    one under way, state the next level: the answer names the groups that differ. Read on at `Location`."""
    rows = posted.digests
    if len(rows) == 1:
        caller.concerns(form=rows[0].form, unit=rows[0].unit, period=rows[0].period)
    raw = await caller.ask(
        "integration",
        "post_source_digests",
        timeout_seconds=COMPARE_TIMEOUT_SECONDS,
        level=posted.level,
        digests=[row.model_dump() for row in posted.digests],
        reconciliation_id=posted.reconciliation,
    )
    return _taken(raw)


@router.get(
    "/v1/source-digests/{reconciliation_id}",
    **documented("Read how your comparison stands", SourceComparisonView, examples.ENDED),
)
async def read_source_comparison(reconciliation_id: Id, caller: Source) -> Response:
    """Read what the comparison waits for, or how it ended: each difference with its class, whose it is and what is to
    be done."""
    return reply(await caller.ask("integration", "read_source_comparison", reconciliation_id=reconciliation_id))


@router.post(
    "/v1/source-values",
    **documented(
        "Post values of a group that differs",
        SourceComparisonView,
        examples.COMPARING,
        status=202,
        body=examples.VALUES,
    ),
)
async def post_source_values(posted: SourceValues, caller: Source) -> Response:
    """State what your system holds in a group that differs. After the last page of the last group the hub compares;
    read the result at `Location`."""
    caller.concerns(form=posted.form, unit=posted.unit, period=posted.period)
    asked: dict[str, Any] = posted.model_dump(mode="json", exclude={"reconciliation"})
    raw = await caller.ask(
        "integration",
        "post_source_values",
        timeout_seconds=COMPARE_TIMEOUT_SECONDS,
        reconciliation_id=posted.reconciliation,
        **asked,
    )
    return _taken(raw)


def _taken(raw: msgspec.Raw) -> Response:
    identity = msgspec.json.decode(raw)["id"]
    return reply(raw, 202, {"Location": f"/v1/source-digests/{identity}"})
