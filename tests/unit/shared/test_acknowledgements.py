"""Acknowledging many at once never covers a message that is not settled."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.consumer import acknowledgements


@given(st.sets(st.integers(1, 60)), st.data())
def test_exactly_the_settled_tags_are_acknowledged(tags: set[int], data: st.DataObject) -> None:
    outstanding = sorted(tags)
    settled = data.draw(st.sets(st.sampled_from(outstanding))) if outstanding else set()
    together, singly = acknowledgements(outstanding, settled)
    covered = {tag for tag in outstanding if together is not None and tag <= together}
    assert covered.isdisjoint(singly)
    assert covered | set(singly) == settled


def test_a_contiguous_batch_takes_one_acknowledgement() -> None:
    assert acknowledgements([4, 5, 6, 7], [4, 5, 6]) == (6, [])
    assert acknowledgements([4, 5, 6, 7], [5, 6]) == (None, [5, 6])
    assert acknowledgements([4, 5, 6, 7], [4, 6]) == (4, [6])
