"""The catalogue: Lai Châu's own is sound, a faulty one is refused whole, units are found through time."""

from __future__ import annotations

import copy
import unicodedata
from collections.abc import Callable
from datetime import date
from typing import Any

import msgspec
import pytest

import catalogue
from services.indicators.domain.catalogue import Catalogue, Rules, accept
from shared.catalogue.units import Unit, resolve
from shared.errors import Invalid

REFORM = date(2025, 7, 1)
BEFORE = date(2025, 6, 30)


@pytest.fixture(scope="module")
def units() -> list[Unit]:
    return msgspec.convert(catalogue.read()["units"], list[Unit])


def test_lai_chaus_catalogue_is_sound_and_loading_it_again_changes_nothing() -> None:
    load = catalogue.read()
    stored = accept({}, load)
    assert {kind: sum(key[0] == kind for key in stored) for kind in ("unit", "indicator", "form", "regime")} == {
        "unit": 158,
        "indicator": 79,
        "form": 7,
        "regime": 1,
    }
    assert accept(stored, load) == {}


def test_106_communes_stood_before_the_reform_and_38_since(units: list[Unit]) -> None:
    def standing(on: date, kind: str) -> list[Unit]:
        return [unit for unit in units if unit.kind == kind and unit.holds(on)]

    assert (len(standing(BEFORE, "commune")), len(standing(BEFORE, "district"))) == (106, 8)
    assert (len(standing(REFORM, "commune")), len(standing(REFORM, "district"))) == (38, 0)
    assert sum(unit.at(REFORM).type_vi == "phường" for unit in standing(REFORM, "commune")) == 2
    assert {unit.at(REFORM).parent for unit in standing(REFORM, "commune")} == {"LC"}


def test_a_reused_code_names_the_unit_of_its_day(units: list[Unit]) -> None:
    old, new = resolve(units, "gso:03388", BEFORE), resolve(units, "gso:03388", REFORM)
    assert (old, new) == ("LC-X03388-2004", "LC-X03388-2025")
    names = {unit.id: unit.name for unit in units}
    assert (names["LC-X03388-2004"], names["LC-X03388-2025"]) == ("Phường Quyết Tiến", "Phường Đoàn Kết")
    assert resolve(units, "gso:99999", REFORM) is None


def test_an_untouched_commune_keeps_its_id_and_changes_its_parent(units: list[Unit]) -> None:
    [kept] = [unit for unit in units if unit.id == "LC-X03451-2004"]
    assert (kept.at(BEFORE).parent, kept.at(REFORM).parent) == ("LC-H107", "LC")
    assert kept.successors == []
    assert resolve(units, "gso:03451", BEFORE) == resolve(units, "gso:03451", REFORM) == kept.id


def test_every_ended_commune_went_on_in_one_that_stands(units: list[Unit]) -> None:
    standing = {unit.id for unit in units if unit.holds(REFORM)}
    ended = [unit for unit in units if unit.kind == "commune" and unit.id not in standing]
    assert len(ended) == 104
    assert all(len(unit.successors) == 1 and unit.successors[0].id in standing for unit in ended)


def _without(section: str, entry_id: str) -> Callable[[dict[str, Any]], None]:
    def change(load: dict[str, Any]) -> None:
        load[section] = [entry for entry in load[section] if entry["id"] != entry_id]

    return change


def _with(section: str, entry_id: str, **values: Any) -> Callable[[dict[str, Any]], None]:
    def change(load: dict[str, Any]) -> None:
        next(entry for entry in load[section] if entry["id"] == entry_id).update(values)

    return change


