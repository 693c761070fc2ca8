"""Measures, dimensions and versions of indicators in a catalogue: what is refused, what stays, what holds when."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.indicators.domain.catalogue import Bodies, accept
from shared.catalogue.definitions import change_days, exists, formulas_on, versions
from shared.catalogue.entries import Indicator
from shared.errors import Invalid

SPRING = "2026-04-01"


def indicator(code: str = "GD01", **more: Any) -> dict[str, Any]:
    return {"id": code, "name": f"Chỉ tiêu {code}", "measure": "lớp", "value_type": "decimal", "rollup": "sum"} | more


def derived(code: str, formula: str, **more: Any) -> dict[str, Any]:
    return indicator(code, formula=formula, rollup="derived", **more)


def found(stored: Bodies, *indicators: dict[str, Any], **sections: Any) -> set[tuple[str, str]]:
    try:
        accept(stored, {"indicators": list(indicators), **sections})
    except Invalid as error:
        errors = error.context["errors"]
        assert isinstance(errors, list)
        assert all(item["detail"] and item["message"] for item in errors)
        return {(item["place"], item["code"]) for item in errors}
    return set()


def measure(measure_id: str, name: str, dimension: str = "area", factor: str = "1", *aliases: str) -> dict[str, Any]:
    return {"id": measure_id, "name": name, "dimension": dimension, "factor": factor, "aliases": list(aliases)}


def test_a_name_means_one_measure() -> None:
    twice = [measure("HA", "ha", "area", "10000", "Hecta"), measure("HT", "hecta", "area", "10")]
    assert found({}, measures=twice) == {("measures[HT].name", "twice")}
    assert found({}, measures=[measure("HA", "ha", "area", "1", "HA ", "h a")]) == set()


@pytest.mark.parametrize("factor", ["0", "-1", "1e3", "", "một", "1/3", "0.0"])
def test_a_factor_is_a_positive_decimal(factor: str) -> None:
    assert found({}, measures=[measure("HA", "ha", "area", factor)]) == {("measures[HA].factor", "factor")}


def test_an_indicator_is_measured_in_a_known_measure_once_there_are_any() -> None:
    before = indicator(version=1, measure="phòng") | {"valid_to": SPRING}
    before = {key: before[key] for key in ("version", "measure", "value_type", "valid_to")}
    versioned = indicator(version=2, valid_from=SPRING, earlier=[before])
    assert found({}, versioned) == set()
    assert found({}, versioned, measures=[measure("HA", "ha")]) == {
        ("indicators[GD01].measure", "unknown_measure"),
        ("indicators[GD01].earlier[1].measure", "unknown_measure"),
    }
    assert found({}, indicator(measure="LỚP "), measures=[measure("LOP", "lớp")]) == set()


LEVELS = {"id": "CAP-HOC", "name": "cấp học", "items": [{"code": "TH", "name": "tiểu học"}]}


def test_codes_of_a_dimension_stand_once_at_a_time() -> None:
    item = {"code": "TH", "name": "tiểu học"}
    assert found({}, dimensions=[LEVELS | {"items": [item, item]}]) == {("dimensions[CAP-HOC].items", "twice")}
    follow = [item | {"valid_to": SPRING}, item | {"valid_from": SPRING}]
    assert found({}, dimensions=[LEVELS | {"items": follow}]) == set()
    backwards = [item | {"valid_from": SPRING, "valid_to": "2026-01-01"}]
    assert found({}, dimensions=[LEVELS | {"items": backwards}]) == {("dimensions[CAP-HOC].items", "empty_span")}


def test_a_part_names_an_item_that_is_valid_as_long_as_it_is_reported() -> None:
    def part(**more: Any) -> dict[str, Any]:
        return indicator(
            "GD01.TH", breakdown={"dimension": "CAP-HOC", "item": "TH"} | more.pop("breakdown", {}), **more
        )

    ended = LEVELS | {"items": [{"code": "TH", "name": "tiểu học", "valid_to": SPRING}]}
    place = "indicators[GD01.TH].breakdown"
    assert found({}, part(), dimensions=[LEVELS]) == set()
    assert found({}, part(breakdown={"item": "MN"}), dimensions=[LEVELS]) == {(f"{place}.item", "unknown")}
    assert found({}, part(breakdown={"dimension": "GIOI"}), dimensions=[LEVELS]) == {(f"{place}.dimension", "unknown")}
    assert found({}, part(), dimensions=[ended]) == {(f"{place}.item", "item_not_valid")}
    assert found({}, part(valid_to=SPRING), dimensions=[ended]) == set()
    assert found({}, part(breakdown={"dimension": "GIOI"})) == set()  # a catalogue without dimensions


def test_a_second_indicator_of_the_same_name_in_another_measure_is_flagged() -> None:
    first, second = indicator("A", name="Diện tích rừng", measure="ha"), indicator("B", name="DIỆN TÍCH rừng")
    flagged = {("indicators[B].measure", "same_name_other_measure")}
    assert found({}, first, second) == flagged
    assert found(accept({}, {"indicators": [first]}), second) == flagged
    assert found({}, first, second | {"measure": "hecta"}) == flagged
    known = [measure("HA", "ha", "area", "1", "hecta"), measure("NHA", "nghìn ha", "area", "1000")]
    assert found({}, first, second | {"measure": "hecta"}, measures=known) == set()
    assert found({}, first, second | {"measure": "nghìn ha"}, measures=known) == flagged
    assert found({}, first, second | {"breakdown": {"dimension": "X", "item": "x"}}) == set()


def test_what_a_version_measured_is_never_rewritten() -> None:
    stored = accept({}, {"indicators": [indicator(concept="Lớp học", minimum=0, over_time="sum")]})
    changes: dict[str, Any] = {
        "measure": "phòng",
        "value_type": "integer",
        "decimals": 2,
        "rollup": "last",
        "over_time": "last",
        "concept": "Phòng học",
        "minimum": 1,
        "breakdown": {"dimension": "X", "item": "x"},
    }
    for name, value in changes.items():
        changed = indicator(concept="Lớp học", minimum=0, over_time="sum") | {name: value}
        assert found(stored, changed) == {(f"indicators[GD01].{name}", "definition_changed")}, name


def test_names_may_change_and_what_was_empty_may_be_filled_in() -> None:
    stored = accept({}, {"indicators": [indicator()]})
    filled = indicator(
        name="Số lớp học",
        group="Giáo dục",
        concept="Lớp có học sinh",
        method="Đếm cuối kỳ",
        minimum=0,
        over_time="last",
        valid_from="2010-01-01",
        codes=[{"scheme": "tctk", "code": "1801"}],
    )
    assert list(accept(stored, {"indicators": [filled]})) == [("indicator", "GD01")]
    written_before_these_fields_were_there = {"name": "Lớp", "measure": "lớp", "value_type": "decimal", "rollup": "sum"}
    assert found({("indicator", "GD01"): written_before_these_fields_were_there}, filled) == set()


def test_a_breakdown_spelled_freely_may_get_its_dimension_and_then_stays() -> None:
    free = indicator("GD01.TH", breakdown={"dimension": "cấp học", "item": "tiểu học"})
    named = free | {"breakdown": {"dimension": "CAP-HOC", "item": "TH"}}
    stored = accept({}, {"indicators": [free]})
    stored = {**stored, **accept(stored, {"dimensions": [LEVELS], "indicators": [named]})}
    other = free | {"breakdown": {"dimension": "KHOI-LOP", "item": "TH"}}
    assert ("indicators[GD01.TH].breakdown", "definition_changed") in found(stored, other)


def test_a_new_version_keeps_the_one_before_it_until_its_own_day() -> None:
    stored = accept({}, {"indicators": [indicator()]})
    second = indicator(version=2, measure="phòng", valid_from=SPRING)
    changed = accept(stored, {"indicators": [second]})
    body = changed["indicator", "GD01"]
    assert [(item["version"], item["measure"], item["valid_to"]) for item in body["earlier"]] == [(1, "lớp", SPRING)]
    known = msgspec.convert({"id": "GD01", **body}, Indicator)
    assert (known.on(date(2026, 3, 31)).measure, known.on(date(2026, 4, 1)).measure) == ("lớp", "phòng")
    assert accept({**stored, **changed}, {"indicators": [second]}) == {}
    assert found({**stored, **changed}, indicator()) == {("indicators[GD01].version", "definition_version")}
    rewritten = second | {"earlier": [body["earlier"][0] | {"measure": "bàn"}]}
    assert found({**stored, **changed}, rewritten) == {("indicators[GD01].earlier[1].measure", "definition_changed")}


def test_versions_rise_and_follow_one_another_without_a_gap() -> None:
    stored = accept({}, {"indicators": [indicator()]})
    assert ("indicators[GD01].earlier[1].valid_to", "version_span") in found(stored, indicator(version=2))
    old = {"version": 1, "measure": "lớp", "value_type": "decimal"}
    for end in ("2026-03-31", "2026-04-02"):
        gap = indicator(version=2, valid_from=SPRING, earlier=[old | {"valid_to": end}])
        assert found({}, gap) == {("indicators[GD01].earlier[1].valid_to", "version_span")}
    falling = indicator(version=1, valid_from=SPRING, earlier=[old | {"valid_to": SPRING, "version": 1}])
    assert found({}, falling) == {("indicators[GD01].earlier", "version_order")}


def test_formulas_are_looked_at_as_they_stood_together() -> None:
    first = derived("A", "B + 1"), indicator("B")
    stored = accept({}, {"indicators": list(first)})
    b2 = derived("B", "A * 2", version=2, valid_from=SPRING)
    assert {code for _place, code in found(stored, b2)} == {"formula_cycle"}
    a2 = indicator("A", version=2, valid_from=SPRING)
    both = accept(stored, {"indicators": [a2, b2]})
    known = {code: msgspec.convert({"id": code, **body}, Indicator) for (_kind, code), body in both.items()}
    assert change_days(known.values()) == [date(2026, 4, 1)]
    assert formulas_on(known, date(2026, 3, 31)).keys() == {"A"}
    assert formulas_on(known, date(2026, 4, 1)).keys() == {"B"}


_days = st.dates(date(2000, 1, 1), date(2030, 12, 31))


@given(st.lists(_days, min_size=1, max_size=5, unique=True), st.lists(_days, max_size=20))
def test_versions_tile_every_day_has_one_definition_and_history_never_moves(
    turns: list[date], asked: list[date]
) -> None:
    stored: Bodies = accept({}, {"indicators": [indicator()]})
    before: dict[date, int] = dict.fromkeys(asked, 1)
    for number, turn in enumerate(sorted(turns), 2):
        new = indicator(version=number, measure=f"đơn vị {number}", valid_from=turn.isoformat())
        stored = {**stored, **accept(stored, {"indicators": [new]})}
        known = msgspec.convert({"id": "GD01", **stored["indicator", "GD01"]}, Indicator)
        for day in (*asked, turn, turn - timedelta(days=1)):
            holding = [definition for definition in versions(known) if definition.holds(day)]
            assert holding == [known.on(day)]
            assert exists(known, day)
        for day in asked:
            assert known.on(day).version == (number if day >= turn else before[day])
            before[day] = known.on(day).version


def test_from_when_on_a_change_is_asked_about_is_no_part_of_the_meaning() -> None:
    stored = accept({}, {"indicators": [indicator(max_change_percent=30)]})
    assert found(stored, indicator(max_change_percent=80)) == set()
    assert found(stored, indicator()) == set()
    assert found(stored, indicator(max_change_percent=-1)) == {("indicators[GD01].max_change_percent", "shape")}
