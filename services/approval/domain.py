"""What an approval case is and who may decide it. Pure: no I/O, no clock, no framework."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from shared.canonical import content_hash as hash_of
from shared.contracts.actor import EVERYWHERE, Actor
from shared.contracts.events import Paper, Reason, SubmissionSubmitted
from shared.errors import Conflict, Forbidden, Invalid

State = Literal["open", "approved", "returned", "withdrawn"]
MAX_REASONS = 500
MAX_REASON_LENGTH = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One round of one submission, waiting for a decision or decided once and for all. `reaches` is the level that an
    approval reaches, `approvers` whose leaders decide: as the form said when the round was submitted."""

    submission_id: str
    round: int
    content_hash: str
    form: str
    unit: str
    agency: str
    period: str
    submitted_by: str
    authors: tuple[str, ...]
    submitted_at: datetime
    figure_count: int
    reaches: str = ""
    approvers: tuple[str, ...] = ()
    receivers: tuple[str, ...] = ()
    paper: Paper | None = None
    state: State = "open"
    decided_by: str | None = None
    decided_at: datetime | None = None
    reasons: tuple[Reason, ...] = ()

    @classmethod
    def of(cls, event: SubmissionSubmitted) -> Case:
        """Return the open case for what was submitted."""
        return cls(
            submission_id=event.submission_id,
            round=event.round,
            content_hash=event.content_hash,
            form=event.form,
            unit=event.unit,
            agency=event.agency,
            period=event.period,
            submitted_by=event.submitted_by,
            authors=tuple(sorted(set(event.authors))),
            submitted_at=event.submitted_at,
            figure_count=event.figure_count,
            reaches=event.level,
            approvers=tuple(event.approvers),
            receivers=tuple(event.receivers),
            paper=event.paper,
        )

    @property
    def id(self) -> str:
        """The case's name: submission and round, as in the subject of its events."""
        return f"{self.submission_id}/{self.round}"

    @property
    def level(self) -> str:
        """The level that an approval of this case reaches: a commune's own figures stay at its level (Đ24.1). Rounds
        of before levels were told are a commune's own or the province's."""
        return self.reaches or ("commune" if self.agency == self.unit else "province")

    def involves(self, actor: Actor) -> bool:
        """Tell whether the actor acts for the agency that owes the figures or for one that decides over them."""
        return any(acts_for(actor, agency) for agency in (self.agency, *self.approvers))

    def approve(self, actor: Actor, content_hash: str, at: datetime) -> Case:
        """Return this case, approved for exactly the content the actor has read (Đ10.2a).

        The same approval by the same person again changes nothing. Raises Conflict("approval.other_content",
        "approval.already_decided"), Forbidden("approval.own_submission", "approval.other_agency").
        """
        self._require_leader(actor)
        self._require_content(content_hash)
        if self._repeats(actor, "approved"):
            return self
        self._require_open()
        self._require_four_eyes(actor)
        return self._decided("approved", actor, at)

    def send_back(self, actor: Actor, content_hash: str, reasons: tuple[Reason, ...], at: datetime) -> Case:
        """Return this case, sent back for these reasons, of which there is at least one and none blank (Đ15.4a).

        Sending one's own work back is no approval of it, yet it is refused too: its author withdraws. Raises as
        `approve` does, and Invalid("approval.reason_missing", "approval.reason_too_long").
        """
        self._require_leader(actor)
        self._require_content(content_hash)
        reasons = checked(reasons)
        if self._repeats(actor, "returned") and self.reasons == reasons:
            return self
        self._require_open()
        self._require_four_eyes(actor)
        return replace(self._decided("returned", actor, at), reasons=reasons)

    def withdraw(self, actor: Actor, at: datetime) -> Case:
        """Return this case, taken back by its submitter or by a clerk of the same agency before any decision.

        Raises Conflict("approval.already_decided"), Forbidden("approval.not_submitter").
        """
        actor.require("submissions.submit", unit=self.unit, form=self.form)
        if actor.id != self.submitted_by and not acts_for(actor, self.agency):
            raise Forbidden(
                "approval.not_submitter",
                f"{actor.id} neither submitted {self.id} nor belongs to {self.agency}",
                "Chỉ người gửi hoặc người nhập liệu cùng cơ quan được rút số liệu đã gửi.",
            )
        if self._repeats(actor, "withdrawn"):
            return self
        self._require_open()
        return self._decided("withdrawn", actor, at)

    def _decided(self, state: State, actor: Actor, at: datetime) -> Case:
        return replace(self, state=state, decided_by=actor.id, decided_at=at)

    def _repeats(self, actor: Actor, state: State) -> bool:
        return self.state == state and self.decided_by == actor.id

    def _require_leader(self, actor: Actor) -> None:
        actor.require("cases.decide", unit=self.unit, form=self.form)
        deciding = self.approvers or (self.agency,)
        if not any(acts_for(actor, agency) for agency in deciding):
            raise Forbidden(
                "approval.other_agency",
                f"{actor.id} acts for {actor.agency}, {self.id} is decided by {', '.join(deciding)}",
                "Số liệu này thuộc thẩm quyền duyệt của lãnh đạo cơ quan khác.",
            )

    def _require_content(self, content_hash: str) -> None:
        if content_hash != self.content_hash:
            raise Conflict(
                "approval.other_content",
                f"{self.id} holds content {self.content_hash}, not the one named",
                "Nội dung số liệu không phải bản bạn đã đọc. Hãy đọc lại trước khi quyết định.",
            )

    def _require_open(self) -> None:
        if self.state != "open":
            raise Conflict(
                "approval.already_decided",
                f"{self.id} was {self.state} by {self.decided_by}",
                "Số liệu này đã có quyết định hoặc đã được rút lại.",
                {"state": self.state, "decided_by": self.decided_by},
            )

    def _require_four_eyes(self, actor: Actor) -> None:
        if actor.id == self.submitted_by or actor.id in self.authors:
            raise Forbidden(
                "approval.own_submission",
                f"{actor.id} wrote or submitted {self.id}",
                "Người nhập hoặc gửi số liệu không được tự duyệt số liệu của mình.",
            )


