"""What people do to obligations never loses what was reported, and what was approved is never called off."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from services.submissions.domain import acts, paper, rounds
from services.submissions.domain.catalogue import Catalogue, compile_catalogue
from services.submissions.domain.rounds import APPROVED, DRAFT, DUE, RETURNED, SUBMITTED, WAIVED, Submission
from services.submissions.testing import bodies
from shared.calendar import VIETNAM, local_date
from shared.contracts.actor import Actor
from shared.contracts.events import Paper
from shared.errors import Conflict, Forbidden, Invalid

NOW = datetime(2016, 12, 1, tzinfo=UTC)
DAY = timedelta(days=1)
NEW = Submission(number=1, id="s", form="f", unit="u", agency="a", period="2016", state=DUE, deadline=NOW)


def test_an_extension_moves_the_deadline_and_with_it_what_is_late() -> None:
    assert NEW.late(NOW + DAY)
    extended = acts.extend(NEW, NOW + 2 * DAY)
    assert (extended.due_by, extended.deadline) == (NOW + 2 * DAY, NOW)
    assert not extended.late(NOW + DAY)
    assert extended.late(NOW + 3 * DAY)
    assert extended.submit("h", "p", NOW + DAY).on_time
    assert acts.extend(extended, NOW + 2 * DAY) is extended
    with pytest.raises(Conflict, match="not_later"):
        acts.extend(NEW, NOW)


@pytest.mark.parametrize("state", [APPROVED, WAIVED])
def test_what_is_settled_is_not_extended(state: str) -> None:
    with pytest.raises(Conflict, match=r"submissions\.settled"):
        acts.extend(replace(NEW, state=state), NOW + DAY)


def test_what_was_approved_is_never_waived_nor_what_waits_for_a_decision() -> None:
    submitted = NEW.submit("h", "p", NOW)
    with pytest.raises(Conflict, match=r"submissions\.submitted"):
        acts.waive(submitted)
    approved = submitted.approve(1, "h")
    assert approved is not None
    for state in (approved, approved.reopen("p", "sai")):
        with pytest.raises(Conflict, match=r"submissions\.approved"):
            acts.waive(state)


@pytest.mark.parametrize("state", [DUE, DRAFT, RETURNED])
def test_a_waived_obligation_takes_nothing_and_is_restored_as_it_was(state: str) -> None:
    waived = acts.waive(replace(NEW, state=state))
    assert waived.state == WAIVED
    assert not waived.editable
    assert not waived.late(NOW + DAY)
    assert acts.waive(waived) is waived
    with pytest.raises(Conflict, match=r"submissions\.waived"):
        waived.require_taking(NOW)
    restored = acts.restore(waived)
    assert restored == replace(NEW, state=state)
    assert acts.restore(restored) is restored


BOUNDED = replace(NEW, opens_at=NOW - 5 * DAY, closes_at=NOW + 5 * DAY)


@pytest.mark.parametrize(
    ("days", "changes", "why"),
    [
        (-6, {}, "not_open"),
        (0, {}, None),
        (6, {}, "closed"),
        (6, {"extended_to": NOW + 2 * DAY}, None),  # the intake closes as long after the new deadline as after the old
        (8, {"extended_to": NOW + 2 * DAY}, "closed"),
        (6, {"intake": "open"}, None),
        (6, {"intake": "open", "intake_until": NOW + 6 * DAY}, None),
        (7, {"intake": "open", "intake_until": NOW + 6 * DAY}, "closed"),
        (0, {"intake": "closed"}, "closed"),
        (2, {"intake": "closed", "intake_until": NOW + DAY}, None),
        (6, {"round": 2, "state": RETURNED}, None),  # what a leader returned is corrected outside of the schedule
        (6, {"round": 2, "state": RETURNED, "intake": "closed"}, "closed"),
    ],
)
def test_figures_are_taken_by_the_schedule_and_by_what_was_announced(
    days: int, changes: dict[str, object], why: str | None
) -> None:
    assert replace(BOUNDED, **changes).shut(NOW + days * DAY) == why  # type: ignore[arg-type]  # fields by name


def test_an_edit_of_what_is_shut_says_whether_it_is_early_or_late() -> None:
    for days, code in ((-6, "intake_not_open"), (6, "intake_closed")):
        with pytest.raises(Conflict, match=code):
            BOUNDED.require_taking(NOW + days * DAY)


@given(st.integers(-20, 20), st.integers(0, 20))
def test_who_is_urged_owes_and_is_late_or_due_soon_and_is_urged_once_a_day(days: int, within: int) -> None:
    at = NOW + days * DAY
    urged = acts.urge(NEW, at, within * DAY)
    assert (urged is not NEW) == (at + within * DAY >= NOW)
    assert acts.urge(urged, at, within * DAY) is urged
    if urged is not NEW:
        assert acts.urge(urged, at + DAY, within * DAY) is not urged
    for state in (SUBMITTED, APPROVED, WAIVED):
        other = replace(NEW, state=state)
        assert acts.urge(other, at, within * DAY) is other


def test_a_form_is_managed_by_its_designer_its_regimes_owner_and_the_office() -> None:
    entries = bodies()
    entries["form"]["GD-NAM"]["owner"] = "LC-SGDDT"
    catalogue = compile_catalogue(1, entries)

    def actor(agency: str | None, *rights: str) -> Actor:
        return Actor("p", "person", "", ("obligations.manage", *rights), ("*",), ("*",), agency)

    acts.require_owner(actor("LC-SGDDT"), "GD-NAM", catalogue)
    acts.require_owner(actor("LC-VP", "catalogue.manage"), "NN-NAM", catalogue)
    for other, form in ((actor("LC-SYT"), "GD-NAM"), (actor("LC-SGDDT"), "NN-NAM"), (actor(None), "NN-NAM")):
        with pytest.raises(Forbidden, match="not_owner"):
            acts.require_owner(other, form, catalogue)
    with pytest.raises(Forbidden, match="right_missing"):
        acts.require_owner(Actor("p", "person", "", agency="LC-SGDDT"), "GD-NAM", catalogue)


# -- paper -----------------------------------------------------------------------------------------------------------

CATALOGUE: Catalogue = compile_catalogue(1, bodies())
OWED = replace(NEW, form="GD-NAM", unit="LC", period="2016", deadline=datetime(2016, 12, 26, 17, tzinfo=VIETNAM))
CAME = Paper(date(2016, 12, 23), "BC 415/BC-SGDĐT", "vanthu", "mất đường truyền")
LATER = datetime(2016, 12, 28, 3, tzinfo=UTC)


def test_a_paper_counts_by_when_it_was_entered_until_another_person_confirms_it() -> None:
    assert paper.checked(CAME, OWED, "clerk", LATER, CATALOGUE) == CAME
    submitted = OWED.submit("h", "clerk", LATER)
    assert submitted.on_time is False
    for author in ("clerk", "helper"):
        with pytest.raises(Forbidden, match="own_paper"):
            paper.require_confirmer(author, "clerk", ["clerk", "helper"])
    paper.require_confirmer("office", "clerk", ["clerk", "helper"])
    confirmed = paper.confirmed(submitted, 1, CAME.received_on)
    assert confirmed.on_time is True
    assert not confirmed.late(LATER + DAY)
    returned = confirmed.send_back(1, "h", returned=True)
    assert returned is not None
    assert returned.received_on is None
    assert paper.confirmed(returned, 1, CAME.received_on) is returned


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"received_on": date(2016, 12, 29)}, "paper_day"),  # has not come yet
        ({"received_on": date(2015, 12, 14)}, "paper_day"),  # before the period's data begin
        ({"document": " "}, "paper_text"),
        ({"reason": "x" * 2001}, "paper_text"),
        ({"document": "BC \x00"}, "paper_text"),
        ({"vouched_by": "clerk"}, "own_voucher"),
    ],
)
def test_a_paper_that_cannot_be_is_refused(changes: dict[str, object], code: str) -> None:
    said = {"received_on": CAME.received_on, "document": "BC", "vouched_by": "vanthu", "reason": "mất mạng", **changes}
    with pytest.raises(Invalid, match=code):
        paper.checked(Paper(**said), OWED, "clerk", LATER, CATALOGUE)  # type: ignore[arg-type]  # fields by name


def test_a_paper_does_not_come_before_the_intake_opens() -> None:
    opened = replace(OWED, opens_at=datetime(2016, 12, 24, tzinfo=VIETNAM))
    with pytest.raises(Invalid, match="paper_day"):
        paper.checked(CAME, opened, "clerk", LATER, CATALOGUE)


# -- all of it in any order ------------------------------------------------------------------------------------------


class Obligation(RuleBasedStateMachine):
    """Reporting, deciding and managing one obligation, in any order, as time goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW - 3 * DAY
        self.held = BOUNDED
        self.ever_approved = False
        self.before_waiver: Submission | None = None

    def taking(self) -> bool:
        return self.held.editable and self.held.shut(self.now) is None

    @rule(hours=st.integers(1, 60))
    def wait(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @precondition(lambda self: self.taking())
    @rule()
    def enter(self) -> None:
        self.held.require_taking(self.now)
        self.held = self.held.touched()

    @precondition(lambda self: self.taking() and self.held.state != DUE)
    @rule()
    def submit(self) -> None:
        self.held = self.held.submit("h", "clerk", self.now)

    @precondition(lambda self: self.held.state == SUBMITTED)
    @rule(how=st.sampled_from(["approve", "return", "withdraw"]))
    def decide(self, how: str) -> None:
        held, number = self.held, self.held.round
        after = held.approve(number, "h") if how == "approve" else held.send_back(number, "h", returned=how == "return")
        assert after is not None
        self.held = after
        self.ever_approved |= how == "approve"

    @precondition(lambda self: self.held.state == APPROVED)
    @rule()
    def reopen(self) -> None:
        self.held = self.held.reopen("clerk", "sai")

    @rule(days=st.integers(1, 10))
    def extend(self, days: int) -> None:
        try:
            after = acts.extend(self.held, self.now + days * DAY)
        except Conflict:
            return
        assert after.due_by is not None
        assert after.due_by > self.now
        self.held = after

    @rule()
    def waive(self) -> None:
        before = self.held
        try:
            self.held = acts.waive(before)
        except Conflict:
            assert before.state == SUBMITTED or self.ever_approved
            return
        assert not self.ever_approved
        if self.held is not before:
            self.before_waiver = before

    @precondition(lambda self: self.held.state == WAIVED)
    @rule()
    def restore(self) -> None:
        assert self.before_waiver is not None
        self.held = acts.restore(self.held)
        assert self.held.state == self.before_waiver.state
        assert self.held.round == self.before_waiver.round

    @rule(intake=st.sampled_from([rounds.OPEN, rounds.CLOSED]), days=st.none() | st.integers(1, 4))
    def announce(self, intake: str, days: int | None) -> None:
        self.held = acts.set_intake(self.held, intake, None if days is None else self.now + days * DAY)
        assert self.held.shut(self.now) == (None if intake == rounds.OPEN else "closed")

    @rule(within=st.integers(0, 3))
    def urge(self, within: int) -> None:
        after = acts.urge(self.held, self.now, within * DAY)
        if after is not self.held:
            assert self.held.editable
            assert not self.ever_approved
            assert after.urged_on == local_date(self.now)
        self.held = after

    @invariant()
    def what_was_approved_stays_approved(self) -> None:
        assert (self.held.approved_round is not None) == self.ever_approved
        assert not (self.ever_approved and self.held.state == WAIVED)

    @invariant()
    def late_and_on_time_exclude_each_other(self) -> None:
        assert not (self.held.late(self.now) and self.held.on_time)
        assert not (self.held.late(self.now) and self.held.state == WAIVED)

    @invariant()
    def waived_means_there_is_a_way_back(self) -> None:
        assert (self.held.state == WAIVED) == (self.held.waived_from is not None)


TestObligation = Obligation.TestCase
