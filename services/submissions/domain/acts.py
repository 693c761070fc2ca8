"""What people do to obligations beside reporting: extend, waive, open and close the intake, urge. Pure.

Each act returns the obligation after it, the same object where nothing changes, so that a repeated command changes
nothing; where it makes no sense it raises Conflict. Who may act, and that there is a reason, is asked before.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from services.submissions.domain import rounds
from services.submissions.domain.catalogue import Catalogue
from services.submissions.domain.rounds import Submission
from shared.calendar import LAST_YEAR, local_date
from shared.contracts.actor import Actor
from shared.errors import Conflict, Forbidden, Invalid

EXTENDED, WAIVED, RESTORED = "extended", "waived", "restored"
OPENED, CLOSED, URGED = "opened", "closed", "urged"
REOPENED, PAPER_CONFIRMED = "reopened", "paper_confirmed"


def extend(submission: Submission, to: datetime) -> Submission:
    """Return the obligation with a later deadline. Raises Conflict("submissions.settled") for what is approved or
    waived, Conflict("submissions.not_later") for a day that is not later than the regime's."""
    if submission.state in (rounds.APPROVED, rounds.WAIVED):
        raise Conflict(
            "submissions.settled",
            f"{submission.id} is {submission.state}; there is nothing to extend",
            "Số liệu đã được duyệt hoặc đã được miễn, không gia hạn được.",
        )
    if submission.extended_to == to:
        return submission
    if submission.deadline is not None and to <= submission.deadline:
        raise Conflict(
            "submissions.not_later",
            f"{submission.id} is due at {submission.deadline} anyway",
            "Thời hạn mới phải sau thời hạn theo quy định.",
        )
    return replace(submission, extended_to=to)


def waive(submission: Submission) -> Submission:
    """Return the obligation called off. Raises Conflict("submissions.submitted") while it waits for a decision, and
    Conflict("submissions.approved") once it was approved."""
    if submission.state == rounds.WAIVED:
        return submission
    if submission.state == rounds.SUBMITTED:
        submission.require_editable()
    if submission.approved_round is not None:
        raise Conflict(
            "submissions.approved",
            f"{submission.id} was approved; it cannot be waived any more",
            "Số liệu đã được duyệt, không miễn được nữa.",
        )
    return replace(submission, state=rounds.WAIVED, waived_from=submission.state)


def restore(submission: Submission) -> Submission:
    """Return a waived obligation as it was before; another one unchanged."""
    if submission.state != rounds.WAIVED:
        return submission
    return replace(submission, state=submission.waived_from or rounds.DUE, waived_from=None)


def set_intake(submission: Submission, intake: str, until: datetime | None) -> Submission:
    """Return the obligation with its intake open or closed by announcement, until then or until the next one."""
    if (submission.intake, submission.intake_until) == (intake, until):
        return submission
    return replace(submission, intake=intake, intake_until=until)


def urge(submission: Submission, at: datetime, within: timedelta) -> Submission:
    """Return the obligation as urged today if it is late or due within this time and nobody was urged today (Đ19)."""
    owed = submission.editable and submission.approved_round is None
    soon = submission.due_by is not None and submission.due_by <= at + within
    today = local_date(at)
    return replace(submission, urged_on=today) if owed and soon and submission.urged_on != today else submission


def require_reason(reason: str) -> str:
    """Return the reason without blanks around it. Raises Invalid("submissions.reason") if nothing is left."""
    reason = reason.strip()
    if not reason:
        raise Invalid("submissions.reason", "this needs a reason", "Phải nêu lý do.")
    return reason


def require_future(instant: datetime | None, now: datetime) -> None:
    """Raise Invalid("submissions.past") for an instant that has passed, or that no calendar here reaches."""
    if instant is not None and (instant <= now or instant.year > LAST_YEAR):
        raise Invalid("submissions.past", f"{instant} has passed or is too far", "Thời điểm phải ở tương lai.")


def require_owner(actor: Actor, form: str, catalogue: Catalogue) -> None:
    """Raise Forbidden("submissions.not_owner") unless the actor manages obligations of this form: for the Office (who
    manages the catalogue), or for the agency that designed the form or owns its regime (Đ14.3, Đ17.4)."""
    actor.require("obligations.manage", form=form)
    if actor.may("catalogue.manage") or (actor.agency is not None and actor.agency in catalogue.owners(form)):
        return
    raise Forbidden(
        "submissions.not_owner",
        f"{actor.id} acts for {actor.agency}, which does not own {form}",
        "Chỉ Văn phòng hoặc cơ quan chủ trì biểu mẫu được thực hiện việc này.",
    )
