"""Handing frozen figures on: to approval when a round is submitted, to the warehouse when it is approved."""

from __future__ import annotations

from collections.abc import Iterable

from services.submissions.domain.catalogue import Catalogue
from services.submissions.domain.rounds import APPROVED, Submission
from services.submissions.storage import submissions
from services.submissions.storage.submissions import Round
from shared import chunks
from shared.contracts.events import Figure, SubmissionFinalised, SubmissionSubmitted
from shared.contracts.hashes import round_hash
from shared.contracts.views.submissions import FigureView
from shared.storage import Unit


def hash_of(submission: Submission, figures: Iterable[FigureView]) -> str:
    """Return the content hash of the submission's current round: what a leader reads and decides on."""
    return round_hash(submission.form, submission.unit, submission.period, submission.round, figures)


def announce(unit: Unit, submission: Submission, frozen: Round, catalogue: Catalogue) -> None:
    """Tell approval that the round waits for a decision, whose it is and how far it reaches."""
    form = catalogue.forms.get(submission.form)
    unit.emit(
        SubmissionSubmitted(
            submission_id=submission.id,
            round=frozen.round,
            content_hash=frozen.content_hash,
            form=submission.form,
            unit=submission.unit,
            agency=submission.agency,
            period=submission.period,
            submitted_by=frozen.submitted_by,
            authors=frozen.authors,
            submitted_at=frozen.submitted_at,
            figure_count=len(frozen.figures),
            level=catalogue.level(submission.unit, submission.agency),
            approvers=list(form.approves) if form else [],
            receivers=list(form.receives) if form else [],
            paper=frozen.paper,
        )
    )


def hand_over(unit: Unit, submission: Submission, round_: int) -> bool:
    """Emit the frozen figures of an approved round in chunks; False if that round is not approved."""
    frozen = submissions.find_round(unit.connection, submission.number, round_)
    if frozen is None or frozen.state != APPROVED or frozen.decided_at is None:
        return False
    figures = [Figure(figure.indicator, figure.value, figure.status, figure.label) for figure in frozen.figures]
    parts = chunks.split(figures)
    for index, part in enumerate(parts):
        unit.emit(
            SubmissionFinalised(
                submission_id=submission.id,
                round=frozen.round,
                content_hash=frozen.content_hash,
                form=submission.form,
                unit=submission.unit,
                agency=submission.agency,
                period=submission.period,
                level=frozen.level or "",
                approved_at=frozen.decided_at,
                index=index,
                total=len(parts),
                figures=part,
            )
        )
    return True