def acts_for(actor: Actor, agency: str) -> bool:
    """Tell whether the actor acts for this agency: its own, or, named for no agency, any within its scope."""
    return actor.agency == agency or (actor.agency is None and EVERYWHERE in actor.units)


def checked(reasons: tuple[Reason, ...]) -> tuple[Reason, ...]:
    """Return the reasons with their texts trimmed and in NFC.

    Raises Invalid("approval.reason_missing") if there is none or one is blank, Invalid("approval.reason_too_long")
    beyond 500 reasons or 2,000 characters in one.
    """
    cleaned = tuple(Reason(_clean(item.text), _clean(item.indicator or "") or None) for item in reasons)
    if not cleaned or not all(_visible(item.text) for item in cleaned):
        raise Invalid(
            "approval.reason_missing",
            "returning needs at least one reason, and each needs a text (Đ15.4a)",
            "Phải nêu rõ lý do trả lại bằng văn bản.",
        )
    if len(cleaned) > MAX_REASONS or any(len(item.text) > MAX_REASON_LENGTH for item in cleaned):
        raise Invalid(
            "approval.reason_too_long",
            f"at most {MAX_REASONS} reasons of {MAX_REASON_LENGTH} characters",
            f"Tối đa {MAX_REASONS} lý do, mỗi lý do không quá {MAX_REASON_LENGTH} ký tự.",
        )
    return cleaned


def _clean(text: str) -> str:
    # NUL is the one character that PostgreSQL cannot keep.
    return unicodedata.normalize("NFC", text).replace("\x00", "").strip()


def _visible(text: str) -> bool:
    # Zero-width characters and other format or control signs say nothing to the person who must correct the figure.
    return any(unicodedata.category(sign)[0] not in "CZ" for sign in text)


def decision_hash(case: Case) -> bytes:
    """Return the 32 bytes a decision's signature is over: SHA-256 of the canonical encoding of submission, round,
    content hash, who, when (UTC), decision, and every reason. Raises ValueError for an undecided case."""
    if case.decided_at is None or case.decided_by is None:
        raise ValueError(f"{case.id} is not decided")
    header = (
        "laichau/decision/1",
        case.submission_id,
        str(case.round),
        case.content_hash,
        case.decided_by,
        case.decided_at.astimezone(UTC).isoformat(timespec="microseconds"),
        case.state,
    )
    rows = ((str(number), item.indicator, item.text) for number, item in enumerate(case.reasons))
    return bytes.fromhex(hash_of(header, rows))
