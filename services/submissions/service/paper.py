"""Confirming rounds that had come on paper."""

from __future__ import annotations

from services.submissions.domain import acts, paper
from services.submissions.service.finding import shown
from services.submissions.storage import catalogue as catalogues
from services.submissions.storage import obligations, submissions
from services.submissions.storage.obligations import Act
from shared.contracts.actor import Actor
from shared.contracts.views.submissions import SubmissionView
from shared.entrypoints import rpc
from shared.errors import NotFound
from shared.storage import UnitOfWork


class PaperCalls:
    """The second person's step."""

    unit: UnitOfWork

    @rpc
    def confirm_paper(self, actor: Actor, submission_id: str, round: int) -> SubmissionView:
        """Confirm that a round had come on paper on the day it says; from now on it counts by that day. Repeating it
        changes nothing.

        Raises NotFound("submissions.unknown", "submissions.no_paper"), Forbidden("submissions.own_paper",
        "submissions.not_owner").
        """
        with self.unit(actor) as unit:
            submission = submissions.find(unit.connection, submission_id, lock=True)
            if submission is None:
                actor.require("obligations.manage")
                raise NotFound("submissions.unknown", f"there is no {submission_id}", "Không có bộ số liệu này.")
            actor.require("obligations.manage", unit=submission.unit, form=submission.form)
            acts.require_owner(actor, submission.form, catalogues.current(unit.connection))
            frozen = submissions.find_round(unit.connection, submission.number, round)
            if frozen is None or frozen.paper is None:
                raise NotFound(
                    "submissions.no_paper",
                    f"round {round} of {submission.id} did not come on paper",
                    "Lần gửi này không có bản giấy.",
                )
            paper.require_confirmer(actor.id, frozen.submitted_by, frozen.authors)
            if frozen.paper_confirmed_by is None:
                submissions.confirm_paper(unit.connection, submission.number, round, actor.id, unit.now)
                submission = paper.confirmed(submission, round, frozen.paper.received_on)
                submissions.save(unit.connection, submission)
                act = Act(
                    submission=submission.id,
                    act=acts.PAPER_CONFIRMED,
                    at=unit.now,
                    by=actor.id,
                    reason=f"{frozen.paper.document}, {frozen.paper.received_on:%d/%m/%Y}",
                )
                obligations.record(unit.connection, [act])
                details = {"received_on": frozen.paper.received_on, "document": frozen.paper.document}
                unit.audit("paper.confirmed", f"{submission.id}/{round}", details)
            return shown(unit, submission)
