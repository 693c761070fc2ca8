"""No order of events changes what was decided or frozen; no order of pushes changes what the newest one said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from services.submissions.domain import merge
from services.submissions.domain.merge import Cell, Clock, Pushed, Source
from services.submissions.domain.rounds import APPROVED, DRAFT, RETURNED, SUBMITTED, Submission
from shared.errors import Conflict

NOW = datetime(2016, 12, 1, tzinfo=UTC)
NEW = Submission(number=1, id="s", form="f", unit="u", agency="a", period="2016", state="due", deadline=NOW)


def source(minutes: int, tie: str = "t", by: str = "client") -> Source:
    return Source(by, f"r{minutes}{tie}", Clock(NOW + timedelta(minutes=minutes), tie), NOW)


def apply(pushes: list[tuple[int, str, str]], cell: Cell | None = None) -> Cell:
    for minutes, tie, value in pushes:
        if cell is None:
            cell = merge.fresh(Pushed(value, "official"), source(minutes, tie))
        else:
            merge.merge(cell, Pushed(value, "official"), source(minutes, tie))
    assert cell is not None
    return cell


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from("abc"), st.sampled_from("12")),
        min_size=1,
        max_size=6,
        unique_by=lambda push: push[:2],
    ),
    st.randoms(),
)
def test_pushes_in_any_order_leave_the_newest_value(pushes: list[tuple[int, str, str]], random: object) -> None:
    shuffled = list(pushes)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis's own Random
    assert apply(shuffled).value == max(pushes)[2]


def test_an_equal_push_still_moves_the_clock() -> None:
    pushes = [(1, "t", "1"), (3, "t", "1"), (2, "t", "2")]
    assert {apply(list(order)).value for order in permutations(pushes)} == {"1"}


@given(st.permutations([(1, "t", "5"), (2, "t", "6"), (3, "t", "7")]))
def test_no_push_overwrites_a_hand_entry_and_the_newest_one_waits_beside_it(pushes: list[tuple[int, str, str]]) -> None:
    cell = apply(pushes, merge.entered(Pushed("4", "official"), "p", NOW))
    assert (cell.value, cell.origin) == ("4", merge.HAND)
    assert cell.conflict is not None
    assert cell.conflict[0].value == "7"


def test_a_push_that_agrees_with_the_hand_entry_settles_the_conflict() -> None:
    cell = apply([(1, "t", "5"), (2, "t", "4")], merge.entered(Pushed("4", "official"), "p", NOW))
    assert cell.conflict is None


def test_a_person_chooses_between_hand_and_push() -> None:
    for keep, value, origin in (("hand", "4", "hand"), ("push", "5", "push")):
        cell = apply([(1, "t", "5")], merge.entered(Pushed("4", "official"), "p", NOW))
        merge.settle(cell, keep)
        assert (cell.value, cell.origin, cell.conflict) == (value, origin, None)


def test_a_removed_figure_is_filled_by_later_pushes_only() -> None:
    cell = apply([(1, "t", "5")])
    merge.remove(cell, "p", NOW + timedelta(minutes=5))
    assert merge.merge(cell, Pushed("5", "official"), source(4)) == merge.SUPERSEDED
    assert cell.removed
    assert merge.merge(cell, Pushed("5", "official"), source(6)) == merge.ACCEPTED
    assert not cell.removed


def test_on_time_is_an_instant_and_the_deadline_itself_is_still_on_time() -> None:
    assert NEW.on_time is None
    assert NEW.submit("h", "p", NOW).on_time
    assert NEW.submit("h", "p", NOW + timedelta(microseconds=1)).on_time is False


def test_what_waits_or_is_approved_is_not_edited() -> None:
    submitted = NEW.touched().submit("h", "p", NOW)
    with pytest.raises(Conflict, match=r"submissions\.submitted"):
        submitted.touched()
    approved = submitted.approve(1, "h")
    assert approved is not None
    with pytest.raises(Conflict, match=r"submissions\.approved"):
        approved.submit("x", "p", NOW)


def test_reopening_twice_for_the_same_reason_is_one_reopening() -> None:
    approved = NEW.touched().submit("h", "p", NOW).approve(1, "h")
    assert approved is not None
    reopened = approved.reopen("p", "sai số")
    assert (reopened.state, reopened.round, reopened.approved_round) == (DRAFT, 2, 1)
    assert reopened.reopened_so("p", "sai số")
    assert not reopened.reopened_so("q", "sai số")
    with pytest.raises(Conflict):
        reopened.reopen("q", "khác")


class Rounds(RuleBasedStateMachine):
    """Commands and decisions in any order, repeated and late; what was decided is remembered outside."""

    def __init__(self) -> None:
        super().__init__()
        self.submission = NEW
        self.frozen: dict[int, str] = {}
        self.decided: dict[int, str] = {}

    @rule(content=st.sampled_from("abc"))
    def submit(self, content: str) -> None:
        if self.submission.editable:
            self.submission = self.submission.touched().submit(content, "p", NOW)
            assert self.submission.round not in self.frozen
            self.frozen[self.submission.round] = content

    @rule(
        round_=st.integers(0, 5), content=st.sampled_from("abc"), decision=st.sampled_from(("approve", RETURNED, DRAFT))
    )
    def decide(self, round_: int, content: str, decision: str) -> None:
        before = self.submission
        if decision == "approve":
            after = before.approve(round_, content)
        else:
            after = before.send_back(round_, content, returned=decision == RETURNED)
        applies = before.state == SUBMITTED and before.round == round_ and self.frozen.get(round_) == content
        assert (after is not None) == applies
        if after is not None:
            assert round_ not in self.decided
            self.decided[round_] = decision
            self.submission = after

    @precondition(lambda self: self.submission.state == APPROVED)
    @rule()
    def reopen(self) -> None:
        self.submission = self.submission.reopen("p", "đính chính")

    @invariant()
    def an_approved_round_stays_what_was_approved(self) -> None:
        approved = [round_ for round_, decision in self.decided.items() if decision == "approve"]
        assert self.submission.approved_round == (max(approved) if approved else None)
        if approved:
            assert self.submission.approved_hash == self.frozen[max(approved)]

    @invariant()
    def the_round_only_counts_up(self) -> None:
        assert self.submission.round == len(self.decided) + (0 if self.submission.state == APPROVED else 1)


TestRounds = Rounds.TestCase
