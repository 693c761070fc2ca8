"""A submission and its numbered rounds: what may happen when. Pure.

    due --first figure--> draft --submit--> submitted --approved--> approved
                            ^  \\                |  |                    |
                            |   +---------------+  +--returned--> returned (round n+1, editable)
                            +--withdrawn (round n+1)                     |
                            +----------------reopen (round n+1)----------+

A round that was submitted never changes again: figures are edited only while the state is due, draft or returned, and
each way back opens the next number. Decisions name what was decided (submission, round, content hash); one that names
anything else than what waits now is ignored.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from shared.errors import Conflict

DUE, DRAFT, SUBMITTED, RETURNED, APPROVED = "due", "draft", "submitted", "returned", "approved"
WITHDRAWN = "withdrawn"
"""State of a round, never of a submission: its author took it back."""

STATES = (DUE, DRAFT, SUBMITTED, RETURNED, APPROVED)
EDITABLE = frozenset((DUE, DRAFT, RETURNED))


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One obligation and how far it has come. `number` is the row's own key, `id` what the world calls it.

    `round` is the current round; `content_hash` and `submitted_at` are those of the current round once submitted.
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

    @property
    def editable(self) -> bool:
        """Tell whether figures may change now."""
        return self.state in EDITABLE

    @property
    def on_time(self) -> bool | None:
        """Tell whether the current round was submitted by the deadline; None while it is not submitted or has none.
        Deadlines are instants reckoned in Asia/Ho_Chi_Minh, so instants are what is compared."""
        if self.submitted_at is None or self.deadline is None:
            return None
        return self.submitted_at <= self.deadline

    def require_editable(self) -> None:
        """Raise Conflict("submissions.submitted") or ("submissions.approved") unless figures may change."""
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
        return replace(self, state=state, round=self.round + 1, content_hash=None, submitted_at=None, submitted_by=None)
