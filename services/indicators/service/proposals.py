"""Proposing, reviewing and publishing changes of the catalogue (Đ14.2, Đ24)."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from services.indicators.applying import apply
from services.indicators.domain import catalogue as rules
from services.indicators.domain import proposals as domain
from services.indicators.domain.plan import plan
from services.indicators.domain.proposals import Proposal
from services.indicators.service.paging import bounded, cursor_number
from services.indicators.storage import catalogue as entries
from services.indicators.storage import proposals as storage
from shared.contracts.actor import Actor
from shared.contracts.events import ProposalMoved
from shared.contracts.views.proposals import ProposalDetail, ProposalPage, ProposalView, ReviewView
from shared.entrypoints import rpc
from shared.errors import Conflict, Invalid, NotFound
from shared.storage import Unit, UnitOfWork


class ProposalCalls:
    """The way of a change from a draft to the catalogue. Commands may be repeated: the same one answers the same."""

    unit: UnitOfWork

    @rpc
    def propose(
        self,
        actor: Actor,
        proposal_id: str,
        title: str,
        content: dict[str, Any],
        expected_hash: str | None = None,
    ) -> ProposalView:
        """Begin a draft under this id, or change it. `content` are sections of a catalogue load; a draft may still have
        faults. `expected_hash` guards against changing what somebody else just changed.

        Raises Forbidden("indicators.not_author"), Conflict("indicators.proposal_state", "indicators.other_content").
        """
        actor.require("catalogue.propose")
        with self.unit(actor) as unit:
            return put_draft(unit, actor, proposal_id, title, content, expected_hash)

    @rpc
    def submit_proposal(self, actor: Actor, proposal_id: str, content_hash: str) -> ProposalView:
        """Lay a draft before reviewers and the publisher. Raises Invalid("indicators.catalogue_invalid") while what
        would result has faults, and as `propose` does."""
        with self.unit(actor) as unit:
            held = _load(unit, actor, proposal_id, "catalogue.propose")
            moved = held.submit(actor, content_hash, unit.now)
            if moved is not held:
                rules.accept(entries.bodies(unit.connection), held.content)
            return _settle(unit, held, moved, "submitted")

    @rpc
    def review_proposal(self, actor: Actor, proposal_id: str, agrees: bool, text: str = "") -> ReviewView:
        """Say what one thinks of a proposal; the last word of each reviewer in a round counts. Disagreeing needs a
        text. Raises Forbidden("indicators.own_proposal"), Conflict("indicators.proposal_state")."""
        with self.unit(actor) as unit:
            held = _load(unit, actor, proposal_id, "catalogue.review")
            said = domain.review(held, actor, agrees, text, unit.now)
            before = [item for item in storage.reviews_of(unit.connection, held.id) if _same(item, said)]
            if before:
                return ReviewView(**asdict(before[0]))
            storage.put_review(unit.connection, held.id, said)
            unit.audit("proposal.reviewed", held.id, {"round": held.round, "agrees": agrees})
            unit.emit(_moved(unit, held, "reviewed", said.text, agrees=agrees))
            return ReviewView(**asdict(said))

    @rpc
    def publish_proposal(self, actor: Actor, proposal_id: str, decision: str, content_hash: str) -> ProposalView:
        """Publish exactly the content that was read, by this decision: it becomes one version of the catalogue.

        Raises Forbidden("indicators.own_proposal", "indicators.beyond_agency"), Conflict("indicators.other_content",
        "indicators.proposal_state"), Invalid("indicators.catalogue_invalid").
        """
        with self.unit(actor) as unit:
            held = _load(unit, actor, proposal_id, "catalogue.publish")
            moved = held.publish(actor, decision, content_hash, unit.now)
            if moved is not held:
                version, stored = entries.lock(unit.connection), entries.bodies(unit.connection)
                changed = rules.accept(stored, held.content)
                domain.require_within(actor, stored, changed)
                version = apply(unit, version, stored, changed, f"proposal {held.id}")
                moved = replace(moved, catalogue_version=version)
            return _settle(unit, held, moved, "published", decision)

    @rpc
    def return_proposal(self, actor: Actor, proposal_id: str, reason: str) -> ProposalView:
        """Send a proposal back to its authors with a reason; they change it and submit it again."""
        with self.unit(actor) as unit:
            held = _load(unit, actor, proposal_id, "catalogue.publish")
            return _settle(unit, held, held.send_back(actor, reason, unit.now), "returned", reason)

    @rpc
    def reject_proposal(self, actor: Actor, proposal_id: str, reason: str) -> ProposalView:
        """Refuse a proposal for good, with a reason."""
        with self.unit(actor) as unit:
            held = _load(unit, actor, proposal_id, "catalogue.publish")
            return _settle(unit, held, held.reject(actor, reason, unit.now), "rejected", reason)

    @rpc
    def withdraw_proposal(self, actor: Actor, proposal_id: str) -> ProposalView:
        """Take one's own proposal back for good, before it is decided."""
        with self.unit(actor) as unit:
            held = _load(unit, actor, proposal_id, "catalogue.propose")
            return _settle(unit, held, held.withdraw(actor, unit.now), "withdrawn")

    @rpc
    def list_proposals(
        self, actor: Actor, state: str | None = None, after: str | None = None, limit: int = 50
    ) -> ProposalPage:
        """Return proposals, newest first; drafts and withdrawn ones to their authors and their agency alone."""
        actor.require("catalogue.review")
        if state is not None and state not in domain.STATES:
            raise Invalid("indicators.bad_filter", f"{state!r} is no state", "Trạng thái đề xuất không hợp lệ.")
        with self.unit(actor) as unit:
            found, following = storage.page(
                unit.connection, actor, state, cursor_number(after), min(bounded(limit), 200)
            )
        return ProposalPage(
            proposals=[view(item) for item in found], next=None if following is None else str(following)
        )

    @rpc
    def read_proposal(self, actor: Actor, proposal_id: str) -> ProposalDetail:
        """Return a proposal with its content, the reviews, and what publishing it now would change or why it cannot
        be. Raises NotFound("indicators.no_proposal")."""
        with self.unit(actor) as unit:
            held = _load(unit, actor, proposal_id, "catalogue.review", lock=False)
            reviews = storage.reviews_of(unit.connection, held.id)
            version, stored = entries.version(unit.connection), entries.bodies(unit.connection)
        return ProposalDetail(
            proposal=view(held),
            content=held.content,
            reviews=[ReviewView(**asdict(item)) for item in reviews],
            plan=plan(version, stored, held.content) if held.state in ("draft", "proposed") else None,
        )


