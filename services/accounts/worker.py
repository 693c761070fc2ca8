"""The accounts service's handler and timers."""

from __future__ import annotations

from services.accounts import storage
from shared.contracts.events import PartnerChanged
from shared.contracts.views.partners import PartnerPermit
from shared.entrypoints import Received, Remote, every, handles
from shared.storage import Unit, UnitOfWork

PARTNERS_CHECK_SECONDS = 300.0


class AccountsWorker:
    """Follows whose systems are let in, and forgets failed attempts that are old."""

    name = "accounts.worker"
    unit = UnitOfWork()
    integration = Remote("integration")

    @handles(PartnerChanged)
    def on_partner_changed(self, unit: Unit, message: Received[PartnerChanged]) -> None:
        """Keep who is active and permitted when; what is older than that is ignored."""
        told = message.data
        standing = PartnerPermit(
            partner=told.partner,
            version=told.version,
            active=told.active,
            valid_from=told.valid_from,
            valid_to=told.valid_to,
            signs=told.signs,
        )
        if storage.keep_partners(unit.connection, [standing]):
            unit.audit("partner.followed", told.partner, {"version": told.version, "active": told.active})

    @every(seconds=PARTNERS_CHECK_SECONDS, eager=True)
    def follow_partners(self) -> None:
        """Catch up with what events were missed, as in a database that is new or was restored."""
        told = self.integration.call("partner_permits", list[PartnerPermit])
        with self.unit() as unit:
            storage.keep_partners(unit.connection, told)

    @every(seconds=3600, eager=True)
    def forget_old_failures(self) -> None:
        """Drop what is remembered of failed attempts after a day."""
        with self.unit() as unit:
            storage.forget_old_failures(unit.connection, unit.now)
