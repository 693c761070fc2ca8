"""Figures entered after a paper submission, because the system could not be reached. Pure.

Two steps: whoever submits says when the paper came and who vouches for it; from when another person, who manages
obligations, has confirmed it, the round counts by its real date. Until then it counts by when it was entered.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import date, datetime

from services.submissions.domain.catalogue import Catalogue
from services.submissions.domain.rounds import APPROVED, SUBMITTED, Submission
from shared.calendar import local_date
from shared.contracts.events import Paper
from shared.errors import Forbidden, Invalid

MAX_TEXT = 2_000


def checked(paper: Paper, submission: Submission, by: str, at: datetime, catalogue: Catalogue) -> Paper:
    """Return what is said about the paper, blanks taken off its texts.

    Raises Invalid("submissions.paper_text") if a text is missing or longer than 2,000 characters,
    Invalid("submissions.paper_day") for a day that has not come or lies before the intake opens (without a schedule:
    before the period's data begin), Invalid("submissions.own_voucher") if its submitter vouches for it.
    """
    said = Paper(paper.received_on, paper.document.strip(), paper.vouched_by.strip(), paper.reason.strip())
    texts = (said.document, said.vouched_by, said.reason)
    if not all(texts) or any(len(text) > MAX_TEXT or "\x00" in text for text in texts):
        raise Invalid(
            "submissions.paper_text",
            "document, vouched_by and reason are needed, each up to 2,000 characters",
            "Phải nêu số văn bản, người xác nhận và lý do nộp bản giấy.",
        )
    if said.vouched_by == by:
        raise Invalid(
            "submissions.own_voucher",
            f"{by} submits; somebody else vouches for the paper",
            "Người xác nhận bản giấy phải khác người gửi số liệu.",
        )
    first = _first_day(submission, catalogue)
    if said.received_on > local_date(at) or (first is not None and said.received_on < first):
        raise Invalid(
            "submissions.paper_day",
            f"the paper came between {first} and today, not on {said.received_on}",
            "Ngày nhận bản giấy phải từ ngày bắt đầu nhận số liệu của kỳ đến hôm nay.",
        )
    return said


def _first_day(submission: Submission, catalogue: Catalogue) -> date | None:
    if submission.opens_at is not None:
        return local_date(submission.opens_at)
    form, period = catalogue.forms.get(submission.form), catalogue.period(submission.period)
    schedule = None if form is None else catalogue.schedules.get(form.regime)
    return None if schedule is None or period is None else schedule.window(period).first


def require_confirmer(by: str, submitted_by: str, authors: Collection[str]) -> None:
    """Raise Forbidden("submissions.own_paper") for who entered or submitted the round."""
    if by == submitted_by or by in authors:
        raise Forbidden(
            "submissions.own_paper",
            f"{by} wrote or submitted this round",
            "Người nhập hoặc gửi số liệu không được tự xác nhận bản giấy.",
        )


def confirmed(submission: Submission, round_: int, received_on: date) -> Submission:
    """Return the submission, its current round counting by the paper's day if that is the round confirmed."""
    if submission.round != round_ or submission.state not in (SUBMITTED, APPROVED):
        return submission
    return replace(submission, received_on=received_on)
