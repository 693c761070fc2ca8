"""The registry of security servers (Đ11)."""

from __future__ import annotations

from datetime import date

import msgspec

from services.integration import intake
from services.integration.domain import security_servers as rules
from services.integration.domain.security_servers import SecurityServer
from services.integration.storage import security_servers
from shared.calendar import local_date
from shared.contracts.actor import Actor
from shared.contracts.events import SecurityServerAnnounced
from shared.contracts.views.security_servers import SecurityServerChange, SecurityServers, SecurityServerView
from shared.entrypoints import rpc
from shared.errors import NotFound
from shared.storage import Unit, UnitOfWork


class SecurityServerCalls:
    """Which security servers stand, and what is announced of them."""

    unit: UnitOfWork

    @rpc
    def list_security_servers(self, actor: Actor, on: date | None = None) -> SecurityServers:
        """List the servers that stand on a day (today), and the changes announced for later ones."""
        actor.require("deliveries.read")
        with self.unit(actor) as unit:
            return _registry(unit, on)

    @rpc
    def announce_security_server(
        self,
        actor: Actor,
        server: str,
        effective_on: date,
        becomes: SecurityServerView | None = None,
        emergency: bool = False,
        reason: str = "",
    ) -> SecurityServers:
        """Announce that a server is as said from a day on, or (`becomes` None) stands no more; administrators are told.

        Raises Invalid("integration.bad_security_server"), Invalid("integration.announced_late") for less than three
        working days ahead unless it is an emergency with its reason, NotFound("integration.no_security_server").
        """
        actor.require("partners.manage")
        with self.unit(actor) as unit:
            today, calendar = local_date(unit.now), intake.calendar(unit.connection)
            wanted = None if becomes is None else msgspec.convert(msgspec.to_builtins(becomes), SecurityServer)
            known, _ = security_servers.load(unit.connection)
            if wanted is None and server not in {change.server for change in known}:
                raise NotFound("integration.no_security_server", f"no server {server}", "Không có máy chủ bảo mật này.")
            if wanted is not None:
                rules.check(wanted, intake.catalogue.cached(unit.connection).entries["unit"])
            rules.check_announcement(today, effective_on, calendar, emergency=emergency, reason=reason)
            number = security_servers.announce(
                unit.connection,
                server=server,
                effective_on=effective_on,
                becomes=wanted,
                at=unit.now,
                by=actor.id,
                emergency=emergency,
                reason=reason.strip(),
            )
            unit.audit("security_server.announced", server, {"number": number, "effective_on": str(effective_on)})
            unit.emit(
                SecurityServerAnnounced(
                    number=number,
                    server=server,
                    address=wanted.address if wanted is not None else "",
                    effective_on=effective_on,
                    retired=wanted is None,
                    emergency=emergency,
                    reason=reason.strip(),
                )
            )
            return _registry(unit, None)


def _registry(unit: Unit, on: date | None) -> SecurityServers:
    today = local_date(unit.now)
    day = on or today
    changes, rows = security_servers.load(unit.connection)
    stands = rules.standing(changes, day)
    return SecurityServers(
        on=day,
        standing=[_view(stands[name]) for name in sorted(stands)],
        announced=[
            SecurityServerChange(
                number=change.number,
                server=change.server,
                effective_on=change.effective_on,
                becomes=None if change.becomes is None else _view(change.becomes),
                announced_at=row.announced_at,
                announced_by=row.announced_by,
                emergency=row.emergency,
                reason=row.reason,
            )
            for change, row in zip(changes, rows, strict=True)
            if change.effective_on > day
        ],
        earliest=rules.earliest(today, intake.calendar(unit.connection)),
    )


def _view(server: SecurityServer) -> SecurityServerView:
    return msgspec.convert(msgspec.to_builtins(server), SecurityServerView)
