"""Proposals: how a change of indicators, regimes and forms is written, reviewed and published (Đ14.2, Đ24). Pure.

    draft --submit--> proposed --publish--> published
      ^  \\               |  |  +--reject--> rejected
      |   \\              |  +--withdraw--> withdrawn
      |    +--withdraw--------------------> withdrawn
      +------return (with reason, next round)

Whoever proposes does not publish (four eyes). The Office, who manages the catalogue, decides everything; an agency's
administrator publishes the agency's own thematic and ad hoc regimes, their forms and its own indicators (Đ14.3), and
nothing else, and returns and rejects what colleagues propose.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

import msgspec

from shared.contracts.actor import Actor
from shared.errors import Conflict, Forbidden, Invalid
from shared.text import nfc

State = Literal["draft", "proposed", "published", "rejected", "withdrawn"]
STATES: tuple[State, ...] = ("draft", "proposed", "published", "rejected", "withdrawn")
MAX_TEXT = 4_000
MAX_DEPTH = 64
_OWN_KINDS = ("thematic", "ad_hoc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One proposal. `content` are the sections of a catalogue load; `owner` is the agency that proposes (None: of no
    agency, as an operator's tool); `authors` wrote it, the first one began it; `round` counts how often it was laid
    before others. `reason` says why it was returned or rejected, `decision` what publication rests on."""

    id: str
    title: str
    owner: str | None
    authors: tuple[str, ...]
    content: dict[str, Any]
    content_hash: str
    created_at: datetime
    updated_at: datetime
    state: State = "draft"
    round: int = 1
    decision: str | None = None
    reason: str | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None
    catalogue_version: int | None = None

    @classmethod
    def begin(cls, actor: Actor, proposal_id: str, title: str, content: dict[str, Any], at: datetime) -> Proposal:
        """Return a new draft. Raises Forbidden, Invalid("indicators.text_missing") without a title,
        Invalid("indicators.content_unstorable") as `edit` does."""
        actor.require("catalogue.propose")
        require_storable(content)
        return cls(
            id=proposal_id,
            title=_text(title, "title"),
            owner=actor.agency,
            authors=(actor.id,),
            content=content,
            content_hash=hash_of(content),
            created_at=at,
            updated_at=at,
        )

    def edit(
        self, actor: Actor, title: str, content: dict[str, Any], expected_hash: str | None, at: datetime
    ) -> Proposal:
        """Return the draft with this title and content; what stands already is answered as it is.

        Raises Forbidden("indicators.not_author"), Conflict("indicators.proposal_state", "indicators.other_content"),
        Invalid("indicators.content_unstorable") for content that PostgreSQL cannot hold.
        """
        self._require_own(actor)
        require_storable(content)
        title, found = _text(title, "title"), hash_of(content)
        if (title, found) == (self.title, self.content_hash):
            return self
        self._require_state("draft")
        if expected_hash is not None:
            self._require_content(expected_hash)
        authors = self.authors if actor.id in self.authors else (*self.authors, actor.id)
        return replace(self, title=title, content=content, content_hash=found, authors=authors, updated_at=at)

    def submit(self, actor: Actor, content_hash: str, at: datetime) -> Proposal:
        """Lay the draft before reviewers and the publisher."""
        self._require_own(actor)
        self._require_content(content_hash)
        if self.state == "proposed":
            return self
        self._require_state("draft")
        return replace(self, state="proposed", reason=None, updated_at=at)

    def withdraw(self, actor: Actor, at: datetime) -> Proposal:
        """Take the proposal back for good, before it is decided."""
        self._require_own(actor)
        if self.state == "withdrawn":
            return self
        self._require_state("draft", "proposed")
        return replace(self, state="withdrawn", decided_by=actor.id, decided_at=at, updated_at=at)

    def require_reviewer(self, actor: Actor) -> None:
        """Raise Forbidden unless the actor may comment on this proposal now: its authors may not."""
        actor.require("catalogue.review")
        if actor.id in self.authors:
            raise Forbidden(
                "indicators.own_proposal",
                f"{actor.id} wrote {self.id}",
                "Người đề xuất không tự góp ý đề xuất của mình.",
            )
        self._require_state("proposed")

    def publish(self, actor: Actor, decision: str, content_hash: str, at: datetime) -> Proposal:
        """Return the proposal as published by this decision, for exactly the content the actor has read (Đ14.1).

        Raises Forbidden("indicators.own_proposal"), Conflict("indicators.proposal_state", "indicators.other_content"),
        Invalid("indicators.text_missing").
        """
        self._require_publisher(actor)
        self._require_content(content_hash)
        decision = _text(decision, "decision")
        if (self.state, self.decided_by, self.decision) == ("published", actor.id, decision):
            return self
        self._require_state("proposed")
        return replace(self, state="published", decision=decision, decided_by=actor.id, decided_at=at, updated_at=at)

    def reject(self, actor: Actor, reason: str, at: datetime) -> Proposal:
        """Return the proposal, refused for good for this reason. Raises Forbidden("indicators.own_proposal",
        "indicators.other_agency"), Conflict("indicators.proposal_state")."""
        self._require_decider(actor)
        reason = _text(reason, "reason")
        if (self.state, self.decided_by, self.reason) == ("rejected", actor.id, reason):
            return self
        self._require_state("proposed")
        return replace(self, state="rejected", reason=reason, decided_by=actor.id, decided_at=at, updated_at=at)

    def send_back(self, actor: Actor, reason: str, at: datetime) -> Proposal:
        """Return the proposal as a draft of the next round, to be changed for this reason; raises as `reject`."""
        self._require_decider(actor)
        reason = _text(reason, "reason")
        if (self.state, self.reason) == ("draft", reason):
            return self
        self._require_state("proposed")
        return replace(self, state="draft", round=self.round + 1, reason=reason, updated_at=at)

    def seen_by(self, actor: Actor) -> bool:
        """Tell whether the actor may read it: drafts are their authors' and their agency's alone."""
        return self.state not in ("draft", "withdrawn") or self._is_own(actor)

    def _is_own(self, actor: Actor) -> bool:
        return actor.id in self.authors or (self.owner is not None and actor.agency == self.owner)

    def _require_own(self, actor: Actor) -> None:
        actor.require("catalogue.propose")
        if not self._is_own(actor):
            raise Forbidden(
                "indicators.not_author", f"{self.id} is not {actor.id}'s", "Đề xuất này của người hoặc cơ quan khác."
            )

    def _require_publisher(self, actor: Actor) -> None:
        actor.require("catalogue.publish")
        if actor.id in self.authors:
            raise Forbidden(
                "indicators.own_proposal",
                f"{actor.id} wrote {self.id}",
                "Người đề xuất không được tự ban hành hoặc quyết định đề xuất của mình.",
            )

    def _require_decider(self, actor: Actor) -> None:
        self._require_publisher(actor)
        if not (_is_office(actor) or self._is_own(actor)):
            raise Forbidden(
                "indicators.other_agency",
                f"{self.id} is not of {actor.id}'s agency",
                "Chỉ Văn phòng hoặc cơ quan đề xuất được trả lại hoặc từ chối đề xuất này.",
            )

    def _require_content(self, content_hash: str) -> None:
        if content_hash != self.content_hash:
            raise Conflict(
                "indicators.other_content",
                f"{self.id} has changed since it was read",
                "Nội dung đề xuất đã thay đổi sau khi bạn đọc; hãy đọc lại.",
                {"content_hash": self.content_hash},
            )

    def _require_state(self, *wanted: State) -> None:
        if self.state not in wanted:
            raise Conflict(
                "indicators.proposal_state",
                f"{self.id} is {self.state}",
                "Trạng thái của đề xuất không cho phép việc này.",
                {"state": self.state},
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What one person thinks of a proposal in one round; the last word of each counts."""

    by: str
    agency: str | None
    round: int
    agrees: bool
    text: str
    at: datetime


def review(proposal: Proposal, actor: Actor, agrees: bool, text: str, at: datetime) -> Review:
    """Return the actor's opinion. Disagreeing needs a text. Raises Forbidden, Conflict, Invalid."""
    proposal.require_reviewer(actor)
    kept = text.strip() if agrees else _text(text, "text")
    return Review(by=actor.id, agency=actor.agency, round=proposal.round, agrees=agrees, text=kept, at=at)


def require_within(actor: Actor, stored: Mapping[Any, dict[str, Any]], changed: Mapping[Any, dict[str, Any]]) -> None:
    """Raise Forbidden("indicators.beyond_agency") where an agency's administrator would publish what is not the
    agency's own (Đ14.3). The Office publishes everything. Data scopes do not tell: an agency's may be all communes."""
    if _is_office(actor):
        return
    foreign = sorted(
        f"{kind}/{entry_id}" for kind, entry_id in _foreign(actor.agency, stored, {**stored, **changed}, changed)
    )
    if foreign:
        raise Forbidden(
            "indicators.beyond_agency",
            f"{actor.id} of {actor.agency} may not publish {', '.join(foreign[:10])}",
            "Cơ quan chỉ được ban hành chế độ báo cáo chuyên đề, đột xuất và biểu mẫu, chỉ tiêu của mình "
            "(Điều 14 khoản 3).",
            {"entries": foreign},
        )


def _is_office(actor: Actor) -> bool:
    return actor.may("catalogue.manage")


def _foreign(
    agency: str | None,
    before: Mapping[Any, dict[str, Any]],
    after: Mapping[Any, dict[str, Any]],
    changed: Mapping[Any, Any],
) -> Iterator[tuple[str, str]]:
    for key in changed:
        own = _owned(agency, key, after) and (key not in before or _owned(agency, key, before))
        if not own:
            yield key


def _owned(agency: str | None, key: tuple[str, str], entries: Mapping[Any, dict[str, Any]]) -> bool:
    kind, body = key[0], entries[key]
    if agency is None:
        return False
    if kind == "regime":
        return body.get("owner") == agency and body.get("kind") in _OWN_KINDS
    if kind == "form":
        regime = ("regime", body["regime"])
        return body.get("owner") == agency and regime in entries and _owned(agency, regime, entries)
    return kind == "indicator" and body.get("lead_agency") == agency


def hash_of(content: dict[str, Any]) -> str:
    """Return the SHA-256 (hex) of the content, whatever the order of its fields."""
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()


def require_storable(content: dict[str, Any]) -> None:
    """Raise Invalid("indicators.content_unstorable") for content with the NUL character, or that nests deeper than 64:
    the door refuses both in a JSON body, but of a file it sees bytes alone."""
    waiting: list[tuple[object, int]] = [(content, 0)]
    while waiting:
        value, depth = waiting.pop()
        inside = (*value, *value.values()) if isinstance(value, dict) else value if isinstance(value, list) else ()
        if (isinstance(value, str) and "\x00" in value) or (inside and depth == MAX_DEPTH):
            raise Invalid(
                "indicators.content_unstorable",
                f"the content holds the NUL character or nests deeper than {MAX_DEPTH}",
                "Nội dung chứa ký tự không hợp lệ hoặc lồng nhau quá sâu.",
            )
        waiting += [(item, depth + 1) for item in inside]


def _text(text: str, what: str) -> str:
    cleaned = nfc(text).strip()
    if not cleaned or len(cleaned) > MAX_TEXT:
        raise Invalid(
            "indicators.text_missing",
            f"{what} needs a text of at most {MAX_TEXT} characters",
            f"Phải ghi rõ nội dung, không quá {MAX_TEXT} ký tự.",
            {"field": what},
        )
    return cleaned
