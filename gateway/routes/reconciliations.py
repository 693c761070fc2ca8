"""Reconciliations with partners."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter
from starlette.responses import Response

from gateway import examples
from gateway.auth import Caller, requires
from gateway.documentation import documented
from gateway.routes import After, Id, Limit, reply
from gateway.routes.bodies import Body
from shared.contracts.views.integration import ReconciliationPage, ReconciliationView

router = APIRouter(tags=["federation"])
ReconciliationReader = Annotated[Caller, requires("reconciliations.read")]
Reconciler = Annotated[Caller, requires("reconciliations.run")]
RUNNING: dict[str, Any] = {
    **examples.RECONCILIATION,
    "state": "running",
    "finished_at": None,
    "equal": None,
    "differences": [],
}


class ReconciliationOrder(Body):
    """With whom to compare, whether to repair what differs, and as what: a receiver of the hub's figures, or a source
    (one that can be asked; others post to /v1/source-digests)."""

    partner: Id
    repair: bool = True
    direction: Literal["receiver", "source"] = "receiver"


@router.post(
    "/v1/reconciliations",
    **documented(
        "Start a reconciliation",
        ReconciliationView,
        RUNNING,
        status=202,
        body={"partner": "quoc-gia", "repair": True},
    ),
)
async def reconcile(order: ReconciliationOrder, caller: Reconciler) -> Response:
    """Start comparing with a partner; read the report at the address in `Location` until it has ended."""
    return _started(
        await caller.ask(
            "integration", "reconcile", partner=order.partner, repair=order.repair, direction=order.direction
        )
    )


@router.get("/v1/reconciliations", **documented("List reconciliations", ReconciliationPage, examples.RECONCILIATIONS))
async def list_reconciliations(
    caller: ReconciliationReader, partner: Id | None = None, after: After = None, limit: Limit = 50
) -> Response:
    """List reconciliations, newest first."""
    return reply(await caller.ask("integration", "list_reconciliations", partner=partner, after=after, limit=limit))


@router.get(
    "/v1/reconciliations/{reconciliation_id}",
    **documented("Read a reconciliation", ReconciliationView, examples.RECONCILIATION),
)
async def read_reconciliation(reconciliation_id: Id, caller: ReconciliationReader) -> Response:
    """Read a comparison's report: differences by class, what was repaired, and what the proof of equality rests on."""
    return reply(await caller.ask("integration", "read_reconciliation", reconciliation_id=reconciliation_id))


@router.post(
    "/v1/reconciliations/{reconciliation_id}/repair",
    **documented("Repair what a reconciliation found", ReconciliationView, RUNNING, status=202),
)
async def repair(reconciliation_id: Id, caller: Reconciler) -> Response:
    """Compare anew with the partner of this reconciliation and repair what still differs; answers the new run."""
    found = await caller.ask("integration", "read_reconciliation", reconciliation_id=reconciliation_id)
    known = msgspec.json.decode(found)
    towards: dict[str, Any] = {"partner": known["partner"], "direction": known.get("direction", "receiver")}
    return _started(await caller.ask("integration", "reconcile", repair=True, **towards))


def _started(raw: msgspec.Raw) -> Response:
    identity = msgspec.json.decode(raw)["id"]
    return reply(raw, 202, {"Location": f"/v1/reconciliations/{identity}"})
