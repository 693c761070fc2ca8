"""Values as systems and people send them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.submissions.domain.catalogue import Indicator, compile_catalogue
from services.submissions.domain.findings import Finding
from services.submissions.domain.values import JsonFraction, read_value
from services.submissions.testing import bodies
from shared.canonical import decimal_text
from shared.errors import Invalid
from shared.text import nfc, parse_number

CATALOGUE = compile_catalogue(1, bodies())
COUNT, AREA, PERCENT = (CATALOGUE.indicators[code] for code in ("GD01", "NN01.DT", "NN02"))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("3.507,6", "3507.6"),
        ("3507.6", "3507.6"),
        ("3507,6", "3507.6"),
        ("1.234.567", "1234567"),
        (" -12,5 ", "-12.5"),
        ("−12,5", "-12.5"),
        ("0.125", "0.125"),
        ("43.5", "43.5"),
    ],
)
def test_both_ways_of_writing_a_number_are_read(text: str, number: str) -> None:
    assert parse_number(text) == Decimal(number)


def test_three_digits_after_one_dot_are_thousands_by_hand_and_refused_from_a_system() -> None:
    assert parse_number("3.507", by_hand=True) == 3507
    with pytest.raises(Invalid, match="ambiguous"):
        parse_number("3.507")


@pytest.mark.parametrize("text", ["", "12a", "1,234,567", "1.23.456", "1e5", "nan", "--1", "1,5,", "٣", "9" * 80])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parse_number(text)


@given(st.decimals(-(10**12), 10**12, places=4, allow_nan=False))
def test_the_vietnamese_way_of_writing_a_number_comes_back_exactly(number: Decimal) -> None:
    vietnamese = f"{number:,.4f}".replace(",", "_").replace(".", ",").replace("_", ".")
    assert parse_number(vietnamese, by_hand=True) == number


def test_decomposed_text_becomes_composed() -> None:
    assert nfc("lơ\u0301p") == "lớp"


@pytest.mark.parametrize(
    ("indicator", "raw", "nothing", "expected"),
    [
        (COUNT, 5, False, "5"),
        (COUNT, Decimal("12.0"), False, "12"),
        (COUNT, "1.234.000", False, "1234000"),
        (AREA, Decimal("12345678901234567.1234"), False, "12345678901234567.1234"),
        (AREA, None, True, None),
        (AREA, JsonFraction("3507.600"), False, "3507.6"),
        (AREA, JsonFraction("-0.0"), False, "0"),
        (AREA, JsonFraction("3.507"), False, "3.507"),
        (AREA, JsonFraction("5.0e3"), False, "5000"),
        (AREA, JsonFraction("1e-9"), False, "V112"),
        (AREA, JsonFraction("1e999999999"), False, "V112"),
        (COUNT, JsonFraction("12.5"), False, "V113"),
        (COUNT, Decimal("12.5"), False, "V113"),
        (COUNT, True, False, "V110"),
        (COUNT, [1], False, "V110"),
        (COUNT, "năm", False, "V110"),
        (COUNT, None, False, "V109"),
        (COUNT, 5, True, "V109"),
        (AREA, "3.507", False, "V111"),
        (AREA, Decimal("0.00001"), False, "V112"),
        (AREA, Decimal("1E+999999999"), False, "V112"),
        (AREA, Decimal("1E-999999999"), False, "V112"),
        (AREA, Decimal("0E+999999999"), False, "0"),
        (AREA, 10**20, False, "V112"),
        (AREA, 10**300, False, "V112"),
        (PERCENT, -1, False, "V114"),
        (PERCENT, 101, False, "V115"),
    ],
    ids=lambda value: None if isinstance(value, int) and not isinstance(value, bool) else str(value)[:24],
)
def test_a_value_is_taken_exactly_or_refused_by_number(
    indicator: Indicator, raw: object, nothing: bool, expected: str | None
) -> None:
    read = read_value(indicator, raw, nothing)
    assert (read.code if isinstance(read, Finding) else read) == expected


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**19), max_value=10**19, places=4))
def test_a_decimal_value_never_changes(number: Decimal) -> None:
    assert read_value(AREA, number, False) == decimal_text(number)


@given(st.decimals(-(10**19), 10**19, places=4, allow_nan=False) | st.decimals(allow_nan=False, allow_infinity=False))
def test_a_json_fraction_reads_as_its_decimal_does(number: Decimal) -> None:
    as_text, as_decimal = read_value(AREA, JsonFraction(str(number)), False), read_value(AREA, number, False)
    if isinstance(as_text, Finding) or isinstance(as_decimal, Finding):
        assert isinstance(as_text, Finding) and isinstance(as_decimal, Finding)
        assert as_text.code == as_decimal.code
    else:
        assert as_text == as_decimal


@given(
    st.sampled_from([COUNT, AREA, PERCENT]),
    st.integers(-3, 103) | st.integers(-(10**21), 10**21) | st.sampled_from([10**15, 10**15 + 1, 10**20 - 1, 10**20]),
)
def test_a_whole_number_reads_as_its_decimal_does(indicator: Indicator, number: int) -> None:
    as_whole, as_decimal = read_value(indicator, number, False), read_value(indicator, Decimal(number), False)
    codes = [found.code if isinstance(found, Finding) else found for found in (as_whole, as_decimal)]
    assert codes[0] == codes[1]