def put_draft(
    unit: Unit, actor: Actor, proposal_id: str, title: str, content: dict[str, Any], expected_hash: str | None = None
) -> ProposalView:
    """Begin a draft or change the one that stands under this id."""
    held = storage.find(unit.connection, proposal_id, lock=True)
    if held is None:
        begun = Proposal.begin(actor, proposal_id, title, content, unit.now)
        if not storage.add(unit.connection, begun):
            raise Conflict(
                "indicators.proposal_taken", f"{proposal_id} was begun meanwhile", "Mã đề xuất vừa được dùng."
            )
        unit.audit("proposal.begun", begun.id, {"hash": begun.content_hash})
        return view(begun)
    edited = held.edit(actor, title, content, expected_hash, unit.now)
    if edited is not held:
        storage.save(unit.connection, edited)
        unit.audit("proposal.edited", edited.id, {"hash": edited.content_hash})
    return view(edited)


def view(proposal: Proposal) -> ProposalView:
    """Return the proposal as others see it."""
    return ProposalView(
        **{name: getattr(proposal, name) for name in ProposalView.__dataclass_fields__ if name != "authors"},
        authors=list(proposal.authors),
    )


def _load(unit: Unit, actor: Actor, proposal_id: str, right: str, *, lock: bool = True) -> Proposal:
    actor.require(right)
    held = storage.find(unit.connection, proposal_id, lock=lock)
    if held is None or not held.seen_by(actor):
        raise NotFound("indicators.no_proposal", f"there is no proposal {proposal_id}", "Không có đề xuất này.")
    return held


def _settle(unit: Unit, before: Proposal, after: Proposal, moved: str, text: str = "") -> ProposalView:
    # A repeated command found its own effect: nothing is written and nothing is told twice.
    if after is not before:
        storage.save(unit.connection, after)
        unit.audit(f"proposal.{moved}", after.id, {"round": before.round, "hash": after.content_hash, "text": text})
        unit.emit(_moved(unit, before, moved, text))
    return view(after)


def _moved(unit: Unit, proposal: Proposal, moved: str, text: str, *, agrees: bool | None = None) -> ProposalMoved:
    return ProposalMoved(
        proposal_id=proposal.id,
        title=proposal.title,
        owner=proposal.owner,
        round=proposal.round,
        moved=moved,
        by=unit.actor.id,
        agrees=agrees,
        text=text,
    )


def _same(one: domain.Review, other: domain.Review) -> bool:
    return replace(one, at=other.at) == other
