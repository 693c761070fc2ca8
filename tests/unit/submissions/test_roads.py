"""A cell and its three roads: pushed, entered by hand, rolled up. None overwrites another's figure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.submissions.domain import merge
from services.submissions.domain.merge import Cell, Clock, Pushed, Source

NOW = datetime(2016, 12, 1, tzinfo=UTC)
FIVE, SIX, SEVEN = Pushed("5", "official"), Pushed("6", "official"), Pushed("7", "official")
ROLLED = Source("tonghop", None, Clock(NOW, ""), NOW, merge.ROLLUP)


def push(second: int = 1) -> Source:
    at = NOW + timedelta(seconds=second)
    return Source("csdl", f"r{second}", Clock(at, "t"), at)


def by_hand(value: Pushed) -> Cell:
    return merge.entered(value, "nhaplieu", NOW)


def shown(cell: Cell) -> tuple[str | None, str, str | None, str | None]:
    """Return the value and its origin, and those of what waits beside it."""
    beside = cell.conflict
    return (
        cell.value,
        cell.origin,
        beside[0].value if beside else None,
        beside[1].origin if beside else None,
    )


def test_a_roll_up_never_overwrites_a_hand_entry_or_a_push() -> None:
    hand, pushed = by_hand(FIVE), merge.fresh(FIVE, push())
    for cell, origin in ((hand, "hand"), (pushed, "push")):
        assert merge.roll_up(cell, SIX, ROLLED) == merge.CONFLICT
        assert shown(cell) == ("5", origin, "6", "rollup")
        before = cell.version
        assert merge.roll_up(cell, SIX, ROLLED) == merge.CONFLICT
        assert cell.version == before  # the same again changes nothing


def test_a_push_never_overwrites_a_roll_up_and_a_person_chooses_either() -> None:
    for keep, left in (("push", ("6", "push")), ("rollup", ("5", "rollup"))):
        cell = merge.rolled(FIVE, ROLLED)
        assert merge.merge(cell, SIX, push()) == merge.CONFLICT
        assert shown(cell) == ("5", "rollup", "6", "push")
        merge.settle(cell, keep)
        assert (cell.value, cell.origin, cell.conflict) == (*left, None)


def test_a_roll_up_that_a_person_prefers_takes_the_cell_with_its_origin() -> None:
    cell = by_hand(FIVE)
    merge.roll_up(cell, SIX, ROLLED)
    merge.settle(cell, "rollup")
    assert (shown(cell), cell.by, cell.receipt_id) == (("6", "rollup", None, None), "tonghop", None)


def test_a_roll_up_repeated_updates_its_own_figure_and_agreement_settles() -> None:
    cell = merge.rolled(FIVE, ROLLED)
    assert merge.roll_up(cell, FIVE, ROLLED) == merge.UNCHANGED
    assert merge.roll_up(cell, SIX, ROLLED) == merge.ACCEPTED
    hand = by_hand(FIVE)
    merge.roll_up(hand, SIX, ROLLED)
    assert merge.roll_up(hand, FIVE, ROLLED) == merge.UNCHANGED
    assert hand.conflict is None


def test_a_push_that_waits_keeps_its_place_and_takes_that_of_a_roll_up() -> None:
    hand = by_hand(FIVE)
    merge.merge(hand, SIX, push())
    assert merge.roll_up(hand, SEVEN, ROLLED) == merge.CONFLICT
    assert shown(hand) == ("5", "hand", "6", "push")
    hand = by_hand(FIVE)
    merge.roll_up(hand, SEVEN, ROLLED)
    merge.merge(hand, SIX, push())
    assert shown(hand) == ("5", "hand", "6", "push")


def test_what_waits_for_a_person_waits_on_when_the_figure_changes_by_its_own_road() -> None:
    pushed = merge.fresh(FIVE, push(1))
    merge.roll_up(pushed, SIX, ROLLED)
    assert merge.merge(pushed, SEVEN, push(2)) == merge.ACCEPTED
    assert shown(pushed) == ("7", "push", "6", "rollup")
    assert merge.merge(pushed, SIX, push(3)) == merge.ACCEPTED
    assert shown(pushed) == ("6", "push", None, None)
    rolled = merge.rolled(FIVE, ROLLED)
    merge.merge(rolled, SIX, push())
    assert merge.roll_up(rolled, SEVEN, ROLLED) == merge.ACCEPTED
    assert shown(rolled) == ("7", "rollup", "6", "push")


def test_a_removed_figure_is_filled_by_the_next_roll_up() -> None:
    cell = by_hand(FIVE)
    merge.remove(cell, "nhaplieu", NOW)
    assert merge.roll_up(cell, SIX, ROLLED) == merge.ACCEPTED
    assert (shown(cell), cell.removed) == (("6", "rollup", None, None), False)


_steps = st.lists(st.tuples(st.sampled_from(["push", "hand", "rollup", "keep"]), st.sampled_from([FIVE, SIX, SEVEN])))


@given(_steps)
def test_a_value_changes_only_by_its_own_road_or_by_a_person(steps: list[tuple[str, Pushed]]) -> None:
    cell = by_hand(FIVE)
    for second, (road, value) in enumerate(steps):
        before = (cell.value, cell.origin)
        if road == "push":
            merge.merge(cell, value, push(second))
        elif road == "rollup":
            merge.roll_up(cell, value, ROLLED)
        elif road == "hand":
            merge.enter(cell, value, "nhaplieu", NOW)
        else:
            merge.settle(cell, cell.conflict[1].origin if cell.conflict else cell.origin)
        if road in ("push", "rollup") and (cell.value, cell.origin) != before:
            assert before[1] == cell.origin == road
        assert cell.conflict is None or cell.conflict[1].origin != cell.origin
