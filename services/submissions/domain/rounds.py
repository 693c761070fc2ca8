"""A submission and its numbered rounds: what may happen when. Pure.

    due --first figure--> draft --submit--> submitted --approved--> approved
                            ^  \\                |  |                    |
                            |   +---------------+  +--returned--> returned (round n+1, editable)
                            +--withdrawn (round n+1)                     |
                            +----------------reopen (round n+1)----------+

A round that was submitted never changes again: figures are edited only while the state is due, draft or returned, and
each way back opens the next number. What is not approved and does not wait for a decision may be waived, and restored
to what it was (see `acts`): then nothing is owed and no figure is taken. Decisions name what was decided (submission,
round, content hash); one that names anything else than what waits now is ignored.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime

from shared.calendar import local_date
from shared.errors import Conflict

DUE, DRAFT, SUBMITTED, RETURNED, APPROVED = "due", "draft", "submitted", "returned", "approved"
WAIVED = "waived"
"""State of an obligation that was called off: nothing is owed."""
WITHDRAWN = "withdrawn"
"""State of a round, never of a submission: its author took it back."""

STATES = (DUE, DRAFT, SUBMITTED, RETURNED, APPROVED, WAIVED)
EDITABLE = frozenset((DUE, DRAFT, RETURNED))
OPEN, CLOSED = "open", "closed"
"""What an announcement did to the intake (Đ17.4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One obligation and how far it has come. `number` is the row's own key, `id` what the world calls it.

    `round` is the current round; `content_hash` and `submitted_at` are those of the current round once submitted, and
    `received_on` the day on which it had come on paper, once that is confirmed. `opens_at` and `closes_at` are the
    intake's schedule, `intake` what an announcement made of it until `intake_until`. `deadline` is the regime's,
    `extended_to` what was granted instead; `waived_from` the state to which a waived obligation is restored.
    """

    number: int
    id: str
    form: str
    unit: str
    agency: str
    period: str
    state: str
    round: int = 1
    deadline: datetime | None = None
    content_hash: str | None = None
    submitted_at: datetime | None = None
    submitted_by: str | None = None
    approved_round: int | None = None
    approved_hash: str | None = None
    reopened_by: str | None = None
    reopened_reason: str | None = None
    extended_to: datetime | None = None
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    intake: str | None = None
    intake_until: datetime | None = None
    waived_from: str | None = None
    received_on: date | None = None
    urged_on: date | None = None

    @property
    def editable(self) -> bool:
        """Tell whether figures may change now."""
        return self.state in EDITABLE

    @property
    def due_by(self) -> datetime | None:
        """When this is due: as extended, else as the regime says; None: it has no deadline."""
        return self.extended_to or self.deadline

    @property
    def on_time(self) -> bool | None:
        """Tell whether the current round was submitted by the deadline; None while it is not submitted or has none.
        Deadlines are instants reckoned in Asia/Ho_Chi_Minh, so instants are what is compared; of what had come on
        paper only the day is known."""
        if self.submitted_at is None or self.due_by is None:
            return None
        if self.received_on is not None:
            return self.received_on <= local_date(self.due_by)
        return self.submitted_at <= self.due_by

    def late(self, at: datetime) -> bool:
        """Tell whether this is late at that moment: submitted late, or owed and not submitted by the deadline. What
        was approved once is not owed while it is corrected."""
        if self.on_time is not None:
            return not self.on_time
        owed = self.editable and self.approved_round is None
        return owed and self.due_by is not None and at > self.due_by

    @property
    def intake_bounded(self) -> bool:
        """Tell whether there is any moment at which figures are not taken."""
        return self.opens_at is not None or self.closes_at is not None or self.intake is not None

    def shut(self, at: datetime) -> str | None:
        """Tell why no figures are taken at that moment: "not_open" (yet) or "closed"; None: they are.

        What an announcement said holds until its end, before the schedule. The schedule binds the first round; what a
        leader returned or was reopened is corrected outside of it.
        """
        if self.intake is not None and (self.intake_until is None or at <= self.intake_until):
            return "closed" if self.intake == CLOSED else None
        if self.round > 1:
            return None
        if self.opens_at is not None and at < self.opens_at:
            return "not_open"
        if self.closes_at is None:
            return None
        closes = self.closes_at
        if self.extended_to is not None and self.deadline is not None:
            closes = max(closes, self.extended_to + (closes - self.deadline))
        return "closed" if at > closes else None

    def require_editable(self) -> None:
        """Raise Conflict("submissions.submitted", "submissions.approved", "submissions.waived") unless figures may
        change."""
        if self.state == SUBMITTED:
            raise Conflict(
                "submissions.submitted",
                f"round {self.round} of {self.id} waits for a decision",
                "Số liệu đã gửi và đang chờ duyệt; muốn sửa phải rút lại.",
            )
        if self.state == APPROVED:
            raise Conflict(
                "submissions.approved",
                f"{self.id} is approved; reopen it to correct it",
                "Số liệu đã được duyệt; muốn đính chính phải mở lại.",
            )

        if self.state == WAIVED:
            raise Conflict(
                "submissions.waived", f"{self.id} is waived, nothing is owed", "Đơn vị đã được miễn nộp báo cáo này."
            )

    def require_taking(self, at: datetime) -> None:
        """Raise as `require_editable` does, and Conflict("submissions.intake_not_open", "submissions.intake_closed")
        while figures are not taken."""
        self.require_editable()
        why = self.shut(at)
        if why == "not_open":
            raise Conflict(
                "submissions.intake_not_open",
                f"figures of {self.id} are taken from {self.opens_at}",
                "Chưa đến thời gian nhận số liệu của kỳ báo cáo này.",
            )
        if why is not None:
            raise Conflict(
                "submissions.intake_closed",
                f"figures of {self.id} are no longer taken",
                "Đã hết thời gian nhận số liệu; cơ quan chủ trì phải thông báo mở lại mới nhập được.",
            )

    def touched(self) -> Submission:
        """Return the submission after a figure changed: an obligation that was only due is a draft now."""
        self.require_editable()
        return replace(self, state=DRAFT) if self.state == DUE else self

    def submit(self, content_hash: str, by: str, at: datetime) -> Submission:
        """Return the submission with its current round frozen as `content_hash`. Raises Conflict if not editable."""
        self.require_editable()
        return replace(self, state=SUBMITTED, content_hash=content_hash, submitted_by=by, submitted_at=at)

    def awaits(self, round_: int, content_hash: str) -> bool:
        """Tell whether exactly this round with exactly this content waits for a decision."""
        return self.state == SUBMITTED and (self.round, self.content_hash) == (round_, content_hash)

    def send_back(self, round_: int, content_hash: str, *, returned: bool) -> Submission | None:
        """Return the submission with the next round open, after a return (`returned`) or a withdrawal; None if the
        decision is not about what waits now and is to be ignored."""
        if not self.awaits(round_, content_hash):
            return None
        return self._next_round(RETURNED if returned else DRAFT)

    def approve(self, round_: int, content_hash: str) -> Submission | None:
        """Return the approved submission, or None if the decision is not about what waits now."""
        if not self.awaits(round_, content_hash):
            return None
        return replace(self, state=APPROVED, approved_round=round_, approved_hash=content_hash)

    def reopen(self, by: str, reason: str) -> Submission:
        """Return the submission with a draft of the next round, to correct what was approved. The approved round
        stays what it is until the next one is approved. Raises Conflict("submissions.not_approved")."""
        if self.state != APPROVED:
            raise Conflict(
                "submissions.not_approved",
                f"{self.id} is {self.state}; only what is approved is reopened",
                "Chỉ mở lại được số liệu đã duyệt.",
            )
        return replace(self._next_round(DRAFT), reopened_by=by, reopened_reason=reason)

    def reopened_so(self, by: str, reason: str) -> bool:
        """Tell whether this very reopening was just done, so that repeating the command changes nothing."""
        return (
            self.state == DRAFT
            and self.approved_round == self.round - 1
            and (self.reopened_by, self.reopened_reason) == (by, reason)
        )

    def _next_round(self, state: str) -> Submission:
        return replace(
            self,
            state=state,
            round=self.round + 1,
            content_hash=None,
            submitted_at=None,
            submitted_by=None,
            received_on=None,
        )