@pytest.mark.parametrize(
    ("change", "place", "code"),
    [
        (_without("regimes", "KTXH-NAM"), "forms[GD-NAM].regime", "unknown"),
        (_without("indicators", "GD01.TH"), "forms[GD-NAM].indicators", "unknown"),
        (_without("units", "LC-SYT"), "forms[YT-NAM].owed_by", "unknown"),
        (_with("indicators", "NN01.NS", formula="NN01.SL /"), "indicators[NN01.NS].formula", "formula"),
        (_with("indicators", "NN01.NS", formula="NN99 * 2"), "indicators[NN01.NS].formula", "unknown"),
        (_with("indicators", "NN01.NS", formula="NN01.NS * 2"), "indicators[NN01.NS].formula", "formula_cycle"),
        (_with("indicators", "NN01.NS", formula=None), "indicators[NN01.NS].formula", "derived_without_formula"),
        (_with("indicators", "DS05", rollup="weighted:XX"), "indicators[DS05].rollup", "unknown"),
        (_with("indicators", "DS05", rollup="mean"), "indicators[DS05].rollup", "rollup"),
        (_with("indicators", "GD01", decimals=2), "indicators[GD01].decimals", "decimals"),
        (_with("indicators", "GD01", minimum=10, maximum="2.5"), "indicators[GD01].minimum", "bounds"),
        (_with("indicators", "GD01", minimum="ít"), "indicators[GD01].minimum", "bounds"),
        (_with("indicators", "GD01", parent="GD01.TH"), "indicators[GD01].parent", "circle"),
        (_with("units", "LC", parent="LC-SYT"), "units[LC].parent", "circle"),
        (_with("units", "LC-H105", valid_from="2026-01-01"), "units[LC-H105]", "empty_span"),
        (
            _with("units", "LC-H105", codes=[{"scheme": "gso", "code": "03388"}]),
            "units[LC-X03388-2004].codes",
            "code_in_use",
        ),
        (_with("forms", "GD-NAM", required=["YT01"]), "forms[GD-NAM].required", "not_entered"),
        (_with("forms", "GD-NAM", derived=["GD01"]), "forms[GD-NAM].derived", "entered_or_derived"),
        (_with("forms", "GD-NAM", indicators=["YT01"], required=[]), "forms[YT-NAM]", "contested"),
        (_with("forms", "GD-NAM", period_kind="quarter"), "forms[GD-NAM].period_kind", "period_kind"),
        (_with("forms", "GD-NAM", periods={"from": 2016, "to": 2015}), "forms[GD-NAM].periods", "periods"),
        (_with("units", "LC", valid_from="hôm qua"), "units[LC]", "shape"),
        (_with("units", "LC", colour="red"), "units[LC]", "shape"),
        (lambda load: load["units"].append(load["units"][0]), "units[LC]", "twice"),
        (lambda load: load.update(themes=[]), "themes", "unknown_section"),
    ],
)
def test_a_fault_is_named_with_its_place(change: Callable[[dict[str, Any]], None], place: str, code: str) -> None:
    load = copy.deepcopy(catalogue.read())
    change(load)
    with pytest.raises(Invalid) as caught:
        accept({}, load)
    errors = caught.value.context["errors"]
    assert isinstance(errors, list)
    assert (place, code) in {(error["place"], error["code"]) for error in errors}
    assert all(error["detail"] for error in errors)


def test_a_part_may_be_loaded_and_is_checked_against_what_stands() -> None:
    stored = accept({}, catalogue.read())
    renamed = next(entry for entry in catalogue.read()["indicators"] if entry["id"] == "GD01") | {"name": "Số lớp học"}
    assert list(accept(stored, {"indicators": [renamed]})) == [("indicator", "GD01")]
    with pytest.raises(Invalid):
        accept(stored, {"forms": [catalogue.read()["forms"][0] | {"regime": "khác"}]})


def test_decomposed_text_is_taken_as_the_same_text() -> None:
    load = catalogue.read()
    stored = accept({}, load)
    load["units"][0]["name"] = unicodedata.normalize("NFD", load["units"][0]["name"])
    assert accept(stored, load) == {}


def test_rules_tell_which_form_carries_a_derived_indicator() -> None:
    rules = Rules(Catalogue.of(accept({}, catalogue.read())))

    def carried(unit: str) -> dict[str, str]:
        return {item.indicator: item.form for item in rules.derivations(unit, "year")}

    assert carried("LC")["NN01.NS"] == carried("LC")["NN07"] == "NN-NAM"
    assert carried("LC-X03451-2004") == {"DS02": "XA-NAM", "NN01.NS": "XA-NAM", "NN04.NS": "XA-NAM"}
    assert rules.derivations("LC", "quarter") == []
    assert rules.agency("GD-NAM", "LC") == "LC-SGDDT"
    assert rules.agency("XA-NAM", "LC-X03451-2004") == "LC-X03451-2004"
