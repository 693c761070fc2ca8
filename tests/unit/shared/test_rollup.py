"""Rolling figures of several units up into one: known answers for the five communes that became phường Đoàn Kết, and
laws that hold for all figures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import cache

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import catalogue
from shared.calendar import Period
from shared.catalogue.entries import Indicator
from shared.catalogue.formulas import parse
from shared.catalogue.organisation import Organisation
from shared.catalogue.rollup import Figure, Key, Past, Rolled, Rule, added, made_of, mean, rounded
from shared.catalogue.units import Reform, Succession, Unit

DOAN_KET = "LC-X03388-2025"
LAST_YEAR, THIS_YEAR = Period("year", 2024), Period("year", 2025)
FIGURES = {
    "DS01": ("5.2", "7.8", "3.1", "6.4", "4.5"),
    "DS05": ("14", "12.5", "20", "15.5", "18"),
    "NN01.SL": ("1.2", "2.4", "0.9", "3", "1.5"),
    "NN01.DT": ("0.2", "0.5", "0.2", "0.6", "0.3"),
}
"""Figures of the five communes for 2024, in order of their ids. Together: 27.0 thousand people; births 412.5 / 27.0 =
15.28 per thousand (the plain mean would be 16); 9.0 / 1.8 * 10 = 50 quintals of paddy a hectare (50.6)."""


@pytest.fixture(scope="module")
def lai_chau() -> Organisation:
    return Organisation(msgspec.convert(catalogue.read()["units"], list[Unit]))


def five() -> list[str]:
    """Return the ids of the communes that resolution 1670 merged into phường Đoàn Kết."""
    document = json.loads((catalogue.FOLDER / "reforms-2025.json").read_text(encoding="utf-8"))
    [reform] = msgspec.convert(document["reforms"], list[Reform])
    [units] = [change["units"] for change in msgspec.to_builtins(reform.changes) if change.get("into") == DOAN_KET]
    return sorted(units)


@cache
def indicators() -> dict[str, Indicator]:
    return {item.id: item for item in msgspec.convert(catalogue.read()["indicators"], list[Indicator])}


def of_catalogue(code: str, period: Period) -> Rule | None:
    """Return how Lai Châu's catalogue rolls the indicator up."""
    found = indicators().get(code)
    if found is None:
        return None
    definition = found.on(period.end)
    formula = None if definition.formula is None else parse(definition.formula)
    return Rule(definition.rollup, formula, definition.decimals)


def reported(values: Mapping[str, tuple[str | None, ...]], units: list[str]) -> dict[Key, Figure]:
    return {
        Key(unit, code, LAST_YEAR): Figure(None if text is None else Decimal(text), order)
        for code, texts in values.items()
        for order, (unit, text) in enumerate(zip(units, texts, strict=True))
    }


@pytest.mark.parametrize(("code", "value"), [("DS01", "27.0"), ("DS05", "15.3"), ("NN01.NS", "50.0")])
def test_the_past_of_phuong_doan_ket_is_rolled_up_from_its_five_communes(
    lai_chau: Organisation, code: str, value: str
) -> None:
    held = reported(FIGURES, five())
    rolled = Past(DOAN_KET, THIS_YEAR.end, lai_chau, of_catalogue, held.get).at(code, LAST_YEAR)
    assert rolled is not None
    assert (rolled.value, rolled.basis) == (Decimal(value), "predecessors")
    assert {key.unit for key in rolled.rests_on} == set(five())
    assert {(key.code, key.period) for key in rolled.rests_on} <= made_of(code, LAST_YEAR, of_catalogue)


@pytest.mark.parametrize(
    ("code", "lacking"), [("DS01", "DS01"), ("DS05", "DS05"), ("DS05", "DS01"), ("NN01.NS", "NN01.DT")]
)
def test_a_past_that_lacks_a_part_is_none(lai_chau: Organisation, code: str, lacking: str) -> None:
    held = reported(FIGURES, five())
    del held[Key(five()[2], lacking, LAST_YEAR)]
    assert Past(DOAN_KET, THIS_YEAR.end, lai_chau, of_catalogue, held.get).at(code, LAST_YEAR) is None


