"""Formulas: what they compute, where they have no value, how errors are placed."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.catalogue.formulas import MAX_DEPTH, MAX_LENGTH, order, parse
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


_numbers = st.integers(0, 9_999).map(str)
_codes = st.sampled_from(["A", "B.X", "C1"])
_expressions = st.recursive(
    _numbers | _codes,
    lambda inner: (
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda parts: f"({parts[0]} {parts[1]} {parts[2]})")
        | inner.map(lambda text: f"-{text}")
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
    scope = {name.replace(".", "_"): Fraction(value) for name, value in names.items()}
    try:
        tree = compile(_fractional(python), "<formula>", "eval")
        return Fraction(eval(tree, {"F": Fraction, **scope}))  # noqa: S307 (the test's own text, as a second opinion)
    except ZeroDivisionError:
        return None


def _fractional(python: str) -> str:
    return re.sub(r"(?<![A-Za-z_\d])(\d+)", r"F(\1)", python)
