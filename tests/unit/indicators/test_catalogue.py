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
from services.indicators.domain.catalogue import Catalogue, accept
from services.indicators.domain.derivations import Rules
from shared.calendar import Period
from shared.catalogue.organisation import Organisation
from shared.catalogue.units import Unit
from shared.errors import Invalid

REFORM = date(2025, 7, 1)
BEFORE = date(2025, 6, 30)


@pytest.fixture(scope="module")
def units() -> list[Unit]:
    return msgspec.convert(catalogue.read()["units"], list[Unit])


def test_lai_chaus_catalogue_is_sound_and_loading_it_again_changes_nothing() -> None:
    load = catalogue.read()
    stored = accept({}, load)
    assert len(stored) == sum(len(entries) for entries in load.values())
    assert accept(stored, load) == {}


def test_every_kind_of_regime_and_period_stands_as_an_example() -> None:
    load = catalogue.read()
    assert {regime.get("kind", "periodic") for regime in load["regimes"]} == {"periodic", "thematic", "ad_hoc"}
    kinds = {"year", "nine_months", "half", "quarter", "month", "day"}
    assert {form["period_kind"] for form in load["forms"]} == kinds
    for has in ("layout", "open_lists", "rules", "help", "parties", "rolls_up", "owner"):
        assert any(form.get(has) for form in load["forms"]), has


def test_units_of_every_kind_owe_something(units: list[Unit]) -> None:
    kinds = {unit.id: unit.kind for unit in units}
    owing = set()
    for form in catalogue.read()["forms"]:
        owed = form["owed_by"]
        owing |= {owed["each"]} if isinstance(owed, dict) else {kinds[item["agency"]] for item in owed}
    assert owing == {"commune", "agency", "vertical", "enterprise", "department"}


def test_106_communes_stood_before_the_reform_and_38_since(units: list[Unit]) -> None:
    def standing(on: date, kind: str) -> list[Unit]:
        return [unit for unit in units if unit.kind == kind and unit.holds(on)]

    assert (len(standing(BEFORE, "commune")), len(standing(BEFORE, "district"))) == (106, 8)
    assert (len(standing(REFORM, "commune")), len(standing(REFORM, "district"))) == (38, 0)
    assert sum(unit.at(REFORM).type_vi == "phường" for unit in standing(REFORM, "commune")) == 2
    assert {unit.at(REFORM).parent for unit in standing(REFORM, "commune")} == {"LC"}


def test_an_untouched_commune_keeps_its_id_and_changes_its_parent(units: list[Unit]) -> None:
    [kept] = [unit for unit in units if unit.id == "LC-X03451-2004"]
    assert (kept.at(BEFORE).parent, kept.at(REFORM).parent) == ("LC-H107", "LC")
    assert kept.successors == []
    organisation = Organisation(units)
    assert organisation.resolve("gso:03451", BEFORE) == organisation.resolve("gso:03451", REFORM) == kept.id


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


OLD, NEW = "LC-X03388-2004", "LC-X03388-2025"


def went(to: str | None, on: str = "2025-07-01", share: str | None = None) -> dict[str, Any]:
    return {"id": to, "how": "merged", "on": on, "share": share}


def reform(**fields: Any) -> dict[str, Any]:
    change = {"how": "merge", "units": [OLD], "into": NEW, **fields}
    return {"id": "R", "name": "Sắp xếp", "decision": "NQ", "on": "2025-07-01", "changes": [change]}


