"""Rolling up: each rule by itself, and what holds whatever is reported below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.submissions.domain.aggregation import Lower, Rolled, is_below, roll_up
from services.submissions.domain.catalogue import Catalogue, compile_catalogue
from services.submissions.domain.merge import Pushed
from services.submissions.testing import bodies
from shared.calendar import Period

YEAR = Period.parse("2016")
PARTS = ("GD01.TH", "GD01.THCS", "GD01.THPT")


def compiled(**rules: Mapping[str, Any]) -> Catalogue:
    """Return the catalogue with these indicators of form GD-NAM defined as said."""
    entries = bodies(4)
    for code, rule in rules.items():
        entries["indicator"][code.replace("_", ".")] |= rule
    return compile_catalogue(1, entries)


def lower(
    unit: str, figures: Mapping[str, Any], *, status: str = "official", day: int = 1, period: str = "2016"
) -> Lower:
    given = {code: Pushed(None if value is None else str(value), status) for code, value in figures.items()}
    at = datetime(2016, 12, day, tzinfo=UTC)
    return Lower(f"s-{unit}-{period}", unit, period, "approved", 1, at, given)


def rolled(catalogue: Catalogue, lowers: Sequence[Lower], code: str, periods: Sequence[Period] = (YEAR,)) -> Rolled:
    made = roll_up(catalogue.forms["GD-NAM"], catalogue, "LC", lowers, periods)
    return next(item for item in made if item.indicator == code)


# -- the rules -------------------------------------------------------------------------------------------------------


def test_a_sum_is_exact_and_as_certain_as_its_least_certain_part() -> None:
    lowers = [lower("X0", {"GD02": "0.1"}), lower("X1", {"GD02": "0.2"}, status="estimate")]
    assert rolled(compiled(), lowers, "GD02").value == Pushed("0.3", "estimate")


def test_nothing_occurred_counts_as_nothing_in_a_sum_and_stays_so_where_it_is_all_there_is() -> None:
    lowers = [lower("X0", {"GD02": 5}), lower("X1", {"GD02": None})]
    assert rolled(compiled(), lowers, "GD02").value == Pushed("5", "official")
    assert rolled(compiled(), lowers[1:], "GD02").value == Pushed(None, "official")


def test_only_approved_rounds_count_and_an_indicator_that_nobody_gave_has_no_value() -> None:
    waiting = Lower("s", "X1", "2016", "submitted")
    made = rolled(compiled(), [lower("X0", {"GD01": 1}), waiting], "GD02")
    assert (made.outcome, made.value, made.contributions) == ("nothing", None, ())
    assert rolled(compiled(), [waiting], "GD01").outcome == "nothing"


def test_a_weighted_mean_takes_the_weight_of_the_same_submission_and_says_when_it_is_rounded() -> None:
    catalogue = compiled(GD02={"rollup": "weighted:GD01", "value_type": "decimal"})
    made = rolled(catalogue, [lower("X0", {"GD02": 10, "GD01": 1}), lower("X1", {"GD02": 20, "GD01": 3})], "GD02")
    assert (made.value, made.rounded) == (Pushed("17.5", "official"), False)
    made = rolled(catalogue, [lower("X0", {"GD02": 10, "GD01": 1}), lower("X1", {"GD02": 20, "GD01": 2})], "GD02")
    assert (made.value, made.rounded) == (Pushed("16.6667", "official"), True)


def test_half_a_ten_thousandth_is_rounded_to_even() -> None:
    catalogue = compiled(GD02={"rollup": "weighted:GD01", "value_type": "decimal"})
    for low, high, mean in (("0.0001", "0.0002", "0.0002"), ("0.0002", "0.0003", "0.0002")):
        lowers = [lower("X0", {"GD02": low, "GD01": 1}), lower("X1", {"GD02": high, "GD01": 1})]
        made = rolled(catalogue, lowers, "GD02")
        assert (made.value, made.rounded) == (Pushed(mean, "official"), True)


@pytest.mark.parametrize("weight", [{}, {"GD01": None}, {"GD01": -1}])
def test_a_value_without_a_usable_weight_is_left_out_and_listed(weight: dict[str, Any]) -> None:
    catalogue = compiled(GD02={"rollup": "weighted:GD01"})
    made = rolled(catalogue, [lower("X0", {"GD02": 10, "GD01": 4}), lower("X1", {"GD02": 99, **weight})], "GD02")
    assert made.value == Pushed("10", "official")
    assert [(item.unit, item.used, item.note) for item in made.contributions] == [
        ("X0", True, None),
        ("X1", False, "no_weight"),
    ]


def test_weights_of_nothing_make_no_mean() -> None:
    catalogue = compiled(GD02={"rollup": "weighted:GD01"})
    made = rolled(catalogue, [lower("X0", {"GD02": 10, "GD01": 0})], "GD02")
    assert (made.outcome, made.value, made.contributions[0].note) == ("nothing", None, "no_weight")


def test_last_is_the_value_approved_last_and_the_others_are_seen_but_not_used() -> None:
    catalogue = compiled(GD02={"rollup": "last"})
    made = rolled(catalogue, [lower("X0", {"GD02": 7}, day=9), lower("X1", {"GD02": 8}, day=3)], "GD02")
    assert made.value == Pushed("7", "official")
    assert [item.used for item in made.contributions] == [True, False]


def test_what_is_not_additive_is_never_summed_and_what_is_derived_is_left_to_its_formula() -> None:
    made = rolled(compiled(GD02={"rollup": "none"}), [lower("X0", {"GD02": 7})], "GD02")
    assert (made.outcome, made.value, [item.note for item in made.contributions]) == (
        "not_additive",
        None,
        ["not_additive"],
    )
    assert rolled(compiled(GD02={"formula": "GD01 * 2"}), [lower("X0", {"GD02": 7})], "GD02").outcome == "derived"


def test_a_sum_that_the_warehouse_cannot_hold_is_told() -> None:
    lowers = [lower(f"X{n}", {"GD02": "9" * 20}) for n in range(2)]
    assert (rolled(compiled(), lowers, "GD02").outcome, rolled(compiled(), lowers, "GD02").value) == ("too_large", None)


# -- over time -------------------------------------------------------------------------------------------------------

MONTHS = tuple(Period.parse(f"2016-0{month}") for month in (1, 2, 3))


def monthly(values: Sequence[Any], unit: str = "LC") -> list[Lower]:
    return [lower(unit, {"GD02": value}, period=str(month)) for month, value in zip(MONTHS, values, strict=False)]


def test_flows_are_summed_over_time_and_stocks_take_the_last_period() -> None:
    flow, stock = compiled(GD02={"over_time": "sum"}), compiled(GD02={"over_time": "last"})
    assert rolled(flow, monthly([1, 2, 4]), "GD02", MONTHS).value == Pushed("7", "official")
    assert rolled(stock, monthly([1, 2, 4]), "GD02", MONTHS).value == Pushed("4", "official")
    assert rolled(stock, monthly([1, 2]), "GD02", MONTHS).outcome == "nothing"
    assert rolled(compiled(), monthly([1, 2, 4]), "GD02", MONTHS).outcome == "not_additive"


def test_stocks_of_several_units_are_the_sum_of_their_last_ones() -> None:
    lowers = [*monthly([1, 2, 4], "X0"), *monthly([10, 20, 40], "X1")]
    assert rolled(compiled(GD02={"over_time": "last"}), lowers, "GD02", MONTHS).value == Pushed("44", "official")
    assert rolled(compiled(GD02={"over_time": "sum"}), lowers, "GD02", MONTHS).value == Pushed("77", "official")


def test_units_below_are_those_of_the_period_and_the_units_own_shorter_periods() -> None:
    entries = bodies(0)
    entries["unit"]["X-CU"]["parent"] = entries["unit"]["X-MOI"]["parent"] = "LC"
    catalogue = compile_catalogue(1, entries)
    before, after = Period.parse("2024"), Period.parse("2025")
    assert is_below("X-CU", "LC", before, before, catalogue)
    assert not is_below("X-CU", "LC", after, after, catalogue)
    assert is_below("X-MOI", "LC", after, after, catalogue)
    assert is_below("LC", "LC", Period.parse("2025-01"), after, catalogue)
    assert not is_below("LC", "LC", after, after, catalogue)


# -- what always holds -----------------------------------------------------------------------------------------------

_counts = st.one_of(st.none(), st.integers(0, 10**12))
_amounts = st.decimals(-(10**9), 10**9, places=4)


@st.composite
def whole_submissions(draw: st.DrawFn) -> list[Lower]:
    """Submissions below whose totals are the sums of their parts."""
    lowers = []
    for number in range(draw(st.integers(1, 6))):
        parts = {code: draw(_counts) for code in PARTS}
        occurred = [value for value in parts.values() if value is not None]
        lowers.append(lower(f"X{number}", {**parts, "GD01": sum(occurred) if occurred else None}))
    return lowers


@given(whole_submissions())
def test_parts_roll_up_to_totals(lowers: list[Lower]) -> None:
    values = {code: rolled(compiled(), lowers, code).value for code in (*PARTS, "GD01")}
    numbers = {code: Decimal(value.value) for code, value in values.items() if value and value.value is not None}
    assert sum((numbers.get(code, Decimal(0)) for code in PARTS), Decimal(0)) == numbers.get("GD01", Decimal(0))
    assert ("GD01" in numbers) == any(code in numbers for code in PARTS)


@given(st.lists(st.tuples(_amounts, st.integers(0, 10**6)), min_size=1, max_size=6), st.randoms())
def test_the_order_of_submissions_does_not_matter(pairs: list[tuple[Decimal, int]], random: Any) -> None:
    catalogue = compiled(GD02={"rollup": "weighted:GD01", "value_type": "decimal"})
    lowers = [lower(f"X{n}", {"GD02": value, "GD01": weight}) for n, (value, weight) in enumerate(pairs)]
    shuffled = list(lowers)
    random.shuffle(shuffled)
    form = catalogue.forms["GD-NAM"]
    assert roll_up(form, catalogue, "LC", lowers, (YEAR,)) == roll_up(form, catalogue, "LC", shuffled, (YEAR,))


@given(st.lists(_amounts, min_size=1, max_size=6), _amounts)
def test_one_more_submission_adds_exactly_what_it_contributes(values: list[Decimal], added: Decimal) -> None:
    lowers = [lower(f"X{n}", {"GD02": value}) for n, value in enumerate(values)]
    more = [*lowers, lower("X9", {"GD02": added})]
    before, after = rolled(compiled(), lowers, "GD02"), rolled(compiled(), more, "GD02")
    assert before.value is not None
    assert after.value is not None
    assert Decimal(after.value.value or 0) == Decimal(before.value.value or 0) + added
    assert after.contributions[:-1] == before.contributions


@given(st.lists(st.tuples(_amounts, st.integers(1, 10**6)), min_size=1, max_size=6))
def test_a_weighted_mean_lies_between_its_values_within_its_rounding(pairs: list[tuple[Decimal, int]]) -> None:
    catalogue = compiled(GD02={"rollup": "weighted:GD01", "value_type": "decimal"})
    made = rolled(catalogue, [lower(f"X{n}", {"GD02": v, "GD01": w}) for n, (v, w) in enumerate(pairs)], "GD02")
    exact = sum((Fraction(v) * w for v, w in pairs), Fraction(0)) / sum(w for _v, w in pairs)
    assert made.value is not None
    off = abs(Fraction(made.value.value or "") - exact)
    assert off <= Fraction(1, 20_000)
    assert made.rounded == (off != 0)
