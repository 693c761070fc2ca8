"""One spelling for every value."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.canonical import content_hash, decimal_text, encode
from shared.errors import Invalid

DECIMALS = st.decimals(min_value=-(10**20) + 1, max_value=10**20 - 1, places=4)
FIELDS = st.lists(st.none() | st.text(st.characters(codec="utf-8", max_codepoint=0x7F), max_size=5), max_size=5)


@given(DECIMALS)
def test_a_decimals_text_is_the_same_number(value: Decimal) -> None:
    text = decimal_text(value)
    assert Decimal(text) == value
    assert "E" not in text
    assert decimal_text(Decimal(text)) == text


@given(DECIMALS, st.integers(0, 3))
def test_trailing_zeros_do_not_change_the_text(value: Decimal, zeros: int) -> None:
    assert decimal_text(Decimal(f"{value:f}" + "0" * zeros)) == decimal_text(value)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e20", "0.00001", "-1e20"])
def test_what_the_warehouse_cannot_hold_exactly_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        decimal_text(Decimal(text))


def test_negative_zero_is_zero() -> None:
    assert decimal_text(Decimal("-0.00")) == "0"


@given(FIELDS, FIELDS)
def test_only_equal_fields_encode_alike(one: list[str | None], other: list[str | None]) -> None:
    assert (encode(one) == encode(other)) == (one == other)


@given(st.lists(st.tuples(st.text(max_size=3), st.text(max_size=3)), max_size=6))
def test_a_content_hash_does_not_depend_on_the_rows_order(rows: list[tuple[str, str]]) -> None:
    assert content_hash(["h"], rows) == content_hash(["h"], list(reversed(rows)))


def test_rows_do_not_run_into_one_another_nor_into_the_header() -> None:
    hashes = {
        content_hash(["h"], [("a",), ("b",)]),
        content_hash(["h"], [("a", "b")]),
        content_hash(["h", "a"], [("b",)]),
        content_hash(["h"], [("ab",)]),
    }
    assert len(hashes) == 4