@pytest.mark.parametrize(
    ("change", "place", "code"),
    [
        (_without("regimes", "KTXH-NAM"), "forms[GD-NAM].regime", "unknown"),
        (_without("indicators", "GD01.TH"), "forms[GD-NAM].indicators[1]", "unknown"),
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
        (_with("units", "LC", codes=[{"scheme": "qd20", "code": "H35.G22"}]), "units[LC].codes[0].code", "identifier"),
        (
            _with("units", "LC-SYT", kind="department", parent="LC", parents=[]),
            "units[LC-SYT].parent",
            "misplaced",
        ),
        (_with("units", "LC-X03388-2025", parent=None, parents=[]), "units[LC-X03388-2025].parent", "misplaced"),
        (
            _with("units", "LC-X03451-2004", parents=[{"parent": "LC-H107"}]),
            "units[LC-X03451-2004].parent",
            "parent_ended",
        ),
        (_with("units", OLD, successors=[went(NEW, "2025-06-01")]), f"units[{OLD}].successors", "succession_day"),
        (_with("units", OLD, successors=[went("LC-H105")]), f"units[{OLD}].successors", "succession_day"),
        (_with("units", OLD, successors=[went(None)]), f"units[{OLD}].successors", "succession"),
        (_with("units", OLD, successors=[went(NEW, share="0.4")]), f"units[{OLD}].successors", "shares"),
        (
            _with("units", OLD, successors=[went(NEW, share="0.4"), went("LC-X03408-2025", share="0.7")]),
            f"units[{OLD}].successors",
            "shares",
        ),
        (_with("units", NEW, successors=[went(OLD)]), f"units[{NEW}].successors", "circle"),
        (_with("units", OLD, successors=[went(NEW, "0001-01-01")]), f"units[{OLD}]", "day"),
        (lambda load: load.update(reforms=[reform() | {"on": "0001-01-01"}]), "reforms[R].on", "day"),
        (lambda load: load.update(reforms=[reform(name="Phường Khác")]), "reforms[R].changes[0]", "disagrees"),
        (lambda load: load.update(reforms=[reform(units=["LC-X03390-2004"])]), "reforms[R].changes[0]", "disagrees"),
        (lambda load: load.update(reforms=[reform(units=["LC-X0"])]), "reforms[R].changes[0].units", "unknown"),
        (_with("forms", "GD-NAM", required=["YT01"]), "forms[GD-NAM].required[0]", "not_entered"),
        (_with("forms", "GD-NAM", derived=["GD01"]), "forms[GD-NAM].derived[0]", "entered_or_derived"),
        (_with("forms", "GD-NAM", indicators=["YT01"], required=[]), "forms[YT-NAM]", "contested"),
        (_with("forms", "GD-NAM", period_kind="quarter"), "forms[GD-NAM].period_kind", "period_kind"),
        (_with("forms", "GD-NAM", periods={"from": 2016, "to": 2015}), "forms[GD-NAM].periods", "periods"),
        (_with("units", "LC", valid_from="hôm qua"), "units[LC].valid_from", "shape"),
        (_with("units", "LC", colour="red"), "units[LC]", "shape"),
        (_with("forms", "GD-NAM", indicators=["GD01", 7]), "forms[GD-NAM].indicators[1]", "shape"),
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


def test_a_reform_that_the_units_agree_with_is_recorded_beside_them() -> None:
    assert ("reform", "R") in accept({}, catalogue.read() | {"reforms": [reform(name="Phường Đoàn Kết", parent="LC")]})


def test_two_units_do_not_bear_one_identifier_written_in_two_orders() -> None:
    load = catalogue.read()
    made_up = ({"scheme": "qd20", "code": "H35.99"}, {"scheme": "qcvn102", "code": "000.00.99.H35"})
    for entry, code in zip([unit for unit in load["units"] if unit["kind"] == "agency"], made_up, strict=False):
        entry["codes"] = [code]
    with pytest.raises(Invalid) as caught:
        accept({}, load)
    errors: Any = caught.value.context["errors"]
    assert [error["code"] for error in errors] == ["code_in_use"]


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
        return {item.indicator: item.form for item in rules.derivations(unit, Period.parse("2016"))}

    assert carried("LC")["NN01.NS"] == carried("LC")["NN07"] == "NN-NAM"
    assert carried("LC-X03451-2004") == {"DS02": "XA-NAM", "NN01.NS": "XA-NAM", "NN04.NS": "XA-NAM"}
    assert rules.derivations("LC", Period.parse("2016-03-25")) == []
    assert rules.agency("GD-NAM", "LC") == "LC-SGDDT"
    assert rules.agency("XA-NAM", "LC-X03451-2004") == "LC-X03451-2004"


def test_a_derived_indicator_is_carried_by_the_form_that_is_asked_for_in_the_period() -> None:
    load = catalogue.read()
    old = next(form for form in load["forms"] if form["id"] == "NN-NAM")
    old["periods"] = {"from": 2005, "to": 2016}
    load["forms"].append({**old, "id": "NN-NAM-2017", "periods": {"from": 2017}})
    rules = Rules(Catalogue.of(accept({}, load)))
    carriers = [
        {item.indicator: item.form for item in rules.derivations("LC", Period.parse(period))}["NN07"]
        for period in ("1999", "2016", "2017")
    ]
    assert carriers == ["NN-NAM", "NN-NAM", "NN-NAM-2017"]
