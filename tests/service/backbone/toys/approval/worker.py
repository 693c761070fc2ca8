"""Handlers whose behaviour the message asks for: `submitted_by` names it."""

from __future__ import annotations

from shared.contracts.events import DeliveryFailed, SubmissionSubmitted
from shared.entrypoints import Batch, Received, every, handles
from shared.errors import Invalid, Unavailable
from shared.storage import Unit, UnitOfWork

SEEN = "INSERT INTO seen (subject, attempt, note, correlation_id) VALUES (%s, %s, %s, %s)"


class ApprovalWorker:
    name = "approval.worker"
    unit = UnitOfWork()

    @handles(SubmissionSubmitted, batch=Batch(count=50))
    def on_submission_submitted(self, unit: Unit, message: Received[SubmissionSubmitted]) -> None:
        wish = message.data.submitted_by
        unit.connection.exec_driver_sql(SEEN, (message.data.submission_id, message.attempt, wish, unit.correlation_id))
        if wish == "invalid":
            raise Invalid("toy.invalid", "as asked")
        if wish == "unavailable once" and message.attempt == 1:
            raise Unavailable("toy.unavailable", "as asked")
        if wish == "bug":
            raise ZeroDivisionError("as asked")
        if wish == "slow":
            unit.connection.exec_driver_sql("SELECT pg_sleep(1.5)")
        unit.audit("toy.seen", message.data.submission_id)
        unit.emit(
            DeliveryFailed(
                delivery_id=message.data.submission_id,
                partner="p",
                form="f",
                unit="u",
                agency="a",
                period="2016",
                state="dead",
                error="-",
                attempts=1,
            )
        )

    @every(seconds=0.2, eager=True)
    def tick(self) -> None:
        with self.unit() as unit:
            unit.connection.exec_driver_sql("INSERT INTO ticks DEFAULT VALUES")
