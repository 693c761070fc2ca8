"""Proposals: who may do what when, whatever the order in which people act."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from services.indicators.domain.catalogue import accept
from services.indicators.domain.proposals import Proposal, hash_of, require_within, review
from services.indicators.testing import AGENCY, small_load
from shared.contracts.actor import Actor
from shared.errors import Conflict, Forbidden, HubError, Invalid

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
ALL = ("catalogue.propose", "catalogue.review", "catalogue.publish")
AUTHOR = Actor("person:sgddt.quantri", "person", "", ALL, ("LC",), ("*",), AGENCY)
COLLEAGUE = replace(AUTHOR, id="person:sgddt.quantri2")
OFFICE = Actor("person:quantri", "person", "", (*ALL, "catalogue.manage"), ("*",), ("*",), "LC-VP")
STRANGER = Actor("person:syt.quantri", "person", "", ALL, ("*",), ("*",), "LC-SYT")
REVIEWER = Actor("person:syt", "person", "", ("catalogue.review",), ("LC",), ("*",), "LC-SYT")
PEOPLE = (AUTHOR, COLLEAGUE, OFFICE, REVIEWER, STRANGER)


def begun() -> Proposal:
    return Proposal.begin(AUTHOR, "GD-2026", "Báo cáo tháng", {"regimes": []}, NOW)


def proposed() -> Proposal:
    draft = begun()
    return draft.submit(AUTHOR, draft.content_hash, NOW)


def test_an_author_does_not_publish_reject_return_or_review_the_own_proposal() -> None:
    held = proposed()
    author = replace(AUTHOR, units=("*",))
    for attempt in (
        lambda: held.publish(author, "QĐ 1", held.content_hash, NOW),
        lambda: held.reject(author, "không", NOW),
        lambda: held.send_back(author, "sửa", NOW),
        lambda: review(held, author, True, "", NOW),
    ):
        with pytest.raises(Forbidden, match=r"indicators\.own_proposal"):
            attempt()


def test_who_edited_a_draft_is_an_author_too() -> None:
    edited = begun().edit(COLLEAGUE, "Báo cáo tháng", {"forms": []}, None, NOW)
    assert edited.authors == (AUTHOR.id, COLLEAGUE.id)
    with pytest.raises(Forbidden, match=r"indicators\.own_proposal"):
        edited.submit(AUTHOR, edited.content_hash, NOW).publish(COLLEAGUE, "QĐ 1", edited.content_hash, NOW)


def test_other_content_than_was_read_is_not_published() -> None:
    with pytest.raises(Conflict, match=r"indicators\.other_content"):
        proposed().publish(OFFICE, "QĐ 1", hash_of({}), NOW)


def test_publication_names_a_decision_and_a_return_its_reason() -> None:
    for attempt in (
        lambda: proposed().publish(OFFICE, "  ", proposed().content_hash, NOW),
        lambda: proposed().send_back(OFFICE, "", NOW),
        lambda: proposed().reject(OFFICE, "\n", NOW),
        lambda: review(proposed(), REVIEWER, False, " ", NOW),
    ):
        with pytest.raises(Invalid, match=r"indicators\.text_missing"):
            attempt()
    assert review(proposed(), REVIEWER, True, "", NOW).agrees


def test_a_returned_proposal_is_a_draft_of_the_next_round_with_the_reason() -> None:
    back = proposed().send_back(OFFICE, "Thiếu đơn vị tính", NOW)
    assert (back.state, back.round, back.reason) == ("draft", 2, "Thiếu đơn vị tính")
    edited = back.edit(AUTHOR, back.title, {"regimes": [], "forms": []}, back.content_hash, NOW)
    assert edited.submit(AUTHOR, edited.content_hash, NOW).reason is None


def test_another_agency_neither_returns_nor_rejects_what_it_did_not_propose() -> None:
    with pytest.raises(Forbidden, match=r"indicators\.other_agency"):
        proposed().send_back(STRANGER, "sửa", NOW)
    with pytest.raises(Forbidden, match=r"indicators\.other_agency"):
        proposed().reject(STRANGER, "không", NOW)
    assert proposed().reject(COLLEAGUE, "không", NOW).state == "rejected"
    assert proposed().send_back(OFFICE, "sửa", NOW).round == 2


def test_drafts_are_seen_by_their_agency_alone() -> None:
    assert [begun().seen_by(actor) for actor in PEOPLE] == [True, True, False, False, False]
    assert all(proposed().seen_by(actor) for actor in PEOPLE)


def test_an_agency_publishes_its_own_thematic_regimes_and_nothing_else() -> None:
    load = small_load()
    stored = {key: body for key, body in accept({}, load).items() if key[0] in ("unit", "measure", "indicator")}
    load["regimes"][0].update(kind="thematic", moves=True, owner=AGENCY)
    load["forms"][0].update(owner=AGENCY)
    own = {"regimes": load["regimes"], "forms": load["forms"]}
    publisher = replace(COLLEAGUE, units=("*",))  # a scope over all data is none over the catalogue
    require_within(publisher, stored, accept(stored, own))

    periodic = {"regimes": [{**load["regimes"][0], "kind": "periodic", "moves": None}], "forms": load["forms"]}
    renamed = {**own, "indicators": [{**small_load()["indicators"][0], "name": "Lớp học"}]}
    taken_over = {**stored, **accept(stored, {"regimes": [{**load["regimes"][0], "owner": "LC-SYT"}]})}
    for held, content in ((stored, periodic), (stored, renamed), (taken_over, own)):
        with pytest.raises(Forbidden, match=r"indicators\.beyond_agency"):
            require_within(publisher, held, accept(held, content))
        require_within(OFFICE, held, accept(held, content))


class Negotiation(RuleBasedStateMachine):
    """People act on one proposal in any order; refused acts change nothing."""

    @initialize()
    def begin(self) -> None:
        self.held, self.texts = begun(), 0
        self.read = self.held.content_hash
        self.final: Proposal | None = None

    @rule(actor=st.sampled_from(PEOPLE))
    def reads(self, actor: Actor) -> None:
        self.read = self.held.content_hash

    @rule(
        actor=st.sampled_from(PEOPLE),
        act=st.sampled_from(("edit", "submit", "review", "publish", "reject", "return", "withdraw")),
    )
    def acts(self, actor: Actor, act: str) -> None:
        before = self.held
        self.texts += 1
        try:
            after = self._after(actor, act)
        except HubError:
            return
        self.held = after
        if act == "publish" and after is not before:
            assert actor.id not in before.authors
            assert (before.state, self.read) == ("proposed", before.content_hash)
        if act in ("edit", "submit", "withdraw"):
            assert actor.agency == before.owner
        if act in ("reject", "return"):
            assert actor is OFFICE or actor.agency == before.owner
        if after.round > before.round:
            assert (act, before.state, after.state) == ("return", "proposed", "draft")

    def _after(self, actor: Actor, act: str) -> Proposal:
        held, text = self.held, f"lần {self.texts}"
        if act == "edit":
            return held.edit(actor, held.title, {"forms": [], "note": text}, None, NOW)
        if act == "submit":
            return held.submit(actor, self.read, NOW)
        if act == "review":
            review(held, actor, False, text, NOW)
            return held
        if act == "publish":
            return held.publish(actor, "QĐ", self.read, NOW)
        if act == "reject":
            return held.reject(actor, text, NOW)
        return held.send_back(actor, text, NOW) if act == "return" else held.withdraw(actor, NOW)

    @invariant()
    def what_is_decided_stays_decided(self) -> None:
        if not hasattr(self, "held"):
            return
        if self.final is not None:
            assert self.held == self.final
        elif self.held.state in ("published", "rejected", "withdrawn"):
            self.final = self.held
            assert self.held.decided_by is not None
        assert self.held.content_hash == hash_of(self.held.content)


TestNegotiation = Negotiation.TestCase
