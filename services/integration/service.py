"""The integration service as callers see it: partners, deliveries, reconciliations, dead letters."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Row

from services.integration.domain.delivery import State
from services.integration.settings import endpoint_of
from services.integration.storage import dead_letters, deliveries, scrubs
from services.integration.storage import partners as partner_rows
from services.integration.storage import reconciliations as reconciliation_rows
from services.integration.storage.deliveries import Delivery
from shared.contracts.actor import EVERYWHERE, Actor
from shared.contracts.views import (
    AttemptView,
    DeadLetterPage,
    DeadLetterView,
    DeliveryDetail,
    DeliveryPage,
    DeliveryView,
    DifferenceView,
    PartnerView,
    ReconciliationPage,
    ReconciliationView,
)
from shared.entrypoints import Described, rpc
from shared.errors import Conflict, Invalid, NotFound
from shared.storage import Unit, UnitOfWork

MAX_PAGE = 200
SHOWN_DIFFERENCES = 1_000
LETTER_STATES = ("dead", "replayed", "discarded")


class IntegrationService(Described):
    """Questions and commands. What takes time (sending, comparing) is started here and done by the worker."""

    name = "integration"
    unit = UnitOfWork()

    # -- partners and deliveries ------------------------------------------------------------------------------------

    @rpc
    def list_partners(self, actor: Actor) -> list[PartnerView]:
        """List all partners and how the hub stands with each."""
        actor.require("deliveries.read")
        with self.unit(actor) as unit:
            counts = partner_rows.delivery_counts(unit.connection)
            proofs = partner_rows.last_proofs(unit.connection)
            last = partner_rows.last_scrubs(unit.connection)
            return [
                PartnerView(
                    id=partner.id,
                    name=partner.name,
                    protocol=partner.protocol,
                    endpoint=endpoint_of(partner.id, partner.endpoint),
                    deliveries=counts.get(partner.id, {}),
                    last_proof_at=proofs.get(partner.id),
                    last_scrub_at=last.get(partner.id),
                )
                for partner in partner_rows.load_all(unit.connection)
            ]

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
            raise _bad_filter(f"state {state!r}")
        size = _size(limit)
        with self.unit(actor) as unit:
            found = deliveries.page(
                unit.connection,
                partner=partner,
                state=state,
                units=None if EVERYWHERE in actor.units else actor.units,
                forms=None if EVERYWHERE in actor.forms else actor.forms,
                before=_number(after),
                limit=size + 1,
            )
        views = [delivery_view(delivery) for delivery in found[:size]]
        return DeliveryPage(deliveries=views, next=views[-1].id if len(found) > size else None)

    @rpc
    def read_delivery(self, actor: Actor, delivery_id: str) -> DeliveryDetail:
        """Read one delivery with its attempts. Raises NotFound("integration.no_delivery"), Forbidden."""
        actor.require("deliveries.read")
        with self.unit(actor) as unit:
            delivery = deliveries.load(unit.connection, _id(delivery_id))
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

    @rpc
    def sync(self, actor: Actor, partner: str) -> int:
        """Make all that waits for this partner due now and return how many; those in doubt still wait for the partner's
        own processing time. Raises NotFound("integration.no_partner")."""
        actor.require("deliveries.manage")
        with self.unit(actor) as unit:
            partner_rows.load(unit.connection, partner)
            hurried = deliveries.hurry(unit.connection, partner)
            unit.audit("partner.synced", partner, {"deliveries": hurried})
        return hurried

    # -- reconciliation ---------------------------------------------------------------------------------------------

    @rpc
    def reconcile(self, actor: Actor, partner: str, repair: bool = True) -> ReconciliationView:
        """Start comparing with this partner, and repairing what differs; one under way is answered instead.

        The worker does it: poll `read_reconciliation` until `finished_at`. Raises NotFound("integration.no_partner").
        """
        actor.require("reconciliations.run")
        with self.unit(actor) as unit:
            partner_rows.load(unit.connection, partner)
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
            row = reconciliation_rows.load(unit.connection, _id(reconciliation_id))
            if row is None:
                raise NotFound("integration.no_reconciliation", reconciliation_id, "Không có lần đối soát này.")
            return _reconciliation(unit, row, SHOWN_DIFFERENCES)

    @rpc
    def list_reconciliations(
        self, actor: Actor, partner: str | None = None, after: str | None = None, limit: int = 50
    ) -> ReconciliationPage:
        """List reconciliations, newest first, without their differences."""
        actor.require("reconciliations.read")
        size = _size(limit)
        with self.unit(actor) as unit:
            found = reconciliation_rows.page(unit.connection, partner, _number(after), size + 1)
            views = [_reconciliation(unit, row, 0) for row in found[:size]]
        return ReconciliationPage(reconciliations=views, next=views[-1].id if len(found) > size else None)

    # -- dead letters -----------------------------------------------------------------------------------------------

    @rpc
    def list_dead_letters(
        self,
        actor: Actor,
        queue: str | None = None,
        state: str | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> DeadLetterPage:
        """List dead letters, newest first, without their bodies. Raises Invalid("integration.bad_filter")."""
        actor.require("dead_letters.read")
        if state is not None and state not in LETTER_STATES:
            raise _bad_filter(f"state {state!r}")
        size = _size(limit)
        with self.unit(actor) as unit:
            rows, total = dead_letters.page(unit.connection, queue, state, _number(after), size + 1)
        views = [letter_view(row, body=False) for row in rows[:size]]
        return DeadLetterPage(dead_letters=views, total=total, next=views[-1].id if len(rows) > size else None)

    @rpc
    def read_dead_letter(self, actor: Actor, dead_letter_id: str) -> DeadLetterView:
        """Read one with its body. Raises NotFound("integration.no_dead_letter")."""
        actor.require("dead_letters.read")
        with self.unit(actor) as unit:
            return letter_view(_letter(unit, dead_letter_id), body=True)

    @rpc
    def replay_dead_letter(self, actor: Actor, dead_letter_id: str) -> DeadLetterView:
        """Send the message once more, to the queue it died in and under its own id, so that it has its effect once.

        One that is replayed already is answered as it stands; should it die again it is dead again.
        Raises NotFound("integration.no_dead_letter"), Conflict("integration.letter_discarded").
        """
        actor.require("dead_letters.replay")
        with self.unit(actor) as unit:
            row = _letter(unit, dead_letter_id)
            if row.state == "discarded":
                raise Conflict("integration.letter_discarded", dead_letter_id, "Thông điệp này đã bị hủy bỏ.")
            if row.state == "dead":
                row = dead_letters.replay(unit.connection, row.id, actor.id, unit.now)
                unit.audit("dead_letter.replayed", str(row.id), {"queue": row.queue, "message": str(row.message_id)})
            return letter_view(row, body=True)

    @rpc
    def discard_dead_letter(self, actor: Actor, dead_letter_id: str, reason: str) -> DeadLetterView:
        """Settle a letter for good, with the reason. Raises NotFound("integration.no_dead_letter"),
        Invalid("integration.reason_missing"), Conflict("integration.letter_replayed")."""
        actor.require("dead_letters.replay")
        if not reason.strip():
            raise Invalid("integration.reason_missing", "a reason is needed", "Phải nêu lý do hủy bỏ.")
        with self.unit(actor) as unit:
            row = _letter(unit, dead_letter_id)
            if row.state == "replayed":
                raise Conflict("integration.letter_replayed", dead_letter_id, "Thông điệp này đã được gửi lại.")
            if row.state == "dead":
                row = dead_letters.discard(unit.connection, row.id, actor.id, unit.now, reason.strip())
                unit.audit("dead_letter.discarded", str(row.id), {"queue": row.queue, "reason": reason.strip()[:500]})
            return letter_view(row, body=True)


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


def letter_view(row: Row[Any], *, body: bool) -> DeadLetterView:
    """Return the letter as callers see it; an unreadable body is shown as text."""
    return DeadLetterView(
        id=str(row.id),
        queue=row.queue,
        event=row.event,
        message_id=str(row.message_id),
        correlation_id=row.correlation_id,
        subject=row.subject,
        error=row.error,
        attempts=row.attempts,
        died_at=row.died_at,
        state=row.state,
        replays=row.replays,
        body=_readable(bytes(row.body)) if body else None,
    )


def _readable(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except ValueError:
        return body.decode(errors="replace")


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
    )


def _letter(unit: Unit, dead_letter_id: str) -> Row[Any]:
    row = dead_letters.load(unit.connection, _id(dead_letter_id))
    if row is None:
        raise NotFound("integration.no_dead_letter", dead_letter_id, "Không có thông điệp lỗi này.")
    return row


def _id(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 19 else -1


def _number(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if not cursor.isdecimal() or len(cursor) > 18:
        raise _bad_filter(f"after {cursor!r}")
    return int(cursor)


def _size(limit: int) -> int:
    return max(1, min(limit, MAX_PAGE))


def _bad_filter(what: str) -> Invalid:
    return Invalid("integration.bad_filter", what, "Điều kiện lọc không hợp lệ.")
