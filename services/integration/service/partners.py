"""Partners, as callers see them."""

from __future__ import annotations

from services.integration.domain import timetable
from services.integration.domain.governor import Standing
from services.integration.service.standings import standing_view
from services.integration.settings import endpoint_of
from services.integration.storage import deliveries, differences, standings
from services.integration.storage import partners as partner_rows
from shared.contracts.actor import Actor
from shared.contracts.views.integration import PartnerView
from shared.entrypoints import rpc
from shared.storage import UnitOfWork


class PartnerCalls:
    """Who we deliver to, and how we stand with each."""

    unit: UnitOfWork

    @rpc
    def list_partners(self, actor: Actor) -> list[PartnerView]:
        """List all partners and how the hub stands with each."""
        actor.require("deliveries.read")
        with self.unit(actor) as unit:
            counts = partner_rows.delivery_counts(unit.connection)
            proofs = partner_rows.last_proofs(unit.connection)
            last = partner_rows.last_scrubs(unit.connection)
            stand = standings.load_all(unit.connection)
            oldest = partner_rows.oldest_open(unit.connection)
            found = differences.open_by_partner(unit.connection)
            stuck, left = partner_rows.for_a_person(unit.connection), differences.for_a_person(unit.connection)
            return [
                PartnerView(
                    id=partner.id,
                    name=partner.name,
                    protocol=partner.protocol,
                    endpoint=endpoint_of(partner.id, partner.endpoint),
                    deliveries=counts.get(partner.id, {}),
                    last_proof_at=proofs.get(partner.id),
                    last_scrub_at=last.get(partner.id),
                    standing=standing_view(stand.get(partner.id, Standing()), partner.limits, unit.now),
                    permitted=partner.permitted(unit.now),
                    suspended=not partner.active,
                    held=None if (hold := timetable.held(partner, unit.now)) is None else hold.detail,
                    permitted_to=None if partner.permission is None else partner.permission.valid_to,
                    oldest_open_seconds=oldest.get(partner.id, 0.0),
                    open_differences=found.get(partner.id, {}),
                    for_a_person=stuck.get(partner.id, 0) + left.get(partner.id, 0),
                )
                for partner in partner_rows.load_all(unit.connection)
            ]

    @rpc
    def sync(self, actor: Actor, partner: str) -> int:
        """Make all that waits for this partner due now and return how many; those in doubt still wait for the partner's
        own processing time. Raises NotFound("integration.no_partner")."""
        actor.require("deliveries.manage")
        with self.unit(actor) as unit:
            partner_rows.load(unit.connection, partner)
            hurried = deliveries.hurry(unit.connection, partner)
            standings.hurry(unit.connection, partner, unit.now)
            unit.audit("partner.synced", partner, {"deliveries": hurried})
        return hurried
