"""What an approved round does to the warehouse: known answers of the published series, and the diff as an algebra."""

from __future__ import annotations

import csv
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

import catalogue
from services.indicators.domain.catalogue import Catalogue, accept
from services.indicators.domain.cells import Cell
from services.indicators.domain.derivations import Derivation, Rules
from services.indicators.domain.looking_back import Past
from services.indicators.domain.warehouse import Change, cells_of, derive, rederive, settle
from shared.calendar import Period
from shared.catalogue.formulas import parse
from shared.contracts.events import Figure
from shared.errors import Invalid


def _cell(value: str | None, form: str = "F", **other: str) -> Cell:
    return Cell(form, value, other.get("status", "official"), False, other.get("level", "province"))


def test_formulas_reproduce_97_of_99_published_values_and_the_two_findings_are_known() -> None:
    rules = Rules(Catalogue.of(accept({}, catalogue.read())))
    published: dict[str, dict[str, str]] = {}
    with (catalogue.FOLDER / "values_province.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            published.setdefault(row["year"], {})[row["code"]] = row["value"]
    assert sum(map(len, published.values())) == 863
    off, compared = [], 0
    for year, values in published.items():
        period = Period.parse(year)
        entered = {code: _cell(value) for code, value in values.items() if code not in rules.derived(period)}
        for code, cell in derive(entered, rules.derivations("LC", period)).items():
            if code not in values or cell.value is None:
                continue
            compared += 1
            stated = Decimal(values[code])
            exact = Decimal(cell.value)
            if abs(exact - stated) > abs(stated) * Decimal("0.02"):
                off.append((code, year))
            if (code, year) == ("NN01.NS", "2016"):
                assert cell.value == "43.5"
    assert compared == 99
    assert sorted(off) == [("NN01.NS", "2008"), ("NN03.NS", "2008")]


RULES = [
    Derivation("R", "F", parse("A / B"), 1),
    Derivation("S", "G", parse("R + C"), 1),
]


def test_a_derived_value_may_take_inputs_of_other_forms_and_touches_the_form_that_carries_it() -> None:
    first = settle({}, "F", {"A": _cell("9"), "B": _cell("2")}, RULES)
    assert first.put["R"] == Cell("F", "4.5", "official", True, "province")
    assert first.touched == ("F",)
    second = settle(first.put, "G", {"C": _cell("1", "G", status="preliminary", level="commune")}, RULES)
    assert second.put["S"] == Cell("G", "5.5", "preliminary", True, "commune")
    current = {**first.put, **second.put}
    correction = settle(current, "F", {"A": _cell("8"), "B": _cell("2")}, RULES)
    assert set(correction.put) == {"A", "R", "S"}
    assert correction.touched == ("F", "G")


def test_what_a_round_lacks_is_ended_with_what_was_derived_from_it() -> None:
    current = settle({}, "F", {"A": _cell("9"), "B": _cell("2")}, RULES).put
    assert settle(current, "F", {"A": _cell("9")}, RULES) == Change({}, ("B", "R"), ("F",))


def test_nothing_occurred_is_a_value_but_no_input() -> None:
    change = settle({}, "F", {"A": _cell(None), "B": _cell("2")}, RULES)
    assert set(change.put) == {"A", "B"}
    assert change.put["A"].value is None


def test_figures_for_derived_indicators_are_left_to_the_hub() -> None:
    assert cells_of("F", "province", [Figure("A", "1.50"), Figure("R", "7")], frozenset({"R"})) == {"A": _cell("1.5")}


def test_an_unreadable_value_is_refused() -> None:
    with pytest.raises(Invalid, match="value_unreadable"):
        cells_of("F", "province", [Figure("A", "nhiều")], frozenset())


_contents = st.dictionaries(
    st.sampled_from("ABCDE"), st.sampled_from([None, "0", "1", "2", "7"]).map(_cell), max_size=5
)


@given(st.lists(_contents, min_size=1, max_size=5))
def test_after_any_rounds_the_warehouse_holds_the_last_one_and_a_repeat_changes_nothing(
    rounds: list[dict[str, Cell]],
) -> None:
    current: dict[str, Cell] = {}
    for entered in rounds:
        change = settle(current, "F", entered, RULES)
        assert not set(change.put) & set(change.end)
        current = {code: cell for code, cell in {**current, **change.put}.items() if code not in change.end}
    assert {code: cell for code, cell in current.items() if not cell.derived} == rounds[-1]
    assert current == settle({}, "F", rounds[-1], RULES).put
    repeat = settle(current, "F", rounds[-1], RULES)
    assert (repeat.put, repeat.end) == ({}, ())


def test_what_was_entered_gives_way_to_a_formula_only_where_it_gives_something() -> None:
    current = {"R": _cell("7"), "A": _cell("9")}
    past = Past(Period.parse("2016"))
    assert rederive(current, RULES, past) == Change({}, (), ())
    change = rederive(current | {"B": _cell("2")}, RULES, past)
    assert change.put["R"] == Cell("F", "4.5", "official", True, "province")


def test_nothing_is_computed_where_nothing_was_entered() -> None:
    constant = Derivation("K", "F", parse("2 * 3"), 0)
    assert derive({}, [constant]) == {}
    assert derive({"A": _cell(None)}, [constant])["K"].value == "6"
