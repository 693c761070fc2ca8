"""Counts of obligations add up along the tree of units, each obligation once."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from services.submissions.domain.catalogue import compile_catalogue
from services.submissions.domain.completeness import TALLIES, Count, add_up
from services.submissions.testing import bodies

PARENTS = {"H1": "LC", "H2": "LC", "X1": "H1", "X2": "H1", "X3": "H2"}
"""A province, districts and communes; X2 moved from H1 to H2 on 2025-07-01."""


def _bodies() -> dict[str, dict[str, dict[str, object]]]:
    entries = bodies(0)
    units: dict[str, dict[str, object]] = {"LC": {"name": "Lai Châu", "kind": "province"}}
    for unit, parent in PARENTS.items():
        units[unit] = {"name": unit, "kind": "commune", "parent": parent}
    moved = [{"parent": "H1", "valid_to": "2025-07-01"}, {"parent": "H2", "valid_from": "2025-07-01"}]
    units["X2"] |= {"parent": "H2", "parents": moved}
    return {**entries, "unit": units}


CATALOGUE = compile_catalogue(1, _bodies())


def count(unit: str, period: str, expected: int = 1, actual: int = 0, on_time: int = 0) -> Count:
    return Count(
        key=unit,
        unit=unit,
        period=period,
        expected=expected,
        actual=actual,
        on_time=on_time,
        late=actual - on_time,
        overdue=0,
        approved=0,
        waived=0,
    )


COUNTS = st.lists(
    st.builds(
        lambda unit, period, sizes: count(unit, period, *sorted(sizes, reverse=True)),
        st.sampled_from(["LC", *PARENTS]),
        st.sampled_from(["2024", "2025"]),
        st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)),
    ),
    max_size=20,
)


@given(COUNTS)
def test_the_provinces_numbers_are_those_of_all_below(counts: Sequence[Count]) -> None:
    found = add_up(counts, "unit", None, CATALOGUE)
    for tally in TALLIES:
        assert getattr(found.total, tally) == sum(getattr(item, tally) for item in counts)
        if counts:
            province = next(row for row in found.rows if row.key == "LC")
            assert getattr(province, tally) == getattr(found.total, tally)
    for row in found.rows:
        assert row.missing == row.expected - row.actual
        assert row.on_time + row.late == row.actual


@given(COUNTS, st.sampled_from(["H1", "H2", "X2"]))
def test_what_lies_under_a_unit_is_its_own_row(counts: Sequence[Count], under: str) -> None:
    whole = {row.key: row for row in add_up(counts, "unit", None, CATALOGUE).rows}
    branch = add_up(counts, "unit", under, CATALOGUE)
    rows = {row.key: row for row in branch.rows}
    assert "LC" not in rows
    assert rows.get(under) == whole.get(under)
    if under in rows:
        assert branch.total.expected == rows[under].expected


def test_a_unit_that_moved_counts_where_it_stood_in_the_period() -> None:
    counts = [count("X2", "2024", 1, 1, 1), count("X2", "2025", 1, 1, 0), count("X3", "2025", 2)]
    rows = {row.key: row for row in add_up(counts, "unit", None, CATALOGUE).rows}
    assert {key: row.expected for key, row in rows.items()} == {"LC": 4, "H1": 1, "H2": 3, "X2": 2, "X3": 2}
    assert (rows["H1"].timeliness, rows["H2"].timeliness, rows["H2"].completeness) == ("100.0", "0.0", "33.3")


def test_where_nothing_is_expected_there_is_no_rate() -> None:
    nothing = add_up([count("X1", "2024", 0)], "unit", None, CATALOGUE).total
    assert (nothing.expected, nothing.completeness, nothing.timeliness) == (0, None, None)
