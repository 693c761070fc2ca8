"""Differences with other systems through time: who looks, what may stay."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter
from starlette.responses import Response

from gateway.auth import Caller, requires
from gateway.documentation import documented
from gateway.examples.differences import DIFFERENCE, DIFFERENCES
from gateway.routes import After, Id, Limit, plain_text, reply
from gateway.routes.bodies import Body, WrittenDay
from shared.contracts.views.differences import KnownDifferencePage, KnownDifferenceView

router = APIRouter(tags=["federation"])
Reader = Annotated[Caller, requires("reconciliations.read")]
Reconciler = Annotated[Caller, requires("reconciliations.run")]
ONE = "/v1/differences/{difference_id}"
DirectionName = Literal["receiver", "warehouse", "source"]
StateName = Literal["new", "repairing", "repaired", "accepted", "recurring"]
KindName = Literal[
    "newer_version",
    "duplicate",
    "mapping_gap",
    "missing_there",
    "stale_there",
    "missing_here",
    "older_version",
    "status",
    "unit_scale",
    "rounding",
    "value",
]


class Assignment(Body):
    """Which agency is to look, by its unit's id."""

    owner: Annotated[str, plain_text(200)]


class ForceBody(Body):
    """Why the partner's newer version is overwritten."""

    reason: Annotated[str, plain_text(2000)]


class AcceptanceBody(Body):
    """Why a difference may stay, and until which day (included)."""

    reason: Annotated[str, plain_text(2000)]
    until: WrittenDay


@router.get("/v1/differences", **documented("List differences", KnownDifferencePage, DIFFERENCES))
async def list_differences(
    caller: Reader,
    partner: Id | None = None,
    direction: DirectionName | None = None,
    state: StateName | None = None,
    kind: KindName | None = None,
    owner: Id | None = None,
    form: Id | None = None,
    unit: Id | None = None,
    period: Id | None = None,
    task: bool | None = None,
    settled: bool = False,
    after: After = None,
    limit: Limit = 50,
) -> Response:
    """List what differs and is not settled, the oldest first; with `settled` also what was repaired."""
    return reply(
        await caller.ask(
            "integration",
            "list_differences",
            partner=partner,
            direction=direction,
            state=state,
            kind=kind,
            owner=owner,
            form=form,
            about=unit,
            period=period,
            task=task,
            settled=settled,
            after=after,
            limit=limit,
        )
    )


@router.get(ONE, **documented("Read a difference", KnownDifferenceView, DIFFERENCE))
async def read_difference(difference_id: Id, caller: Reader) -> Response:
    """Read one difference with its age, owner and state."""
    return reply(await caller.ask("integration", "read_difference", difference_id=difference_id))


@router.post(
    f"{ONE}/assign", **documented("Assign a difference", KnownDifferenceView, DIFFERENCE, body={"owner": "LC-VP"})
)
async def assign_difference(difference_id: Id, body: Assignment, caller: Reconciler) -> Response:
    """Say which agency is to look at a difference that is not settled."""
    return reply(await caller.ask("integration", "assign_difference", difference_id=difference_id, owner=body.owner))


@router.post(
    f"{ONE}/accept",
    **documented(
        "Accept a difference",
        KnownDifferenceView,
        DIFFERENCE,
        body={"reason": "Bộ làm tròn đến hàng nghìn theo quy định", "until": "2017-03-31"},
    ),
)
async def accept_difference(difference_id: Id, body: AcceptanceBody, caller: Reconciler) -> Response:
    """Let a difference stay as it is until a day; should it change, or the day pass, it is open again."""
    return reply(
        await caller.ask(
            "integration",
            "accept_difference",
            difference_id=difference_id,
            reason=body.reason,
            until=body.until.isoformat(),
        )
    )


@router.post(f"{ONE}/reopen", **documented("Reopen a difference", KnownDifferenceView, DIFFERENCE))
async def reopen_difference(difference_id: Id, caller: Reconciler) -> Response:
    """Take the acceptance of a difference back."""
    return reply(await caller.ask("integration", "reopen_difference", difference_id=difference_id))


@router.post(
    f"{ONE}/force",
    **documented(
        "Send over a newer version",
        KnownDifferenceView,
        DIFFERENCE,
        body={"reason": "Bộ đã xác nhận số liệu của tỉnh là đúng"},
    ),
)
async def force_difference(difference_id: Id, body: ForceBody, caller: Reconciler) -> Response:
    """Overwrite what the partner holds under a newer version than the hub's (class `newer_version`)."""
    return reply(await caller.ask("integration", "force_difference", difference_id=difference_id, reason=body.reason))
