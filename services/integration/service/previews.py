"""What a partner would be sent, for an operator to read before anything leaves."""

from __future__ import annotations

from services.integration.clients import preview
from services.integration.domain.ledger import Packet, entries_of
from services.integration.intake import catalogue
from services.integration.sender import SENDER
from services.integration.settings import integration_settings
from services.integration.storage import ledger
from services.integration.storage import partners as partner_rows
from shared.contracts.actor import Actor
from shared.contracts.events import Observation
from shared.contracts.views.previews import RequestPreview
from shared.entrypoints import rpc
from shared.envelope import new_message_id
from shared.errors import NotFound
from shared.storage import Unit, UnitOfWork


class PreviewCalls:
    """Requests that are made and not sent."""

    unit: UnitOfWork

    @rpc
    def preview_delivery(self, actor: Actor, partner: str, form: str, unit: str, period: str) -> RequestPreview:
        """Return the exact request by which this partner would be handed what is approved for a key now, under an id
        that nothing else bears; credentials are masked, nothing is sent.

        Raises NotFound("integration.no_partner", "integration.no_content"), Forbidden, and Invalid for a dialect,
        contract, mapping or figure that stands in the way ("integration.bad_dialect", "integration.bad_contract",
        "integration.unmapped_unit", "integration.unsayable").
        """
        actor.require("deliveries.read", unit=unit, form=form)
        with self.unit(actor) as opened:
            found = partner_rows.load(opened.connection, partner)
            packet = _packet(opened, partner, form, unit, period)
        request = preview.shown(found, packet, integration_settings())
        return RequestPreview(
            partner=partner,
            method=request.method,
            address=request.address,
            headers=request.headers.splitlines(),
            body=request.body,
            version=packet.version,
            values=len(packet.values),
        )


def _packet(unit: Unit, partner: str, form: str, about: str, period: str) -> Packet:
    content = ledger.content(unit.connection, (form, about, period))
    if content is None:
        raise NotFound(
            "integration.no_content",
            f"nothing is approved for {form}/{about}/{period}",
            "Chưa có số liệu được duyệt cho biểu mẫu, đơn vị và kỳ này.",
        )
    mapping = partner_rows.load(unit.connection, partner).mapping.at(period)
    theirs = mapping.unit(about, catalogue.cached(unit.connection).entries["unit"].get(about), period)
    values = [Observation(name, value, status) for name, (value, status) in content.observations.items()]
    return Packet(
        message_id=str(new_message_id()),
        sender=SENDER,
        form=form,
        unit=theirs,
        period=period,
        version=content.version,
        values=tuple(
            (entry.partner_indicator, entry.value, entry.status)
            for entry in entries_of(mapping, form, theirs, period, values)
        ),
    )