# -- rules on small organisations ------------------------------------------------------------------------------------

FIRST, SECOND = date(2010, 1, 1), date(2020, 1, 1)
EARLY = Period("year", 2005)
RULES = {
    "S": Rule("sum", decimals=1),
    "W": Rule("weighted:S", decimals=4),
    "V": Rule("weighted:L", decimals=1),
    "L": Rule("last", decimals=1),
    "N": Rule("none"),
    "D": Rule("derived", parse("W + S"), 1),
    "X": Rule("derived", parse("S + N"), 1),
}


Values = Mapping[tuple[str, str], str | None]
"""By unit and indicator; in order of approval."""


def rule_of(code: str, period: Period) -> Rule | None:
    return RULES.get(code)


def unit(name: str, *to: tuple[str, str | None], begun: date | None = None, ended: date | None = None) -> Unit:
    went = [Succession(id=into, how="merged" if share is None else "split", on=ended, share=share) for into, share in to
            if ended is not None]  # fmt: skip
    return Unit(id=name, name=name, kind="commune", valid_from=begun, valid_to=ended, successors=went)


MERGED_TWICE = Organisation(
    [
        unit("A", ("C", None), ended=FIRST),
        unit("B", ("C", None), ended=FIRST),
        unit("C", ("E", None), begun=FIRST, ended=SECOND),
        unit("D", ("E", None), ended=SECOND),
        unit("E", begun=SECOND),
    ]
)
SPLIT = Organisation(
    [
        unit("A", ("B", "0.3"), ("C", "0.7"), ended=FIRST),
        unit("B", ("D", None), begun=FIRST, ended=SECOND),
        unit("C", begun=FIRST),
        unit("Z", ("D", None), ended=SECOND),
        unit("D", begun=SECOND),
    ]
)


def rolled(
    organisation: Organisation, of: str, code: str, values: Mapping[tuple[str, str], str | None]
) -> Rolled | None:
    held = {
        Key(name, known, EARLY): Figure(None if text is None else Decimal(text), order)
        for order, ((name, known), text) in enumerate(values.items())
    }
    return Past(of, date(2024, 12, 31), organisation, rule_of, held.get).at(code, EARLY)


def value(
    organisation: Organisation, of: str, code: str, values: Mapping[tuple[str, str], str | None]
) -> Decimal | None:
    found = rolled(organisation, of, code, values)
    assert found is not None
    return found.value


def test_shares_make_an_estimate_of_sums_and_of_what_is_computed_from_them() -> None:
    held = {("A", "S"): "10.5", ("Z", "S"): "4", ("A", "W"): "6", ("Z", "W"): "2", ("A", "L"): "1", ("Z", "L"): "2"}
    found = {code: rolled(SPLIT, "D", code, held) for code in "SWDL"}
    assert {code: item.basis for code, item in found.items() if item} == dict.fromkeys("SWDL", "predecessors_estimated")
    # 10.5 * 0.3 + 4 = 7.15; (6 * 3.15 + 2 * 4) / 7.15 = 3.76224; values of `last` are never cut
    assert [item.value for item in found.values() if item] == [Decimal(text) for text in ("7.2", "3.7622", "11", "2")]


def test_a_share_of_a_weight_that_is_no_sum_weighs_nothing() -> None:
    held = {("A", "V"): "6", ("Z", "V"): "2", ("A", "L"): "1", ("Z", "L"): "1"}
    assert rolled(SPLIT, "D", "V", held) is None


