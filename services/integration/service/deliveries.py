"""Deliveries and their attempts, as callers see them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from services.integration import settling
from services.integration.domain import timetable
from services.integration.domain.delivery import State, as_told
from services.integration.domain.partners import Partner
from services.integration.service.paging import bad_filter, id_of, number_of, size_of
from services.integration.storage import deliveries, ledger, messages
from services.integration.storage import partners as partner_rows
from services.integration.storage.deliveries import Delivery
from shared.contracts.actor import EVERYWHERE, Actor
from shared.contracts.views.integration import AttemptView, DeliveryDetail, DeliveryPage, DeliveryView
from shared.entrypoints import rpc
from shared.errors import Conflict, Invalid, NotFound
from shared.storage import Unit, UnitOfWork


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
            views = _views(unit, found[:size])
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
            logged = messages.of_delivery(unit.connection, delivery.id)
            tries = [
                AttemptView(
                    number=row.number,
                    started_at=row.started_at,
                    seconds=row.seconds or 0.0,
                    outcome=f"{row.action}: {row.outcome or 'under way or interrupted'}",
                    error=row.error,
                    messages=logged.get(row.number, []),
                )
                for row in deliveries.attempts_of(unit.connection, delivery.id)
            ]
            return DeliveryDetail(delivery=_views(unit, [delivery])[0], attempts=tries)

    @rpc
    def settle_delivery(self, actor: Actor, delivery_id: str, applied: bool, reason: str) -> DeliveryView:
        """Say, with the reason, whether the partner applied a delivery that is in doubt: it is acknowledged, or goes
        out again (unless a newer version does). Said twice it stays as it was.

        Raises NotFound("integration.no_delivery"), Forbidden, Invalid("integration.reason_missing"),
        Conflict("integration.not_in_doubt"), Conflict("integration.being_asked").
        """
        actor.require("deliveries.manage")
        if not reason.strip():
            raise Invalid("integration.reason_missing", "a reason is needed", "Phải nêu lý do.")
        with self.unit(actor) as unit:
            delivery, standing = _locked(unit, id_of(delivery_id))
            actor.require("deliveries.manage", unit=delivery.unit, form=delivery.form)
            if applied and delivery.state is State.ACKNOWLEDGED:
                return _views(unit, [delivery])[0]
            _check_in_doubt(delivery)
            step = as_told(applied, overtaken=standing.expected_version > delivery.version)
            rows = [] if delivery.packet is None else msgspec.json.decode(delivery.packet, type=list[settling.Row])
            if applied and settling.acknowledge(unit, delivery, standing, rows):
                ledger.acknowledge_expected(unit.connection, [delivery.id])
            deliveries.settle(unit.connection, {delivery.id: step})
            unit.audit(
                "delivery.settled",
                str(delivery.id),
                {"partner": delivery.partner, "applied": applied, "reason": reason.strip()[:500]},
            )
            return _views(unit, [deliveries.lock(unit.connection, [delivery.id])[delivery.id]])[0]


def _locked(unit: Unit, number: int) -> tuple[Delivery, ledger.Standing]:
    """Return a delivery and how its key stands, both locked, the key first as senders do."""
    standing = ledger.lock(unit.connection, [number]).get(number)
    delivery = deliveries.lock(unit.connection, [number]).get(number)
    if delivery is None or standing is None:
        raise NotFound("integration.no_delivery", f"no delivery {number}", "Không có lần gửi này.")
    return delivery, standing


def _sent(unit: Unit, delivery: Delivery) -> list[settling.Row]:
    if delivery.packet is None:  # given up once, and taken up again: only of the version that is expected now
        return ledger.entries(unit.connection, [delivery.id])[delivery.id]
    return msgspec.json.decode(delivery.packet, type=list[settling.Row])


def _check_in_doubt(delivery: Delivery) -> None:
    if delivery.state is not State.IN_DOUBT:
        raise Conflict(
            "integration.not_in_doubt",
            f"{delivery.id} is {delivery.state}",
            "Lần gửi này không còn ở trạng thái chưa rõ.",
        )
    if delivery.claimed_by is not None:
        raise Conflict(
            "integration.being_asked",
            f"the partner is being asked about {delivery.id}",
            "Đang hỏi hệ thống nhận về lần gửi này; hãy thử lại sau ít giây.",
        )


def _views(unit: Unit, found: Sequence[Delivery]) -> list[DeliveryView]:
    partners = {partner.id: partner for partner in partner_rows.load_all(unit.connection)}
    return [_view(delivery, partners.get(delivery.partner), unit.now) for delivery in found]


def _view(delivery: Delivery, partner: Partner | None, now: datetime) -> DeliveryView:
    """Return the delivery as callers see it; what waits is shown to leave when its partner may be called."""
    leaves, held = delivery.next_attempt_at, None
    if partner is not None and delivery.state in (State.PLANNED, State.WAITING, State.IN_DOUBT):
        due = max(leaves or now, now)
        if (hold := timetable.held(partner, due)) is not None:
            leaves, held = (None if leaves is None else timetable.may_call_at(partner, due)), hold.detail
        elif leaves is None:
            held = "Chỉ gửi khi có yêu cầu."
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
        next_attempt_at=leaves,
        error=delivery.error,
        held=held,
    )
