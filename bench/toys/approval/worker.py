"""Takes submission_submitted, one message at a time."""

from __future__ import annotations

from shared.contracts.events import SubmissionSubmitted
from shared.entrypoints import Received, handles
from shared.storage import Unit, UnitOfWork

_EFFECT = "INSERT INTO effects (subject) VALUES (%b)"


class ApprovalWorker:
    """The plain form: one statement per message."""

    name = "approval.worker"
    unit = UnitOfWork()

    @handles(SubmissionSubmitted)
    def on_submission_submitted(self, unit: Unit, message: Received[SubmissionSubmitted]) -> None:
        """Have an effect."""
        unit.connection.exec_driver_sql(_EFFECT, (message.data.submission_id,))
