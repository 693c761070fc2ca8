"""Who calls the hub over X-Road."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.integration.storage import partners as partner_rows
from shared.contracts.views import XRoadCallerView
from shared.entrypoints import rpc
from shared.errors import Invalid, NotFound
from shared.storage import UnitOfWork
from shared.xroad import Member


def stood_for(terms: Mapping[str, Any], client: Member) -> str | None:
    """Return the client of the hub that `terms["callers"]` names for this X-Road client, None for none. Keys are
    identifiers with percent-encoded parts; one that cannot be read stands for nobody."""
    callers = terms.get("callers")
    for identifier, name in callers.items() if isinstance(callers, Mapping) else ():
        try:
            if isinstance(name, str) and Member.read(str(identifier)) == client:
                return name
        except Invalid:
            continue
    return None


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
