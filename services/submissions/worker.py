"""What submissions does when something happened elsewhere: pushes, decisions, changes of the catalogue."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from services.submissions import handover, intake, references
from services.submissions.domain.obligations import obligations
from services.submissions.domain.rounds import APPROVED, RETURNED, STATES, WITHDRAWN
from services.submissions.metrics import OBLIGATIONS
from services.submissions.settings import SubmissionsSettings
from services.submissions.storage import catalogue as catalogues
from services.submissions.storage import obligations as planned
from services.submissions.storage import submissions
from shared.calendar import local_date
from shared.contracts.events import (
    CatalogueChanged,
    FinalisedRequested,
    ObservationsRecorded,
    PushAccepted,
    SubmissionApproved,
    SubmissionReturned,
    SubmissionWithdrawn,
)
from shared.entrypoints import Received, Remote, every, handles
from shared.errors import NotFound
from shared.storage import Unit, UnitOfWork

CATALOGUE_CHECK_SECONDS = 60.0
A_DAY_SECONDS = 86_400.0
REFERENCES_CHECK_SECONDS = 60.0
COUNT_SECONDS = 60.0


class SubmissionsWorker:
    """Handlers and timers of the submissions service."""

    name = "submissions.worker"
    unit = UnitOfWork()
    indicators = Remote("indicators")

    @handles(PushAccepted, setwise=True, lanes=2)
    def on_push_accepted(self, unit: Unit, messages: list[Received[PushAccepted]]) -> None:
        """Judge the pushed figures, merge the good ones into drafts and settle the receipts."""
        intake.take_in(unit, messages)

    @handles(CatalogueChanged)
    def on_catalogue_changed(self, unit: Unit, message: Received[CatalogueChanged]) -> None:
        """Follow the catalogue and create what is owed under it."""
        outcome = catalogues.replica.apply(unit, message.data)
        if outcome == "gap":
            catalogues.replica.refresh(unit, self.indicators)
        if outcome != "old":
            _plan(unit)

    @every(seconds=CATALOGUE_CHECK_SECONDS, eager=True)
    def follow_catalogue(self) -> None:
        """Catch up with the catalogue where its event was missed, as in a database that is new or was restored."""
        newest = self.indicators.call("catalogue_version", int)
        with self.unit() as unit:
            if newest > catalogues.replica.version(unit.connection):
                catalogues.replica.refresh(unit, self.indicators)
                _plan(unit)

    @every(seconds=A_DAY_SECONDS, eager=True)
    def plan_ahead(self) -> None:
        """Create what has come within the horizon since yesterday."""
        with self.unit() as unit:
            if catalogues.replica.version(unit.connection):
                _plan(unit)

    @handles(ObservationsRecorded, setwise=True)
    def on_observations_recorded(self, unit: Unit, messages: list[Received[ObservationsRecorded]]) -> None:
        """Keep what is approved as reference values."""
        references.take(unit, messages)

    @every(seconds=REFERENCES_CHECK_SECONDS, eager=True)
    def follow_warehouse(self) -> None:
        """Have what never arrived told again, as in a database that is new or was restored, or when parts were lost."""
        references.catch_up(self.unit, self.indicators)

    @every(seconds=COUNT_SECONDS, eager=True)
    def count_obligations(self) -> None:
        """Tell Prometheus how many obligations are in each state, and how many are late."""
        with self.unit() as unit:
            counts = planned.by_state(unit.connection, unit.now)
        for condition in (*STATES, "late"):
            OBLIGATIONS.labels(condition).set(counts.get(condition, 0))

    @handles(SubmissionReturned)
    def on_submission_returned(self, unit: Unit, message: Received[SubmissionReturned]) -> None:
        """Open the next round, prefilled with the figures that came back, and keep the reasons (Đ15.4a)."""
        _send_back(unit, message.data, RETURNED, msgspec.to_builtins(message.data.reasons))

    @handles(SubmissionWithdrawn)
    def on_submission_withdrawn(self, unit: Unit, message: Received[SubmissionWithdrawn]) -> None:
        """Open the next round, prefilled with the figures that were taken back."""
        _send_back(unit, message.data, WITHDRAWN, [])

    @handles(SubmissionApproved)
    def on_submission_approved(self, unit: Unit, message: Received[SubmissionApproved]) -> None:
        """Note the approval and hand the frozen figures over to the warehouse."""
        event = message.data
        submission = submissions.find(unit.connection, event.submission_id, lock=True)
        approved = None if submission is None else submission.approve(event.round, event.content_hash)
        if approved is None:
            _ignored(unit, event)
            return
        submissions.save(unit.connection, approved)
        submissions.decide_round(
            unit.connection,
            approved.number,
            event.round,
            state=APPROVED,
            decided_by=event.decided_by,
            decided_at=event.decided_at,
            level=event.level,
        )
        unit.audit("submission.approved", event.subject, {"by": event.decided_by, "hash": event.content_hash})
        handover.hand_over(unit, approved, event.round)

    @handles(FinalisedRequested)
    def on_finalised_requested(self, unit: Unit, message: Received[FinalisedRequested]) -> None:
        """Hand an approved round over again. Raises NotFound if it never was approved: somebody must look."""
        event = message.data
        submission = submissions.find(unit.connection, event.submission_id)
        if submission is None or not handover.hand_over(unit, submission, event.round):
            raise NotFound("submissions.no_approved_round", f"{event.subject} is not an approved round")


def _plan(unit: Unit) -> None:
    until = local_date(unit.now) + timedelta(days=SubmissionsSettings.read().ahead_days)
    written, withdrawn = planned.plan(unit.connection, obligations(catalogues.current(unit.connection), until))
    if written or withdrawn:
        version = catalogues.replica.version(unit.connection)
        details = {"written": written, "taken_back": withdrawn, "until": until.isoformat()}
        unit.audit("obligations.planned", f"catalogue/{version}", details)


def _send_back(
    unit: Unit, event: SubmissionReturned | SubmissionWithdrawn, state: str, reasons: list[dict[str, object]]
) -> None:
    submission = submissions.find(unit.connection, event.submission_id, lock=True)
    reopened = (
        None
        if submission is None
        else submission.send_back(event.round, event.content_hash, returned=state == RETURNED)
    )
    if reopened is None:
        _ignored(unit, event)
        return
    submissions.save(unit.connection, reopened)
    submissions.decide_round(
        unit.connection,
        reopened.number,
        event.round,
        state=state,
        decided_by=event.decided_by,
        decided_at=event.decided_at,
        reasons=reasons,
    )
    unit.audit(f"submission.{state}", event.subject, {"by": event.decided_by, "reasons": reasons})


def _ignored(unit: Unit, event: SubmissionReturned | SubmissionWithdrawn | SubmissionApproved) -> None:
    # A repeat, or a decision about content that is not what waits now: it has no effect, and it can be seen.
    unit.audit("decision.ignored", event.subject, {"event": event.event, "hash": event.content_hash})
