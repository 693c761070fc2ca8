"""The notifications service as events reach it: each becomes notices for those whom it concerns."""

from __future__ import annotations

from typing import Any

from services.notifications import announcements, domain, storage
from services.notifications.domain import Notice
from shared.contracts.events import (
    DeliveryFailed,
    ObligationsAnnounced,
    PartnerHoldsNewer,
    ProposalMoved,
    ReconciliationFinished,
    SecurityServerAnnounced,
    SourceDiffered,
    SubmissionApproved,
    SubmissionReturned,
)
from shared.entrypoints import Received, handles
from shared.storage import Unit, UnitOfWork


class NotificationsWorker:
    """Writes inbox entries."""

    name = "notifications.worker"
    unit = UnitOfWork()

    @handles(SubmissionReturned)
    def on_submission_returned(self, unit: Unit, message: Received[SubmissionReturned]) -> None:
        """Tell the agency's clerks."""
        _tell(unit, message, domain.returned(message.data))

    @handles(SubmissionApproved)
    def on_submission_approved(self, unit: Unit, message: Received[SubmissionApproved]) -> None:
        """Tell the agency's clerks."""
        _tell(unit, message, domain.approved(message.data))

    @handles(DeliveryFailed)
    def on_delivery_failed(self, unit: Unit, message: Received[DeliveryFailed]) -> None:
        """Tell those who run deliveries and the agency's leaders."""
        _tell(unit, message, domain.delivery_failed(message.data))

    @handles(ProposalMoved)
    def on_proposal_moved(self, unit: Unit, message: Received[ProposalMoved]) -> None:
        """Tell the agency that proposed, and reviewers."""
        _tell(unit, message, domain.proposal_moved(message.data))

    @handles(ReconciliationFinished)
    def on_reconciliation_finished(self, unit: Unit, message: Received[ReconciliationFinished]) -> None:
        """Tell those who follow reconciliation, if there are differences."""
        _tell(unit, message, domain.reconciled(message.data))

    @handles(SecurityServerAnnounced)
    def on_security_server_announced(self, unit: Unit, message: Received[SecurityServerAnnounced]) -> None:
        """Tell the administrators of a security server's announced change."""
        _tell(unit, message, domain.security_server_announced(message.data))

    @handles(PartnerHoldsNewer)
    def on_partner_holds_newer(self, unit: Unit, message: Received[PartnerHoldsNewer]) -> None:
        """Tell the agency that answers for a partner that it holds newer versions than the hub's."""
        _tell(unit, message, domain.partner_holds_newer(message.data))

    @handles(SourceDiffered)
    def on_source_differed(self, unit: Unit, message: Received[SourceDiffered]) -> None:
        """Tell the agency whose task differences with a source are."""
        _tell(unit, message, domain.source_differed(message.data))

    @handles(ObligationsAnnounced)
    def on_obligations_announced(self, unit: Unit, message: Received[ObligationsAnnounced]) -> None:
        """Tell the agency whose obligations were extended, waived, opened, closed or urged."""
        _tell(unit, message, announcements.announced(message.data))


def _tell(
    unit: Unit,
    message: Received[Any],
    notices: list[Notice],
) -> None:
    for notice in notices:
        if storage.tell(unit.connection, notice, message.time):
            audience = {"right": notice.audience.right, "agency": notice.audience.agency}
            unit.audit("notice.told", notice.subject, {"topic": notice.topic, "audience": audience})
