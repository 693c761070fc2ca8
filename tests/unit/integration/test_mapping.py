"""Mapping there and back."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.integration.domain.ledger import entries_of
from services.integration.domain.mapping import Breakdown, CodeMapping, Edition, Measure
from services.integration.domain.unambiguous import Known, faults
from shared.calendar import Period
from shared.catalogue.organisation import Organisation
from shared.catalogue.units import Code, Unit
from shared.contracts.events import Observation

CODES = st.text(st.sampled_from("AB.1[]=;% ế"), min_size=1, max_size=6)
VALUES = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**19), max_value=10**19, places=4)
FACTORS = st.builds(lambda two, five, sign: sign * Decimal(2) ** two * Decimal(5) ** five,
                    st.integers(-6, 6), st.integers(-6, 6), st.sampled_from([1, -1]))  # fmt: skip
PATTERNS = {
    "year": "năm {year}",
    "nine_months": "9T/{year}",
    "half": "HK{half}/{year}",
    "quarter": "Q{quarter}-{year}",
    "month": "{month:02}/{year}",
    "day": "{day:02}.{month:02}.{year}",
}


def _text(value: Decimal) -> str:
    text = format(value, "f").rstrip("0").rstrip(".") if value else "0"
    return "0" if text == "-0" else text


@given(CODES, st.dictionaries(CODES, CODES, max_size=3))
def test_a_breakdowns_one_spelling_splits_back(base: str, parts: dict[str, str]) -> None:
    given_ = Breakdown(base=base, parts=parts)
    if parts:
        assert Breakdown.parse(given_.text) == given_
    else:
        assert given_.text == base


@given(VALUES, FACTORS)
def test_a_value_without_rounding_goes_there_and_back_exactly(value: Decimal, factor: Decimal) -> None:
    mapping = Edition(measures={"A": Measure(unit="nghìn tấn", factor=factor)})
    theirs = mapping.value("A", _text(value))
    assert theirs is not None and Decimal(theirs) == value * factor
    assert mapping.hub_value("A", theirs) == _text(value)
    assert mapping.value("B", _text(value)) == _text(value) and mapping.value("A", None) is None


@given(VALUES, FACTORS, st.integers(0, 4), st.sampled_from(["half_up", "half_even"]))
def test_what_a_partner_rounds_stays_as_it_is_when_it_comes_and_goes_again(
    value: Decimal, factor: Decimal, decimals: int, rounding: str
) -> None:
    measure = Measure(unit="t", factor=factor, decimals=decimals, rounding=rounding)
    once = measure.theirs(_text(value))
    assert measure.theirs(measure.ours(once)) == once
    assert abs(Decimal(once) - value * factor) * 2 <= Decimal(1).scaleb(-decimals)


def test_halves_are_rounded_as_stated() -> None:
    up = Measure(unit="nghìn tấn", factor=Decimal("0.001"), decimals=1, rounding="half_up")
    even = Measure(unit="nghìn tấn", factor=Decimal("0.001"), decimals=1, rounding="half_even")
    assert [up.theirs(value) for value in ("3450", "3550", "-3450", "10")] == ["3.5", "3.6", "-3.5", "0"]
    assert [even.theirs(value) for value in ("3450", "3550", "-3450", "-10")] == ["3.4", "3.6", "-3.4", "0"]
    assert up.ours("no number") == "no number" and up.ours("1e9") == "1e9"


@given(st.sampled_from(sorted(PATTERNS)), st.dates(date(1900, 1, 1), date(2199, 12, 31)))
def test_a_period_goes_there_and_back(kind: str, day: date) -> None:
    mapping, period = Edition(periods=PATTERNS), str(Period.of(kind, day))
    assert mapping.hub_period(mapping.period(period)) == period
    assert Edition().period(period) == period == Edition().hub_period(period)


@pytest.mark.parametrize("text", ["31.02.2024", "13/2024", "Q5-2024", "năm 24", "02/0000", "bất kỳ"])
def test_what_is_no_period_of_the_partners_is_kept(text: str) -> None:
    assert Edition(periods=PATTERNS).hub_period(text) == text


def test_the_edition_is_decided_by_the_last_day_of_the_period() -> None:
    later = Edition(version=2, valid_from=date(2025, 7, 1), indicators={"A": "moi"}, periods={"year": "N{year}"})
    mapping = CodeMapping(indicators={"A": "cu"}, later=(later,))
    found = [mapping.at(period).indicator("A") for period in ("2025-H1", "2025-06", "2025-Q3", "2025-9M", "2025")]
    assert found == ["cu", "cu", "moi", "moi", "moi"]
    assert [mapping.read_period(text) for text in ("N2025", "N2024", "2024")] == ["2025", "N2024", "2024"]


def test_codes_go_there_and_back_by_exceptions_before_rules() -> None:
    mapping = Edition(
        indicator_prefix="T.",
        indicators={"A": "X"},
        breakdowns={"B": Breakdown(base="DS", parts={"tuổi": "0-14", "giới": "nam"})},
        units={"U": "99"},
    )
    assert [mapping.indicator(code) for code in "ABC"] == ["X", "DS[giới=nam;tuổi=0-14]", "T.C"]
    assert [mapping.hub_indicator(mapping.indicator(code)) for code in "ABC"] == ["A", "B", "C"]
    assert mapping.hub_indicator("T.A") == "T.A"  # nothing of ours: A goes out as X
    bearers = [Unit(id=name, name=name, kind="commune", codes=[Code(scheme="gso", code=name.lower())]) for name in "UV"]
    organisation = Organisation(bearers)
    assert [mapping.unit(name, {"codes": [{"scheme": "gso", "code": name.lower()}]}, "2025") for name in "UV"] == [
        "99",
        "v",
    ]
    assert [mapping.hub_unit(code, "2025", organisation) for code in ("99", "v", "u", "7")] == ["U", "V", "u", "7"]


def test_the_ledger_holds_values_as_the_partner_is_to_hold_them() -> None:
    mapping = Edition(
        measures={"A": Measure(unit="nghìn tấn", factor=Decimal("0.001"), decimals=2, rounding="half_up")}
    )
    (entry,) = entries_of(mapping, "F", "U", "2024", [Observation("A", "3507.6", "official")])
    assert (entry.indicator, entry.partner_indicator, entry.value) == ("A", "A", "3.51")


def test_a_stored_mapping_of_before_reads_as_one_edition_and_a_new_one_reads_back() -> None:
    stored = {"unit_scheme": "gso", "indicator_prefix": "T12.", "indicators": {"A": "X"}}
    mapping = msgspec.convert(stored, CodeMapping)
    assert mapping == CodeMapping(indicator_prefix="T12.", indicators={"A": "X"}) and mapping.at("1999") is mapping
    whole = CodeMapping(
        measures={"A": Measure(unit="t", factor=Decimal("0.001"))},
        later=(
            Edition(version=2, valid_from=date(2025, 7, 1), breakdowns={"B": Breakdown(base="D", parts={"a": "b"})}),
        ),
    )
    wire = msgspec.json.decode(msgspec.json.encode(whole))
    assert msgspec.convert(wire, CodeMapping) == whole and stored.keys() < wire.keys()


MEASURES = {"A": "tan", "B": "ha", "C": "nguoi"}
UNITS = {
    "U": {"codes": [{"scheme": "gso", "code": "1", "valid_to": "2025-07-01"}]},
    "V": {"codes": [{"scheme": "gso", "code": "2"}]},
    "W": {"codes": []},
}
KNOWN = Known(units=UNITS, measures=MEASURES)


def places(**edition: object) -> list[str]:
    return [place for place, _ in faults(msgspec.convert(msgspec.to_builtins(edition), CodeMapping), KNOWN)]


def test_what_could_not_be_read_back_is_found_with_its_place() -> None:
    assert places() == [] and places(indicators={"A": "B", "B": "A"}) == []
    assert places(indicators={"A": "B"}) == ["mapping.indicators.A"]
    assert places(indicators={"A": "X", "B": "X"}) == ["mapping.indicators.B"]
    assert places(indicator_prefix="T.", indicators={"A": "T.B"}) == ["mapping.indicators.A"]
    assert places(indicators={"A": "X[a=b]"}) == ["mapping.indicators.A"]
    broken = Breakdown(base="D", parts={"a": "b"})
    assert places(breakdowns={"A": broken, "B": broken}) == ["mapping.breakdowns.B"]
    assert places(units={"W": "9"}) == [] and places(units={"W": "1"}) == ["mapping.units.W"]
    assert places(units={"U": "2", "V": "1"}) == [] and places(units={"U": "9", "W": "9"}) == ["mapping.units.W"]
    assert places(periods=PATTERNS) == []
    for kind, pattern in [("month", "{year}"), ("quarter", "{month}"), ("half", "6T{year}"), ("week", "{year}")]:
        assert places(periods={kind: pattern}) == [f"mapping.periods.{kind}"]
    assert places(periods={"half": "{half}/{year}", "quarter": "{quarter}/{year}"}) == ["mapping.periods.quarter"]


def test_a_measure_says_all_of_how_it_rounds_and_can_be_read_back() -> None:
    good = {"unit": "nghìn tấn", "factor": "0.001", "decimals": 2, "rounding": "half_up", "hub": "tan"}
    assert places(measures={"A": good}) == []
    bad = [
        ({"factor": "3"}, "factor"),
        ({"factor": "0"}, "factor"),
        ({"unit": ""}, "unit"),
        ({"rounding": ""}, "rounding"),
        ({"rounding": "down"}, "rounding"),
        ({"hub": "ha"}, "hub"),
    ]
    assert [places(measures={"A": good | change}) for change, _ in bad] == [
        [f"mapping.measures.A.{name}"] for _, name in bad
    ]


def test_editions_follow_one_another() -> None:
    second = Edition(version=2, valid_from=date(2025, 7, 1))
    assert places(later=[second]) == []
    assert places(later=[second, second]) == ["mapping.later[1].version", "mapping.later[1].valid_from"]
