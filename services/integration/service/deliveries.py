"""Deliveries and their attempts, as callers see them."""

from __future__ import annotations

from services.integration.domain.delivery import State
from services.integration.service.paging import bad_filter, id_of, number_of, size_of
from services.integration.storage import deliveries
from services.integration.storage.deliveries import Delivery
from shared.contracts.actor import EVERYWHERE, Actor
from shared.contracts.views import AttemptView, DeliveryDetail, DeliveryPage, DeliveryView
from shared.entrypoints import rpc
from shared.errors import NotFound
from shared.storage import UnitOfWork


class DeliveryCalls:
    """What partners are due, and every try to give it to them."""

    unit: UnitOfWork

    @rpc
    def list_deliveries(
        self,
        actor: Actor,
        partner: str | None = None,
        state: str | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> DeliveryPage:
        """List deliveries in the actor's scope, newest first. Raises Invalid("integration.bad_filter")."""
        actor.require("deliveries.read")
        if state is not None and state not in set(State):
            raise bad_filter(f"state {state!r}")
        size = size_of(limit)
        with self.unit(actor) as unit:
            found = deliveries.page(
                unit.connection,
                partner=partner,
                state=state,
                units=None if EVERYWHERE in actor.units else actor.units,
                forms=None if EVERYWHERE in actor.forms else actor.forms,
                before=number_of(after),
                limit=size + 1,
            )
        views = [delivery_view(delivery) for delivery in found[:size]]
        return DeliveryPage(deliveries=views, next=views[-1].id if len(found) > size else None)

    @rpc
    def read_delivery(self, actor: Actor, delivery_id: str) -> DeliveryDetail:
        """Read one delivery with its attempts. Raises NotFound("integration.no_delivery"), Forbidden."""
        actor.require("deliveries.read")
        with self.unit(actor) as unit:
            delivery = deliveries.load(unit.connection, id_of(delivery_id))
            if delivery is None:
                raise NotFound("integration.no_delivery", f"no delivery {delivery_id}", "Không có lần gửi này.")
            actor.require("deliveries.read", unit=delivery.unit, form=delivery.form)
            tries = [
                AttemptView(
                    number=row.number,
                    started_at=row.started_at,
                    seconds=row.seconds or 0.0,
                    outcome=f"{row.action}: {row.outcome or 'under way or interrupted'}",
                    error=row.error,
                )
                for row in deliveries.attempts_of(unit.connection, delivery.id)
            ]
        return DeliveryDetail(delivery=delivery_view(delivery), attempts=tries)


def delivery_view(delivery: Delivery) -> DeliveryView:
    """Return the delivery as callers see it."""
    return DeliveryView(
        id=str(delivery.id),
        partner=delivery.partner,
        form=delivery.form,
        unit=delivery.unit,
        period=delivery.period,
        version=delivery.version,
        kind=delivery.kind,
        state=delivery.state.value,
        attempts=delivery.attempts,
        created_at=delivery.created_at,
        updated_at=delivery.updated_at,
        next_attempt_at=delivery.next_attempt_at,
        error=delivery.error,
    )
