"""Submitting a round, and reopening what was approved."""

from __future__ import annotations

from services.submissions import handover
from services.submissions.domain import acts, merge
from services.submissions.domain import paper as papers
from services.submissions.domain.catalogue import Catalogue
from services.submissions.domain.comments import in_force, unexplained
from services.submissions.domain.findings import Finding
from services.submissions.domain.merge import Cell
from services.submissions.domain.rounds import APPROVED, SUBMITTED, Submission
from services.submissions.domain.validation import blocking
from services.submissions.service.finding import cells_of, found, judged, shown
from services.submissions.storage import catalogue as catalogues
from services.submissions.storage import comments, obligations, submissions
from services.submissions.storage.obligations import Act
from services.submissions.storage.submissions import Round
from services.submissions.views import figure_views, finding_view
from shared.contracts.actor import Actor
from shared.contracts.events import Paper
from shared.contracts.views.submissions import CommentView, SubmissionView
from shared.entrypoints import rpc
from shared.errors import Invalid
from shared.storage import Unit, UnitOfWork


class SubmittingCalls:
    """The steps of a round."""

    unit: UnitOfWork

    @rpc
    def submit(self, actor: Actor, submission_id: str, paper: Paper | None = None) -> SubmissionView:
        """Freeze the current round with its content hash and send it to approval. `paper` says that it had come on
        paper while the system could not be reached (docs/regimes.md).

        What is submitted or approved already is answered as it is. Raises Invalid("submissions.findings") with the
        findings in its context while validation finds errors, Invalid("submissions.comments_missing") while a warning
        that wants a comment has none, Invalid("submissions.paper_text", "submissions.paper_day",
        "submissions.own_voucher"), Conflict("submissions.intake_closed").
        """
        with self.unit(actor) as unit:
            submission = found(unit, actor, "submissions.submit", submission_id, lock=True)
            if submission.state in (SUBMITTED, APPROVED):
                return shown(unit, submission)
            submission.require_taking(unit.now)
            catalogue = catalogues.current_as_of(unit.connection, submission.period)
            on_paper = None if paper is None else papers.checked(paper, submission, actor.id, unit.now, catalogue)
            cells = cells_of(unit, submission)
            held = judged(unit, submission, cells)
            said = comments.read(unit.connection, submission.number)
            if not unit.repeated:  # what was accepted then is not judged by what is known now
                _refuse_errors(blocking(held))
                _refuse_unexplained(unexplained(held, said))
            return shown(unit, _freeze(unit, submission, cells, catalogue, in_force(held, said), on_paper))

    @rpc
    def reopen(self, actor: Actor, submission_id: str, reason: str) -> SubmissionView:
        """Open the next round of an approved submission, to correct it. What was approved stays in force until the
        next round is. Raises Invalid("submissions.reason") without a reason, Conflict("submissions.not_approved")."""
        reason = reason.strip()
        if not reason:
            raise Invalid("submissions.reason", "reopening needs a reason", "Phải nêu lý do mở lại số liệu.")
        with self.unit(actor) as unit:
            submission = found(unit, actor, "submissions.submit", submission_id, lock=True)
            if submission.reopened_so(actor.id, reason):
                return shown(unit, submission)
            reopened = submission.reopen(actor.id, reason)
            submissions.save(unit.connection, reopened)
            act = Act(submission=submission.id, act=acts.REOPENED, at=unit.now, by=actor.id, reason=reason)
            obligations.record(unit.connection, [act])
            unit.audit("submission.reopened", submission.id, {"round": reopened.round, "reason": reason})
            return shown(unit, reopened)


def _refuse_errors(errors: list[Finding]) -> None:
    if errors:
        raise Invalid(
            "submissions.findings",
            f"{len(errors)} findings must be settled first: " + "; ".join(error.message for error in errors[:5]),
            f"Còn {len(errors)} lỗi phải sửa trước khi gửi: " + " ".join(error.detail for error in errors[:5]),
            {"findings": [finding_view(error) for error in errors]},
        )


def _refuse_unexplained(warnings: list[Finding]) -> None:
    if warnings:
        raise Invalid(
            "submissions.comments_missing",
            f"{len(warnings)} warnings want a comment: " + "; ".join(warning.message for warning in warnings[:5]),
            f"Còn {len(warnings)} cảnh báo cần giải trình trước khi gửi: "
            + " ".join(warning.detail for warning in warnings[:5]),
            {"findings": [finding_view(warning) for warning in warnings]},
        )


def _freeze(
    unit: Unit,
    submission: Submission,
    cells: dict[str, Cell],
    catalogue: Catalogue,
    said: list[CommentView],
    paper: Paper | None,
) -> Submission:
    content = figure_views(cells)
    submitted = submission.submit(handover.hash_of(submission, content), unit.actor.id, unit.now)
    by_hand = {cell.by for cell in cells.values() if cell.origin != merge.PUSH}
    frozen = Round(
        submission=submission.number,
        round=submission.round,
        state=SUBMITTED,
        content_hash=submitted.content_hash or "",
        figures=content,
        submitted_by=unit.actor.id,
        submitted_at=unit.now,
        authors=sorted(by_hand | {unit.actor.id}),
        reasons=[],
        comments=said,
        paper=paper,
    )
    submissions.add_round(unit.connection, frozen)
    submissions.save(unit.connection, submitted)
    handover.announce(unit, submitted, frozen, catalogue)
    unit.audit(
        "submission.submitted",
        f"{submission.id}/{submission.round}",
        {
            "hash": frozen.content_hash,
            "figures": len(content),
            "on_time": submitted.on_time,
            "comments": len(said),
            "paper": paper,
        },
    )
    return submitted