def test_nothing_occurred_adds_nothing_and_weighs_nothing() -> None:
    held = {("A", "S"): "1", ("B", "S"): None, ("D", "S"): "3", ("A", "W"): "8", ("B", "W"): None, ("D", "W"): "4"}
    assert value(MERGED_TWICE, "E", "S", held) == 4
    assert value(MERGED_TWICE, "E", "W", held) == 5
    nowhere = dict.fromkeys(held)
    assert value(MERGED_TWICE, "E", "S", nowhere) is None
    assert value(MERGED_TWICE, "E", "W", nowhere) is None
    assert rolled(MERGED_TWICE, "E", "D", nowhere) is None


@pytest.mark.parametrize("weights", [("0", "0", "0"), ("1", None, "1"), ("1", "-1", "1")])
def test_what_cannot_be_weighed_has_no_mean(weights: tuple[str | None, ...]) -> None:
    held = {(name, "W"): "5" for name in "ABD"} | {(name, "S"): text for name, text in zip("ABD", weights, strict=True)}
    assert rolled(MERGED_TWICE, "E", "W", held) is None


def test_last_is_what_was_approved_last() -> None:
    assert value(MERGED_TWICE, "E", "L", {("B", "L"): "1", ("D", "L"): "2", ("A", "L"): "3"}) == 3
    assert value(MERGED_TWICE, "E", "L", {("A", "L"): "1", ("D", "L"): "2", ("B", "L"): None}) is None


def test_what_is_never_added_has_no_past_nor_has_what_is_computed_from_it() -> None:
    held = {(name, code): "1" for name in "ABD" for code in "SN"}
    assert rolled(MERGED_TWICE, "E", "N", held) is None
    assert rolled(MERGED_TWICE, "E", "X", held) is None


def test_a_figure_of_its_own_comes_first() -> None:
    held = {(name, "S"): "1" for name in "ABDE"}
    assert rolled(MERGED_TWICE, "E", "S", held) == Rolled(Decimal(1), frozenset({Key("E", "S", EARLY)}))


figures = st.decimals("-1e12", "1e12", places=4, allow_nan=False)
weights = st.decimals("0.001", "1e9", places=3, allow_nan=False)
pairs = st.lists(st.tuples(figures, weights), min_size=3, max_size=3)


@given(reports=pairs)
def test_rolling_up_through_an_intermediate_merger_is_rolling_up_at_once(
    reports: list[tuple[Decimal, Decimal]],
) -> None:
    values = {(name, "W"): str(pair[0]) for name, pair in zip("ABD", reports, strict=True)}
    values |= {(name, "S"): str(pair[1]) for name, pair in zip("ABD", reports, strict=True)}
    (a, b, d), one = reports, Decimal(1)
    of_c = added([(a[1], one), (b[1], one)])
    assert of_c is not None
    assert value(MERGED_TWICE, "E", "S", values) == added([(of_c, one), (d[1], one)])
    rate_of_c = mean([a, b])
    assert rate_of_c is not None
    in_two_steps = mean([(rate_of_c, of_c), d])
    assert in_two_steps is not None
    assert value(MERGED_TWICE, "E", "W", values) == rounded(in_two_steps, 4)


@given(data=st.data(), reports=st.lists(st.tuples(figures | st.none(), weights), min_size=1, max_size=8))
def test_the_order_of_units_does_not_matter(data: st.DataObject, reports: list[tuple[Decimal | None, Decimal]]) -> None:
    turned = data.draw(st.permutations(reports))
    assert added(turned) == added(reports)
    known, again = ([(item, weight) for item, weight in each if item is not None] for each in (reports, turned))
    assert mean(again) == mean(known)


@given(reports=st.lists(st.tuples(figures, weights), min_size=1, max_size=8))
def test_a_weighted_mean_lies_between_its_values(reports: list[tuple[Decimal, Decimal]]) -> None:
    found = mean(reports)
    assert found is not None
    assert min(figure for figure, _ in reports) <= found <= max(figure for figure, _ in reports)
