"""A set-wise handler with two lanes; a subject that begins with `slow` takes a while."""

from __future__ import annotations

from shared.contracts.events import SubmissionFinalised
from shared.entrypoints import Batch, Received, handles
from shared.storage import Unit, UnitOfWork


class IndicatorsWorker:
    name = "indicators.worker"
    unit = UnitOfWork()

    @handles(SubmissionFinalised, setwise=True, batch=Batch(count=200), lanes=2)
    def on_submission_finalised(self, unit: Unit, messages: list[Received[SubmissionFinalised]]) -> None:
        if any(message.data.submission_id.startswith("slow") for message in messages):
            unit.connection.exec_driver_sql("SELECT pg_sleep(1.5)")
        unit.connection.exec_driver_sql(
            "INSERT INTO seen (subject, attempt, note, correlation_id) SELECT s, 1, 'set', ''"
            " FROM unnest(%b::text[]) s",
            ([message.data.submission_id for message in messages],),
        )
