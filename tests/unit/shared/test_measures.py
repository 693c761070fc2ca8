"""Measures: found by every spelling, converted exactly there and back, never into another dimension."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.catalogue.entries import Measure
from shared.catalogue.measures import Measures
from shared.errors import Invalid

HA = Measure(id="HA", name="ha", dimension="area", factor="10000", aliases=["hecta", "héc-ta"])
THOUSAND_HA = Measure(id="NGHIN-HA", name="nghìn ha", dimension="area", factor="10000000")
SAO = Measure(id="SAO", name="sào Bắc Bộ", dimension="area", factor="360")
SQUARE_METRE = Measure(id="M2", name="m2", dimension="area", aliases=["m²"])
TON = Measure(id="TAN", name="tấn", dimension="mass", factor="1000")
QUINTAL = Measure(id="TA", name="tạ", dimension="mass", factor="100")
MEASURES = Measures([HA, THOUSAND_HA, SAO, SQUARE_METRE, TON, QUINTAL])


@pytest.mark.parametrize("text", ["nghìn ha", "  Nghìn  HA ", "nghi\u0300n ha", "nghìnha"])
def test_a_measure_is_found_by_every_spelling(text: str) -> None:
    assert MEASURES.find(text) is THOUSAND_HA
    assert MEASURES.are_same(text, "NGHÌN HA")


def test_an_alias_is_the_same_measure() -> None:
    assert MEASURES.are_same("hecta", "ha")
    assert not MEASURES.are_same("ha", "nghìn ha")
    assert MEASURES.find("mẫu") is None


@pytest.mark.parametrize(
    ("value", "source", "target", "result"),
    [
        ("31.3", "nghìn ha", "ha", "31300"),
        ("31300", "ha", "nghìn ha", "31.3"),
        ("12", "tạ", "tấn", "1.2"),
        ("-0.5", "tấn", "tạ", "-5"),
        ("0", "m²", "ha", "0"),
        ("99999999999999999999.9999", "ha", "hecta", "99999999999999999999.9999"),
    ],
)
def test_a_conversion_is_exact(value: str, source: str, target: str, result: str) -> None:
    assert MEASURES.convert(Decimal(value), source, target) == Decimal(result)


def test_what_would_be_rounded_is_refused() -> None:
    with pytest.raises(Invalid, match=r"measures\.inexact"):
        MEASURES.convert(Decimal(1), "m2", "sào Bắc Bộ")
    with pytest.raises(Invalid, match=r"measures\.inexact"):
        MEASURES.convert(Decimal(1), "m2", "nghìn ha")


@pytest.mark.parametrize(("source", "target"), [("ha", "tấn"), ("mẫu", "ha"), ("ha", "công")])
def test_another_dimension_and_an_unknown_measure_are_refused(source: str, target: str) -> None:
    with pytest.raises(Invalid, match=r"measures\.unlike"):
        MEASURES.convert(Decimal(1), source, target)


def test_without_any_measures_only_the_same_spelling_is_the_same() -> None:
    nothing = Measures()
    assert nothing.are_same("Lớp", "lớp")
    with pytest.raises(Invalid):
        nothing.convert(Decimal(1), "lớp", "trường")


# From whole steps of 0.0001, so that what is drawn is never nought and converts exactly.
_factors = st.integers(1, 10**9).map(lambda steps: Decimal(steps).scaleb(-4))
_times = st.integers(-9_999_999, 9_999_999)


@given(_times, _factors, _factors)
def test_there_and_back_is_the_same_value(times: int, one: Decimal, other: Decimal) -> None:
    measures = Measures(
        [
            Measure(id="A", name="a", dimension="d", factor=str(one)),
            Measure(id="B", name="b", dimension="d", factor=str(other)),
        ]
    )
    assert measures.convert(times * other, "a", "b") == times * one
    assert measures.convert(times * one, "b", "a") == times * other
