"""The grid of comparisons: what it looks at, through the reform of 1 July 2025, and what its cells say."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

import catalogue
from services.indicators.domain.adding_up import Found, Segment, YearRow, found_in, spread, with_parts
from services.indicators.domain.catalogue import Catalogue, accept
from services.indicators.domain.comparing import Slot, Summing, looked_at, per_cent, row_of, sources
from services.indicators.domain.derivations import Rules
from services.indicators.domain.moments import moment
from shared.calendar import Period
from shared.catalogue.entries import Definition
from shared.catalogue.organisation import Organisation
from shared.catalogue.units import Succession, Unit
from shared.contracts.views.warehouse import GridCell
from shared.errors import Invalid

DOAN_KET = "LC-X03388-2025"
OLD = ["LC-X03386-2004", "LC-X03388-2004", "LC-X03389-2004"]
FLOW = Definition(measure="tấn", value_type="decimal", decimals=1, rollup="sum", over_time="sum")
STOCK = Definition(measure="người", value_type="integer", rollup="sum", over_time="last")


@pytest.fixture(scope="module")
def organisation() -> Organisation:
    return Rules(Catalogue.of(accept({}, catalogue.read()))).organisation


def _value(text: str, incomplete: bool = False) -> GridCell:
    return GridCell(value=text, state="value", basis="own", incomplete=incomplete)


def test_a_month_looks_at_the_month_before_and_at_both_years_since_january() -> None:
    looks = looked_at(Period("month", 2026, 2))
    assert {str(period): slots for period, slots in looks.items()} == {
        "2026-02": Slot.THIS | Slot.SINCE_JANUARY,
        "2026-01": Slot.LAST | Slot.SINCE_JANUARY,
        "2025-02": Slot.SAME | Slot.SINCE_JANUARY_LAST_YEAR,
        "2025-01": Slot.SINCE_JANUARY_LAST_YEAR,
    }
    assert looked_at(Period("month", 2026, 1))[Period("month", 2025, 12)] == Slot.LAST


def test_a_merged_unit_is_compared_with_those_it_was_made_of(organisation: Organisation) -> None:
    asked = sources(organisation, [DOAN_KET], Period("month", 2025, 8))
    first_half, until_august = 0b111111, 0b11111111
    (of_2024,), (of_2025,) = asked.segments[DOAN_KET, 2024], asked.segments[DOAN_KET, 2025]
    assert (of_2024.periods, of_2025.periods) == (until_august, first_half)
    assert of_2024.parts == of_2025.parts
    units = {unit for unit, _ in of_2024.parts}
    assert set(OLD) < units and len(units) == 5
    assert asked.years == {(unit, year) for unit in units | {DOAN_KET} for year in (2024, 2025)}
    assert asked.estimated == frozenset()


def test_an_untouched_unit_is_compared_with_itself(organisation: Organisation) -> None:
    asked = sources(organisation, ["LC-X03451-2004"], Period("month", 2025, 8))
    assert asked.years == {("LC-X03451-2004", 2024), ("LC-X03451-2004", 2025)}


def test_shares_of_a_split_unit_make_an_estimate() -> None:
    whole = Unit(
        id="A",
        name="A",
        kind="commune",
        valid_to="2025-07-01",  # type: ignore[arg-type] # converted below
        successors=[],
    )
    day = Period("month", 2025, 7).start
    whole = Unit(
        id="A",
        name="A",
        kind="commune",
        valid_to=day,
        successors=[
            Succession(id="B", how="split", on=day, share="0.3"),
            Succession(id="C", how="split", on=day, share="0.7"),
        ],
    )
    parts = [Unit(id=name, name=name, kind="commune", valid_from=day) for name in "BC"]
    asked = sources(Organisation([whole, *parts]), ["B"], Period("month", 2026, 1))
    assert ("B", Slot.SAME) in asked.estimated
    assert ("B", Slot.THIS) not in asked.estimated
    found = {Slot.SAME: Found(1, 1, 1, Decimal("33.35"))}
    cell = row_of(found, FLOW, Period("month", 2026, 1), frozenset({Slot.SAME})).cells[Slot.SAME]
    assert cell == GridCell(value="33.4", state="value", basis="predecessors_estimated")


def test_the_columns_of_a_flow() -> None:
    found = {
        Slot.THIS: Found(1, 1, 0, Decimal("30")),
        Slot.LAST: Found(1, 1, 0, Decimal("40")),
        Slot.SAME: Found(1, 1, 1, Decimal("24.0")),
        Slot.SINCE_JANUARY: Found(2, 2, 0, Decimal("70")),
        Slot.SINCE_JANUARY_LAST_YEAR: Found(2, 2, 2, Decimal("56")),
    }
    row = row_of(found, FLOW, Period("month", 2026, 2))
    assert (row.against_last, row.against_same, row.against_last_year) == ("75", "125", "125")
    assert row.cells[Slot.SAME] == GridCell(value="24", state="value", basis="predecessors")


def test_missing_and_nothing_occurred_are_told_apart_and_neither_is_compared() -> None:
    found = {Slot.THIS: Found(1, 0, 0, None), Slot.LAST: Found(1, 1, 0, Decimal("4"))}
    row = row_of(found, FLOW, Period("month", 2026, 1))
    states = {slot: cell.state for slot, cell in row.cells.items() if cell is not None}
    assert (states[Slot.THIS], states[Slot.LAST], states[Slot.SAME]) == ("nothing_occurred", "value", "missing")
    assert (row.against_last, row.against_same) == (None, None)


def test_a_sum_since_january_over_a_missing_month_is_incomplete_and_not_compared() -> None:
    found = {
        Slot.SINCE_JANUARY: Found(2, 2, 0, Decimal("70")),
        Slot.SINCE_JANUARY_LAST_YEAR: Found(3, 3, 0, Decimal("56")),
    }
    row = row_of(found, FLOW, Period("month", 2026, 3))
    assert row.cells[Slot.SINCE_JANUARY] == _value("70", incomplete=True)
    assert row.against_last_year is None


def test_a_stock_has_no_cumulative_columns() -> None:
    found = {slot: Found(1, 1, 1, Decimal("5")) for slot in (Slot.SAME, Slot.SINCE_JANUARY)}
    stock = row_of(found, STOCK, Period("month", 2026, 3)).cells
    assert stock[Slot.SINCE_JANUARY] is None
    assert stock[Slot.SAME] == GridCell(value="5", state="value", basis="predecessors")


@pytest.mark.parametrize(
    ("part", "whole", "told"),
    [("1", "3", "33.3"), ("2", "3", "66.7"), ("0.25", "1000", "0"), ("0.75", "1000", "0.1"), ("-1", "2", "-50")],
)
def test_comparisons_are_rounded_half_to_even_to_one_place(part: str, whole: str, told: str) -> None:
    assert per_cent(_value(part), _value(whole)) == told


def test_nothing_is_compared_with_zero() -> None:
    assert per_cent(_value("1"), _value("0")) is None


def test_the_sum_of_units_is_incomplete_where_one_lacks_a_figure() -> None:
    period = Period("month", 2026, 1)
    rows = [
        row_of({Slot.THIS: Found(1, 1, 0, Decimal("2.5"))}, FLOW, period),
        row_of({Slot.THIS: Found(1, 0, 0, None)}, FLOW, period),
    ]
    assert Summing(rows).row().cells[Slot.THIS] == GridCell(value="2.5", state="value", basis="units_below")
    lacking = Summing([*rows, row_of({}, FLOW, period)]).row()
    assert lacking.cells[Slot.THIS] == GridCell(value="2.5", state="value", basis="units_below", incomplete=True)


_decimals = st.decimals(min_value=-(10**9), max_value=10**9, places=4)


@given(st.lists(_decimals, min_size=1, max_size=8))
def test_the_sum_of_units_is_exact(values: list[Decimal]) -> None:
    period = Period("month", 2026, 1)
    rows = [row_of({Slot.THIS: Found(1, 1, 0, value)}, FLOW, period) for value in values]
    cell = Summing(rows).row().cells[Slot.THIS]
    assert cell is not None
    assert Decimal(cell.value or "") == sum(values)


def test_a_day_means_its_end_in_vietnam() -> None:
    told = moment("2026-03-01")
    assert not isinstance(told, int)
    assert told.isoformat() == "2026-03-02T00:00:00+07:00"
    assert moment("12") == moment(12) == 12
    assert moment("2026-03-01T10:00:00+07:00") == moment("2026-03-01T03:00:00Z")


@pytest.mark.parametrize("text", ["", "x", "2026-02-30", "2026-03-01T10:00:00", "-1", "9" * 30, "9999-12-31", "１２"])
def test_a_moment_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="bad_as_of"):
        moment(text)


_MONTH = st.one_of(st.none(), st.just("nothing"), st.integers(-9_000_000, 9_000_000))
_YEAR = st.lists(_MONTH, min_size=12, max_size=12)


def _year_of(months: list[object]) -> YearRow:
    present = sum(1 << number for number, value in enumerate(months) if value is not None)
    occurred = sum(1 << number for number, value in enumerate(months) if isinstance(value, int))
    return YearRow(present, occurred, spread(occurred, [value for value in months if isinstance(value, int)], 12))


@given(_YEAR, st.lists(_YEAR, min_size=1, max_size=3), st.integers(0, 11), st.integers(0, 11))
def test_a_year_with_those_before_it_is_what_adding_up_month_by_month_gives(
    own: list[object], before: list[list[object]], one: int, other: int
) -> None:
    names = [f"P{number}" for number in range(len(before))]
    reform = 6  # the others stood until June
    segment = Segment((1 << reform) - 1, tuple((name, Decimal(1)) for name in names))
    rows = {
        name: _year_of(months) for name, months in zip(names, before, strict=True) if any(m is not None for m in months)
    }
    row = with_parts(_year_of(own) if any(m is not None for m in own) else None, [segment], rows, 12)
    first, last = sorted((one, other))
    periods = occurred = inherited = total = 0
    for number in range(first, last + 1):
        parts = [months[number] for months in before]
        if own[number] is not None:
            told = [own[number]]
        elif number < reform and all(part is not None for part in parts):
            told, inherited = parts, inherited + 1
        else:
            continue
        amounts = [value for value in told if isinstance(value, int)]
        periods, occurred, total = periods + 1, occurred + bool(amounts), total + sum(amounts)
    mask = ((1 << (last + 1)) - 1) & ~((1 << first) - 1)
    found = Found() if row is None else found_in(row, mask)
    assert found == Found(periods, occurred, inherited, Decimal(total).scaleb(-4) if occurred else None)
