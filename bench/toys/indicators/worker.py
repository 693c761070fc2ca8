"""Takes submission_finalised, all new messages of a batch at once."""

from __future__ import annotations

from shared.contracts.events import SubmissionFinalised
from shared.entrypoints import Received, handles
from shared.storage import Unit, UnitOfWork

_EFFECTS = "INSERT INTO effects (subject) SELECT unnest(%b::text[])"


class IndicatorsWorker:
    """The set-wise form: one statement per batch."""

    name = "indicators.worker"
    unit = UnitOfWork()

    @handles(SubmissionFinalised, setwise=True)
    def on_submission_finalised(self, unit: Unit, messages: list[Received[SubmissionFinalised]]) -> None:
        """Have an effect for each."""
        unit.connection.exec_driver_sql(_EFFECTS, ([message.data.submission_id for message in messages],))
