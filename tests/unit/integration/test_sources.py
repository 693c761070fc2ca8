"""Towards sources, for any two sides: levels lead to exactly the keys that differ, and judging is total and fair."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.integration.domain import source_levels as levels
from services.integration.domain.reconciliation import Cell, Kind
from services.integration.domain.source_levels import Group
from services.integration.domain.sources import NEXT_STEPS, OF_ENTRY_DESK, Held, Key, Stated, counted, judge, owner_of
from shared.digest import Digest, entry_hash, of_hash, total

AT = datetime(2026, 1, 5, tzinfo=UTC)
GROUPS = st.tuples(*(st.sampled_from(names) for names in (("2016", "2017"), ("A", "B"), ("x", "y"))))
STORES = st.dictionaries(GROUPS, st.integers(0, 3), max_size=8)
CELLS = st.builds(Cell, st.sampled_from([None, "1", "10", "1.5", "2"]), st.sampled_from(["official", "estimate"]))
HELD = st.builds(
    Held,
    st.none() | CELLS,
    st.booleans(),
    st.booleans(),
    st.none() | CELLS,
    st.sampled_from([None, AT, AT + timedelta(days=1)]),
)
STATED = st.builds(Stated, st.lists(CELLS, min_size=1, max_size=2).map(tuple), st.sampled_from([None, AT]))
NAMES = st.sampled_from(["I1", "I2", "I3"])


def digests(store: dict[Group, int], level: str) -> dict[Group, Digest]:
    found: dict[Group, list[Digest]] = {}
    for group, entries in store.items():
        for number in range(entries):
            one = of_hash(entry_hash(*group, f"I{number}", "1", "official"))
            found.setdefault(levels.cut(group, level), []).append(one)
    return {group: total(items) for group, items in found.items()}


@given(STORES, STORES)
def test_going_down_level_by_level_finds_exactly_the_keys_that_differ(
    ours: dict[Group, int], theirs: dict[Group, int]
) -> None:
    parents, above, phase, level = None, "root", levels.DIGESTS, "root"
    found: dict[Group, tuple[int, int]] = {}
    while phase == levels.DIGESTS:
        found = levels.differing(digests(ours, level), digests(theirs, level), parents, above)
        parents, above = set(found), level
        phase, level = levels.after(level, bool(found))
    unlike = {group for group in ours.keys() | theirs.keys() if ours.get(group, 0) != theirs.get(group, 0)}
    assert set(found) == unlike and phase == (levels.VALUES if unlike else levels.COMPARING)
    assert all(found[group] == (ours.get(group, 0), theirs.get(group, 0)) for group in unlike)


@given(st.dictionaries(NAMES, HELD), st.dictionaries(NAMES, STATED), st.dictionaries(NAMES, CELLS), st.booleans())
def test_every_difference_has_a_class_something_to_do_and_an_owner(
    held: dict[str, Held], stated: dict[str, Stated], approved: dict[str, Cell], settled: bool
) -> None:
    judged = judge(Key(form="F", unit="U", period="2016", held=held, stated=stated, approved=approved, settled=settled))
    assert [item.indicator for item in judged.differences] == sorted({item.indicator for item in judged.differences})
    for item in judged.differences:
        assert item.kind in NEXT_STEPS and item.kind is not Kind.STALE_THERE
        assert owner_of(item.kind, "desk", "focal") == ("desk" if item.kind in OF_ENTRY_DESK else "focal")


@given(st.dictionaries(NAMES, CELLS), st.booleans())
def test_a_source_that_holds_what_it_pushed_differs_in_nothing_but_what_was_approved_otherwise(
    cells: dict[str, Cell], settled: bool
) -> None:
    held = {name: Held(cell, sent=True, by_hand=False, accepted_at=AT) for name, cell in cells.items()}
    stated = {name: Stated((cell,), AT) for name, cell in cells.items()}
    assert {name: counted(cell) for name, cell in held.items()} == cells
    same = Key(form="F", unit="U", period="2016", held=held, stated=stated, approved=cells, settled=settled)
    assert judge(same).differences == [] and not judge(same).pending
    other = {name: Cell("99", "official") for name in cells}
    unlike = judge(Key(form="F", unit="U", period="2016", held=held, stated=stated, approved=other, settled=settled))
    kinds = {item.kind for item in unlike.differences}
    assert kinds <= {Kind.APPROVED_OTHER} and (bool(kinds), unlike.pending) == (
        settled and bool(cells),
        bool(cells) and not settled,
    )
