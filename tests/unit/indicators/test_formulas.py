"""Formulas: what they compute, where they have no value, how errors are placed."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.calendar import Period
from shared.catalogue.formulas import MAX_DEPTH, MAX_LENGTH, order, parse, parse_rule
from shared.catalogue.looks import Input, Look, look_back, needed, periods_after, periods_before
from shared.errors import Invalid


def test_yield_of_paddy_2016_is_43_5() -> None:
    formula = parse("NN01.SL / NN01.DT * 10")
    assert formula.codes == {"NN01.SL", "NN01.DT"}
    assert formula.evaluate({"NN01.SL": Decimal("136.1"), "NN01.DT": Decimal("31.3")}, 1) == Decimal("43.5")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3", "7"),
        ("(1 + 2) * 3", "9"),
        ("8 - 3 - 2", "3"),
        ("8 / 4 / 2", "1"),
        ("-(2 - 5) * -1.5", "-4.5"),
        ("--2", "2"),
        ("  1+1  ", "2"),
        ("1 / 3", "0.3333"),
    ],
)
def test_precedence_and_association_are_those_of_arithmetic(text: str, value: str) -> None:
    assert parse(text).evaluate({}) == Decimal(value)


def test_rounding_is_half_to_even_and_happens_once() -> None:
    assert parse("A").evaluate({"A": Decimal("0.25")}, 1) == Decimal("0.2")
    assert parse("A").evaluate({"A": Decimal("0.35")}, 1) == Decimal("0.4")
    assert parse("A").evaluate({"A": Decimal("0.2451")}, 1) == Decimal("0.2")  # by way of 0.25 it would be 0.2, too
    assert parse("A / 3 * 3").evaluate({"A": Decimal(1)}, 4) == Decimal(1)


def test_no_value_without_inputs_or_by_zero_or_beyond_the_warehouse() -> None:
    assert parse("A / B").evaluate({"A": Decimal(1)}) is None
    assert parse("A / B").evaluate({"A": Decimal(1), "B": None}) is None
    assert parse("A / (B - B)").evaluate({"A": Decimal(1), "B": Decimal(5)}) is None
    assert parse("A * A").evaluate({"A": Decimal(10) ** 19}) is None


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("", 1),
        ("A +", 4),
        ("A + * B", 5),
        ("(A", 3),
        ("A)", 2),
        ("A B", 3),
        ("A + ?", 5),
        ("1.2.3", 1),
        ("__import__('os')", 1),
        ("A ** B", 4),
        ("f(A)", 1),
        ("2 * last(A + B)", 12),
        ("last(2)", 6),
        ("growth_same(last(A))", 13),
        ("cumulative()", 12),
        ("last(A", 7),
        ("ratio(A)", 8),
        ("ratio(A, B, C)", 11),
        ("wmean(A, B, C)", 14),
        ("A, B", 2),
        ("A <= B", 3),
    ],
)
def test_an_error_names_its_column(text: str, column: int) -> None:
    with pytest.raises(Invalid) as caught:
        parse(text)
    assert caught.value.code == "indicators.formula_invalid"
    assert caught.value.context["column"] == column


def test_long_and_deep_formulas_are_refused() -> None:
    for text in ("1+" * MAX_LENGTH + "1", "(" * (MAX_DEPTH + 2) + "1" + ")" * (MAX_DEPTH + 2), "-" * 100 + "1"):
        with pytest.raises(Invalid):
            parse(text)


def test_order_puts_inputs_first_and_a_cycle_is_named() -> None:
    formulas = {code: parse(text) for code, text in {"C": "B + 1", "B": "A * 2", "D": "C + B"}.items()}
    assert order(formulas) == ("B", "C", "D")
    with pytest.raises(Invalid) as caught:
        order({"A": parse("B"), "B": parse("C + 1"), "C": parse("A")})
    assert caught.value.code == "indicators.formula_cycle"
    cycle = caught.value.context["cycle"]
    assert isinstance(cycle, list)
    assert set(cycle) == {"A", "B", "C"}


def test_a_look_at_an_earlier_period_makes_no_cycle_but_a_sum_up_to_the_period_does() -> None:
    assert order({"A": parse("last(A) + B"), "B": parse("growth_same(C) * same(A)"), "C": parse("last(B)")}) == (
        "C",
        "B",
        "A",
    )
    for circle in ({"A": parse("cumulative(A)")}, {"A": parse("growth_last(B)"), "B": parse("cumulative(A)")}):
        with pytest.raises(Invalid, match="formula_cycle"):
            order(circle)


def test_a_formula_tells_what_it_needs_and_of_which_periods() -> None:
    formula = parse("growth_last(A) + same(B) - cumulative(C) * D")
    assert formula.inputs == {
        Input("A"),
        Input("A", Look.LAST),
        Input("B", Look.SAME),
        Input("C", Look.CUMULATIVE),
        Input("D"),
    }
    assert formula.codes == {"A", "B", "C", "D"}
    assert formula.current == {"A", "C", "D"}
    assert needed(formula.past, Period.parse("2026-03")) == {
        ("A", Period.parse("2026-02")),
        ("B", Period.parse("2025-03")),
        ("C", Period.parse("2026-01")),
        ("C", Period.parse("2026-02")),
    }


MARCH = Period.parse("2026-03")
HELD = {
    ("A", Period.parse("2026-02")): Decimal(80),
    ("A", Period.parse("2026-01")): Decimal(50),
    ("A", Period.parse("2025-03")): Decimal(200),
    ("N", Period.parse("2026-02")): None,
    ("N", Period.parse("2026-01")): Decimal(7),
    ("Z", Period.parse("2026-02")): Decimal(0),
    ("Z", Period.parse("2025-03")): Decimal(-4),
    ("E", Period.parse("2026-02")): None,
    ("E", Period.parse("2026-01")): None,
    ("G", Period.parse("2026-02")): Decimal(3),  # of January there is nothing
}
VALUES = {"A": Decimal(100), "B": Decimal(30), "C": Decimal(10), "N": Decimal(5), "Z": Decimal(1), "E": None, "G": None}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("last(A)", "80"),
        ("same(A)", "200"),
        ("growth_last(A)", "25"),
        ("growth_same(A)", "-50"),
        ("cumulative(A)", "230"),
        ("cumulative(N)", "12"),
        ("cumulative(E)", None),
        ("cumulative(G)", None),
        ("last(N)", None),
        ("growth_last(N)", None),
        ("growth_last(Z)", None),
        ("growth_same(Z)", None),
        ("ratio(B, A)", "30"),
        ("ratio(A + B, C * 2)", "650"),
        ("ratio(A, C - 10)", None),
        ("wmean(A, B, B, C)", "82.5"),
        ("wmean(A, C, B, 0 - C)", None),
        ("wmean(A, 1, E, 1)", None),
        ("ratio(last(A), cumulative(A)) * 2 - same(A)", "-130.4348"),
    ],
)
def test_functions_mean_what_the_documentation_says(text: str, value: str | None) -> None:
    formula = parse(text)
    found = formula.evaluate(VALUES, earlier=look_back(formula.past, MARCH, HELD))
    assert found == (None if value is None else Decimal(value))


def test_in_january_the_sum_of_the_year_is_the_month_itself() -> None:
    january, formula = Period.parse("2026-01"), parse("cumulative(A)")
    assert formula.evaluate(VALUES, earlier=look_back(formula.past, january, {})) == Decimal(100)


_kinds = st.sampled_from(["year", "nine_months", "half", "quarter", "month", "day"])
_periods = st.builds(Period.of, _kinds, st.dates(date(2000, 1, 1), date(2030, 12, 31)))


@settings(deadline=None)
@given(_periods, st.sampled_from(list(Look)))
@example(Period.parse("2024-02-29"), Look.SAME)
@example(Period.parse("2023-02-28"), Look.SAME)
@example(Period.parse("2024-12-31"), Look.SAME)
def test_looking_back_and_being_looked_back_at_are_the_same_relation(period: Period, look: Look) -> None:
    assert all(period in periods_after(look, before) for before in periods_before(look, period))
    assert all(period in periods_before(look, after) for after in periods_after(look, period))
    assert all(before.start < period.start for before in periods_before(look, period))


_months = st.builds(Period, st.just("month"), st.integers(2000, 2030), st.integers(1, 12))


@given(_months, st.lists(st.none() | st.integers(-50, 50).map(Decimal), min_size=12, max_size=12))
def test_the_sum_of_the_year_adds_what_occurred_in_each_month(period: Period, months: list[Decimal | None]) -> None:
    held = {("A", before): months[before.number - 1] for before in periods_before(Look.CUMULATIVE, period)}
    formula = parse("cumulative(A)")
    now = months[period.number - 1]
    found = formula.evaluate({"A": now}, earlier=look_back(formula.past, period, held))
    occurred = [value for value in months[: period.number] if value is not None]
    assert found == (sum(occurred) if occurred else None)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("A <= B", False),
        ("A >= B", True),
        ("A > B + 70", False),
        ("A < B * 4", True),
        ("A = B + 70", True),
        ("A <> B + 70", False),
        ("A / 3 * 3 = A", True),
        ("A <= last(A) * 2", True),
        ("A <= B / (C - 10)", None),
        ("A <= E", None),
        ("A <= X", None),
    ],
)
def test_a_rule_compares_two_formulas_where_both_have_a_value(text: str, kept: bool | None) -> None:
    rule = parse_rule(text)
    assert rule.holds(VALUES, look_back(rule.inputs, MARCH, HELD)) is kept


def test_a_rule_overlooks_what_lies_within_its_tolerance() -> None:
    half = Decimal("0.5")
    values = {"A": Decimal("10.5"), "B": Decimal(10)}
    for text in ("A = B", "A <= B", "B >= A", "A < B + 0.1", "B > A - 0.1"):
        assert not parse_rule(text).holds(values)
        assert parse_rule(text).holds(values, tolerance=half)
    assert parse_rule("A <> B").holds(values)
    assert not parse_rule("A <> B").holds(values, tolerance=half)
    assert not parse_rule("A <= B - 0.1").holds(values, tolerance=half)


@pytest.mark.parametrize(("text", "column"), [("A + B", 6), ("A < B < C", 7), ("<= A", 1), ("A <=", 5), ("(A < B)", 4)])
def test_an_error_in_a_rule_names_its_column(text: str, column: int) -> None:
    with pytest.raises(Invalid) as caught:
        parse_rule(text)
    assert caught.value.context["column"] == column


_numbers = st.integers(0, 9_999).map(str)
_codes = st.sampled_from(["A", "B.X", "C1"])
_expressions = st.recursive(
    _numbers | _codes,
    lambda inner: (
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda parts: f"({parts[0]} {parts[1]} {parts[2]})")
        | inner.map(lambda text: f"-{text}")
        | st.tuples(inner, inner).map(lambda parts: f"ratio({parts[0]}, {parts[1]})")
        | st.lists(st.tuples(inner, inner), min_size=1, max_size=3).map(
            lambda pairs: f"wmean({', '.join(text for pair in pairs for text in pair)})"
        )
    ),
    max_leaves=12,
)


@given(_expressions, st.integers(-999, 999), st.integers(-999, 999), st.integers(-999, 999))
def test_formulas_agree_with_exact_fractions(text: str, a: int, b: int, c: int) -> None:
    names = {"A": a, "B.X": b, "C1": c}
    expected = _fraction(text, names)
    found = parse(text).evaluate({code: Decimal(value) for code, value in names.items()})
    if expected is None:
        assert found is None
    elif abs(expected) < 10**20 - 1:
        assert found is not None
        assert abs(Fraction(found) - expected) <= Fraction(1, 20_000)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused_as_invalid(text: str) -> None:
    try:
        parse(text)
    except Invalid as error:
        assert isinstance(error.context["column"], int)


def _fraction(text: str, names: dict[str, int]) -> Fraction | None:
    python = text.replace("B.X", "B_X")
    scope: dict[str, object] = {name.replace(".", "_"): Fraction(value) for name, value in names.items()}
    scope |= {"ratio": lambda part, whole: part / whole * 100, "wmean": _weighted}
    try:
        tree = compile(_fractional(python), "<formula>", "eval")
        return Fraction(eval(tree, {"F": Fraction, **scope}))  # noqa: S307 (the test's own text, as a second opinion)
    except ZeroDivisionError:
        return None


def _weighted(*given: Fraction) -> Fraction:
    weights = given[1::2]
    return sum((value * weight for value, weight in zip(given[::2], weights, strict=True)), Fraction(0)) / sum(weights)


def _fractional(python: str) -> str:
    return re.sub(r"(?<![A-Za-z_\d])(\d+)", r"F(\1)", python)
