"""Finding the submission that a call is about."""

from __future__ import annotations

from services.submissions.domain.merge import Cell
from services.submissions.domain.rounds import Submission
from services.submissions.storage import catalogue as catalogues
from services.submissions.storage import figures, submissions
from shared.contracts.actor import Actor
from shared.errors import Forbidden, NotFound
from shared.storage import Unit


def found(unit: Unit, actor: Actor, right: str, submission_id: str, *, lock: bool = False) -> Submission:
    """Return a submission that the actor may touch with this right, its row locked if asked.

    Raises NotFound("submissions.unknown"), Forbidden outside the actor's rights and scope, and for a person of an
    agency that neither owes the figures nor enters them (Đ10.1).
    """
    submission = submissions.find(unit.connection, submission_id, lock=lock)
    if submission is None:
        actor.require(right)
        raise NotFound("submissions.unknown", f"there is no submission {submission_id}", "Không có bộ số liệu này.")
    actor.require(right, unit=submission.unit, form=submission.form)
    if right != "submissions.read":
        _require_party(unit, actor, submission)
    return submission


def _require_party(unit: Unit, actor: Actor, submission: Submission) -> None:
    if actor.kind != "person" or actor.agency in (None, submission.agency):
        return
    form = catalogues.current(unit.connection).forms.get(submission.form)
    if form is None or actor.agency not in form.enters:
        raise Forbidden(
            "submissions.other_agency",
            f"{actor.id} acts for {actor.agency}, {submission.id} is owed by {submission.agency}",
            "Số liệu này do cơ quan khác nhập và gửi.",
        )


def cells_of(unit: Unit, submission: Submission) -> dict[str, Cell]:
    """Return the draft's cells by indicator, removed ones left out."""
    cells = figures.read_cells(unit.connection, [submission.number])
    return {indicator: cell for (_number, indicator), cell in cells.items() if not cell.removed}
