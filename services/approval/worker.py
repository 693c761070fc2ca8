"""The approval service as events reach it."""

from __future__ import annotations

from services.approval import storage
from services.approval.domain import Case
from shared.contracts.events import SubmissionSubmitted
from shared.entrypoints import Received, handles
from shared.errors import Conflict
from shared.storage import Unit, UnitOfWork


class ApprovalWorker:
    """Opens a case for every round that is submitted."""

    name = "approval.worker"
    unit = UnitOfWork()

    @handles(SubmissionSubmitted)
    def on_submission_submitted(self, unit: Unit, message: Received[SubmissionSubmitted]) -> None:
        """Open the case. The same round told again changes nothing.

        Raises Conflict("approval.other_content") if the round stands with another hash: rounds are immutable, so one of
        the two is forged or a fault; the message goes to the dead letters and the audit keeps that it came.
        """
        arrived = Case.of(message.data)
        case, new = storage.open_case(unit.connection, arrived)
        if case.content_hash == arrived.content_hash:
            if new:
                unit.audit("case.opened", case.id, {"content_hash": case.content_hash, "by": case.submitted_by})
            return
        # In a transaction of its own: the handler's is rolled back with the message. Where a batch is tried again one
        # by one, the entry stands twice; it names the message, so that is seen.
        with self.unit() as own:
            details = {"held": case.content_hash, "told": arrived.content_hash, "message": str(message.id)}
            own.audit("case.contradicted", case.id, details)
        raise Conflict(
            "approval.other_content",
            f"{case.id} holds {case.content_hash}, the event says {arrived.content_hash}",
            "Nội dung của lần gửi này khác với bản đã nhận.",
        )
