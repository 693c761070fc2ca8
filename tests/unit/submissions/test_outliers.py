"""Outliers: known answers, the same scores by the library's exact arithmetic, and no threshold decided by rounding."""

from __future__ import annotations

import statistics
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from services.submissions.domain.validation import outliers
from services.submissions.domain.validation.draft import rounded
from services.submissions.domain.validation.outliers import History

_values = st.decimals(-10_000_000, 10_000_000, places=4)
_histories = st.lists(_values, min_size=outliers.Z_POINTS, max_size=20)


def _decimals(*values: object) -> list[Decimal]:
    return [Decimal(str(value)) for value in values]


def test_the_spectrometers_outlier_is_found_by_the_modified_score() -> None:
    # Mass spectrometer measurements on a uranium isotope (Tietjen and Moore 1972; NIST/SEMATECH e-Handbook 1.3.5.17.1),
    # of which 245.57 is the outlier: median 200.82, MAD 1.13 of the others.
    history = _decimals(199.31, 199.53, 200.19, 200.82, 201.92, 201.95, 202.18)
    found = History(history).modified_z_score(Decimal("245.57"))
    assert found == ("26.71", "200.82", "1.13")
    assert History(history).modified_z_score(Decimal("202.5")) is None


def test_exactly_three_deviations_are_no_outlier_and_a_ten_thousandth_more_is() -> None:
    history = _decimals(7, 7, 13, 13, 10, 10, 10, 10, 10, 10)  # squares 36 over n-1 = 9: s is 2
    assert History(history).z_score(Decimal(16)) is None
    assert History(history).z_score(Decimal("16.0001")) == ("3", "10", "2")
    assert History(history).z_score(Decimal("3.9999")) == ("3", "10", "2")


def test_a_few_values_or_values_that_do_not_vary_have_no_score() -> None:
    same = [Decimal(5)] * 12
    assert History(same).z_score(Decimal(500)) is None
    assert History(same).modified_z_score(Decimal(500)) is None
    assert History(_decimals(1, 2, 3, 4, 5, 6, 7)).z_score(Decimal(500)) is None
    assert History(_decimals(1, 2, 3, 4, 5)).modified_z_score(Decimal(500)) is None
    assert History(_decimals(1, 2, 3, 4)).outside_range(Decimal(500), 0) is None


def test_a_range_is_half_its_width_wider_at_each_end_and_never_narrower_than_a_unit_of_the_last_place() -> None:
    history = _decimals(10, 12, 14, 16, 20)
    assert History(history).outside_range(Decimal(25), 0) is None
    assert History(history).outside_range(Decimal(26), 0) == ("10", "20", "5", "25")
    assert History(history).outside_range(Decimal("4.9999"), 0) is not None
    constant = [Decimal("9068.8")] * 5
    assert History(constant).outside_range(Decimal("9068.9"), 1) is None
    assert History(constant).outside_range(Decimal("9069.0"), 1) == ("9068.8", "9068.8", "9068.7", "9068.9")


@given(_values, _histories)
def test_the_z_score_is_the_librarys_own_in_fractions(value: Decimal, history: list[Decimal]) -> None:
    points = [Fraction(item) for item in history]
    mean, variance = statistics.mean(points), statistics.variance(points)
    beyond = variance > 0 and (Fraction(value) - mean) ** 2 > 9 * variance
    found = History(history).z_score(value)
    assert (found is not None) == beyond
    if found is not None:
        assert found.centre == rounded(mean, 2)


@given(_values, _histories)
def test_the_modified_score_is_the_librarys_own_in_fractions(value: Decimal, history: list[Decimal]) -> None:
    points = [Fraction(item) for item in history]
    median = statistics.median(points)
    deviation = statistics.median(abs(item - median) for item in points)
    beyond = deviation > 0 and Fraction(6745, 10_000) * abs(Fraction(value) - median) / deviation > Fraction(7, 2)
    assert (History(history).modified_z_score(value) is not None) == beyond


@given(_histories, st.integers(0, 4))
def test_what_was_there_before_is_never_outside_the_range(history: list[Decimal], decimals: int) -> None:
    assert all(History(history).outside_range(item, decimals) is None for item in history)


@given(st.decimals(-(10**24), 10**24, places=4), st.integers(1, 4))
def test_what_a_message_shows_is_rounded_once_half_to_even(value: Decimal, places: int) -> None:
    assert Fraction(rounded(value, places)) == round(Fraction(value), places)
