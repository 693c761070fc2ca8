"""Reconciliations, as callers start and read them."""

from __future__ import annotations

from typing import Any, Literal

from sqlalchemy import Row

from services.integration import source_asking
from services.integration.domain.reconciliation import Direction
from services.integration.service.paging import id_of, number_of, size_of
from services.integration.source_asking import ASKABLE
from services.integration.storage import partners as partner_rows
from services.integration.storage import reconciliations as reconciliation_rows
from services.integration.storage import scrubs
from shared.contracts.actor import Actor
from shared.contracts.views.integration import DifferenceView, ReconciliationPage, ReconciliationView
from shared.entrypoints import rpc
from shared.errors import Invalid, NotFound
from shared.storage import Unit, UnitOfWork

SHOWN_DIFFERENCES = 1_000


class ReconciliationCalls:
    """Comparisons with partners: started here, done by the worker."""

    unit: UnitOfWork

    @rpc
    def reconcile(
        self, actor: Actor, partner: str, repair: bool = True, direction: Literal["receiver", "source"] = "receiver"
    ) -> ReconciliationView:
        """Start comparing with this partner; one under way is answered instead. As a `receiver`: what it is to hold,
        repairing what differs; as a `source`: what it holds with what was received from it, where nothing is repaired
        but by a new push and an approval.

        The worker does it: poll `read_reconciliation` until `finished_at`. Raises NotFound("integration.no_partner"),
        Invalid("integration.not_callable") for a source that cannot be asked: it posts what it holds.
        """
        actor.require("reconciliations.run")
        towards = Direction(direction)
        with self.unit(actor) as unit:
            known = partner_rows.load(unit.connection, partner)
            if towards is Direction.SOURCE and known.comparing not in ASKABLE:
                raise Invalid(
                    "integration.not_callable",
                    f"{partner} cannot be asked for what it holds; a source may post it itself",
                    "Hệ thống nguồn này không trả lời được; nguồn tự gửi mã tổng và số liệu để đối soát.",
                )
            if towards is Direction.SOURCE:
                row = source_asking.begin(unit, known, by=actor.id)
            else:
                row = reconciliation_rows.begin(
                    unit.connection, partner, repair=repair, by=actor.id, correlation_id=unit.correlation_id
                )
            unit.audit("reconciliation.started", str(row.id), {"partner": partner, "repair": row.repair})
            return _reconciliation(unit, row, 0)

    @rpc
    def read_reconciliation(self, actor: Actor, reconciliation_id: str) -> ReconciliationView:
        """Read one with its first 1,000 differences. Raises NotFound("integration.no_reconciliation")."""
        actor.require("reconciliations.read")
        with self.unit(actor) as unit:
            row = reconciliation_rows.load(unit.connection, id_of(reconciliation_id))
            if row is None:
                raise NotFound("integration.no_reconciliation", reconciliation_id, "Không có lần đối soát này.")
            return _reconciliation(unit, row, SHOWN_DIFFERENCES)

    @rpc
    def list_reconciliations(
        self, actor: Actor, partner: str | None = None, after: str | None = None, limit: int = 50
    ) -> ReconciliationPage:
        """List reconciliations, newest first, without their differences."""
        actor.require("reconciliations.read")
        size = size_of(limit)
        with self.unit(actor) as unit:
            found = reconciliation_rows.page(unit.connection, partner, number_of(after), size + 1)
            views = [_reconciliation(unit, row, 0) for row in found[:size]]
        return ReconciliationPage(reconciliations=views, next=views[-1].id if len(found) > size else None)


def _reconciliation(unit: Unit, row: Row[Any], shown: int) -> ReconciliationView:
    found = reconciliation_rows.differences_of(unit.connection, row.id, shown) if shown else []
    age = row.scrub_age_seconds
    if age is None:
        age = reconciliation_rows.finished_age(scrubs.last(unit.connection, row.partner), unit.now)
    return ReconciliationView(
        id=str(row.id),
        partner=row.partner,
        state=row.state,
        started_at=row.started_at,
        finished_at=row.finished_at,
        equal=row.equal,
        entries=row.entries,
        buckets=row.buckets,
        pending=row.pending,
        calls=row.calls,
        bytes_compared=row.bytes_compared,
        scrub_age_seconds=age,
        differences=[
            DifferenceView(
                form=item.form,
                unit=item.unit,
                period=item.period,
                indicator=item.indicator,
                kind=item.kind,
                expected=item.expected,
                found=item.found,
                state=item.state,
            )
            for item in found
        ],
        error=row.error,
        direction=row.direction,
        method=row.method,
    )
