"""Who calls the hub over X-Road."""

from __future__ import annotations

from services.integration.domain.xroad import stood_for
from services.integration.storage import partners as partner_rows
from shared.contracts.views.xroad import XRoadCallerView
from shared.entrypoints import rpc
from shared.errors import NotFound
from shared.storage import UnitOfWork
from shared.xroad import Member


class XRoadCalls:
    """Which client of the hub an X-Road client stands for."""

    unit: UnitOfWork

    @rpc
    def find_xroad_caller(self, client: str) -> XRoadCallerView:
        """Return the partner whose transport names this X-Road client (`callers`, by identifier) and the client of the
        hub it stands for. Asked by the gateway for a call of our security server, before there is an actor.

        Raises NotFound("integration.no_xroad_caller") if no partner that is permitted now names it,
        Invalid("xroad.bad_identifier").
        """
        with self.unit() as unit:
            for partner in partner_rows.load_all(unit.connection):
                stands_for = stood_for(partner.transport.xroad, Member.read(client))
                if stands_for is not None and partner.permitted(unit.now):
                    return XRoadCallerView(partner=partner.id, client=stands_for)
        raise NotFound(
            "integration.no_xroad_caller", f"no partner names {client}", "Chưa khai báo hệ thống gọi qua X-Road này."
        )
