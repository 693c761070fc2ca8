"""Reforms as change sets: resolution 1670 makes exactly the units of the catalogue; what is unsound is named."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

import catalogue
from services.indicators.domain.catalogue import accept
from shared.catalogue.organisation import Organisation
from shared.catalogue.reforms import apply
from shared.catalogue.units import Code, Name, Parent, Reform, Unit
from shared.testing.eve import before

REFORM = date(2025, 7, 1)
BEFORE = date(2025, 6, 30)
AREAS = ("province", "district", "commune")


@pytest.fixture(scope="module")
def resolution() -> Reform:
    """Resolution 1670/NQ-UBTVQH15 as the catalogue has it."""
    document = json.loads((catalogue.FOLDER / "reforms-2025.json").read_text(encoding="utf-8"))
    [reform] = msgspec.convert(document["reforms"], list[Reform])
    return reform


@pytest.fixture(scope="module")
def areas() -> dict[str, Unit]:
    """The areas of Lai Châu as they are since the reform, with all that was before."""
    return {unit.id: unit for unit in msgspec.convert(catalogue.read()["units"], list[Unit]) if unit.kind in AREAS}


# -- resolution 1670 -------------------------------------------------------------------------------------------------


def test_resolution_1670_makes_exactly_the_units_of_the_catalogue(areas: dict[str, Unit], resolution: Reform) -> None:
    eve = before(areas.values(), REFORM)
    assert len(eve) == 1 + 8 + 106
    outcome = apply(eve, resolution)
    assert outcome.faults == ()
    assert {**eve, **outcome.units} == areas


def test_106_communes_become_38_and_the_districts_end(areas: dict[str, Unit], resolution: Reform) -> None:
    eve = before(areas.values(), REFORM)
    organisation = Organisation({**eve, **apply(eve, resolution).units}.values())
    count = {day: {kind: len(organisation.at(day).of_kind(kind)) for kind in AREAS} for day in (BEFORE, REFORM)}
    assert count[BEFORE] == {"province": 1, "district": 8, "commune": 106}
    assert count[REFORM] == {"province": 1, "district": 0, "commune": 38}


def test_all_38_codes_were_used_before_and_21_name_another_name_or_type(
    areas: dict[str, Unit], resolution: Reform
) -> None:
    eve = before(areas.values(), REFORM)
    organisation = Organisation({**eve, **apply(eve, resolution).units}.values())
    since, until = organisation.at(REFORM), organisation.at(BEFORE)
    other = 0
    for commune in since.of_kind("commune"):
        [code] = [code.text for code in organisation.units[commune].codes if code.holds(REFORM)]
        old = organisation.resolve(code, BEFORE)
        assert old is not None
        other += (until.name(old), until.type_vi(old)) != (since.name(commune), since.type_vi(commune))
    assert other == 21  # 22 in the export, which spells one commune in two ways: Pa ủ, Pa Ủ
    named = {day: organisation.name(organisation.resolve("gso:03388", day) or "", day) for day in (BEFORE, REFORM)}
    assert named == {BEFORE: "Phường Quyết Tiến", REFORM: "Phường Đoàn Kết"}


def test_the_two_untouched_communes_only_move(areas: dict[str, Unit], resolution: Reform) -> None:
    outcome = apply(before(areas.values(), REFORM), resolution)
    for untouched in ("LC-X03451-2004", "LC-X03463-2004"):
        unit = outcome.units[untouched]
        assert (unit.valid_to, unit.successors, len(unit.names), len(unit.codes)) == (None, [], 1, 1)
        assert [span.parent for span in unit.parents] == ["LC-H107", "LC"]


def test_a_reform_that_was_applied_is_not_applied_again(areas: dict[str, Unit], resolution: Reform) -> None:
    codes = {fault.code for fault in apply(areas, resolution).faults}
    assert codes == {"moved_on"}


# -- each kind of change ---------------------------------------------------------------------------------------------


def commune(unit_id: str, **fields: Any) -> Unit:
    code = [Code(scheme="gso", code=unit_id.removeprefix("X"))]
    return Unit(**{"id": unit_id, "name": f"Xã {unit_id}", "kind": "commune", "type_vi": "xã", "parent": "H",
                   "codes": code, **fields})  # fmt: skip


UNITS = {
    unit.id: unit
    for unit in (
        Unit(id="LC", name="Lai Châu", kind="province"),
        Unit(id="H", name="Huyện", kind="district", parent="LC"),
        *(commune(f"X{number}") for number in range(1, 5)),
    )
}


def reformed(*changes: Mapping[str, Any], units: dict[str, Unit] | None = None) -> dict[str, Unit]:
    held = UNITS if units is None else units
    outcome = apply(held, reform(*changes))
    assert outcome.faults == ()
    return {**held, **outcome.units}


def reform(*changes: Mapping[str, Any]) -> Reform:
    return msgspec.convert(
        {"id": "R", "name": "Sắp xếp", "decision": "NQ", "on": "2025-07-01", "changes": list(changes)}, Reform
    )


def test_a_commune_that_takes_another_in_goes_on_as_itself() -> None:
    units = reformed({"how": "merge", "units": ["X1", "X2"], "into": "X1", "name": "Xã Hợp Nhất"})
    assert (units["X1"].name, units["X1"].valid_to, units["X1"].successors) == ("Xã Hợp Nhất", None, [])
    assert units["X1"].at(BEFORE).name == "Xã X1"
    assert units["X2"].valid_to == REFORM
    assert [part.unit for part in Organisation(units.values()).lineage("X1", BEFORE).parts] == ["X1", "X2"]


def test_a_split_gives_shares_away_and_may_keep_one() -> None:
    units = reformed(
        {"how": "split", "units": ["X1"], "into": "X1", "share": "0.7"},
        {"how": "split", "units": ["X1"], "into": "X9", "share": "0.3", "name": "Xã Chín", "type_vi": "xã"},
        {"how": "split", "units": ["X2"], "into": "X9", "share": "0.5"},
        {"how": "split", "units": ["X2"], "into": "X3", "share": "0.5"},
    )
    assert (units["X1"].valid_to, units["X2"].valid_to) == (None, REFORM)
    assert (units["X9"].kind, units["X9"].parent, units["X9"].valid_from) == ("commune", "H", REFORM)
    lineage = Organisation(units.values()).lineage("X9", BEFORE)
    assert [(part.unit, str(part.share)) for part in lineage.parts] == [("X1", "0.3"), ("X2", "0.5")]


def test_a_unit_is_renamed_retyped_moved_and_recoded_on_one_day() -> None:
    units = reformed(
        {"how": "rename", "units": ["X1"], "name": "Phường Một"},
        {"how": "retype", "units": ["X1"], "type_vi": "phường"},
        {"how": "move", "units": ["X1"], "parent": "LC"},
        {"how": "recode", "units": ["X1"], "codes": [{"scheme": "gso", "code": "77"}]},
    )
    unit = units["X1"]
    assert unit.names == [
        Name(name="Xã X1", type_vi="xã", valid_to=REFORM),
        Name(name="Phường Một", type_vi="phường", valid_from=REFORM),
    ]
    assert unit.parents == [Parent(parent="H", valid_to=REFORM), Parent(parent="LC", valid_from=REFORM)]
    assert unit.codes == [
        Code(scheme="gso", code="1", valid_to=REFORM),
        Code(scheme="gso", code="77", valid_from=REFORM),
    ]
    assert (unit.name, unit.type_vi, unit.parent) == ("Phường Một", "phường", "LC")


def test_a_unit_is_made_from_nobody_and_another_ends_in_nobody() -> None:
    units = reformed(
        {"how": "create", "into": "X9", "name": "Đặc khu", "kind": "commune", "parent": "LC"},
        {"how": "abolish", "units": ["X4"]},
    )
    organisation = Organisation(units.values())
    assert organisation.lineage("X9", BEFORE).parts == ()
    assert organisation.successions.descendants("X4", BEFORE).parts == ()
    assert [edge.how for edge in units["X4"].successors] == ["abolished"]


MERGE = {"how": "merge", "units": ["X1", "X2"], "into": "X9", "name": "Xã Chín"}


@pytest.mark.parametrize(
    ("changes", "place", "code"),
    [
        ([{**MERGE, "units": ["X1", "X8"]}], "changes[0].units", "unknown"),
        ([{**MERGE, "units": []}], "changes[0].units", "missing"),
        ([{**MERGE, "name": None}], "changes[0].name", "missing"),
        ([{**MERGE, "units": ["X1", "X1"]}], "changes[0].units", "twice"),
        ([{**MERGE, "share": "0.5"}], "changes[0].share", "not_here"),
        ([MERGE, {"how": "abolish", "units": ["X2"]}], "changes[1].units", "leaves_twice"),
        ([MERGE, {"how": "rename", "units": ["X1"], "name": "Xã Mười"}], "changes[0].units", "ends"),
        ([{**MERGE, "into": "X1"}, {"how": "merge", "units": ["X1"], "into": "X3"}], "changes[0].into", "ends"),
        (
            [{**MERGE, "into": "X3"}, {"how": "rename", "units": ["X3"], "name": "Xã Ba"}],
            "changes[1].name",
            "contradicts",
        ),
        (
            [{"how": "recode", "units": ["X1"], "codes": [{"scheme": "gso", "code": code}]} for code in ("7", "8")],
            "changes[1].codes",
            "contradicts",
        ),
        ([{"how": "create", "into": "X1", "name": "Xã", "kind": "commune"}], "changes[0].into", "exists"),
        ([{"how": "create", "into": "X9", "name": "Xã"}], "changes[0].kind", "missing"),
        ([{"how": "rename", "units": ["X1", "X2"], "name": "Xã"}], "changes[0].units", "one_unit"),
        ([{"how": "rename", "units": ["X1"], "name": "Xã", "into": "X2"}], "changes[0].into", "not_here"),
        ([{"how": "split", "units": ["X1"], "into": "X2", "share": "0.4"}], "changes[0].share", "shares"),
        ([{"how": "split", "units": ["X1"], "into": "X2", "share": "1.4"}], "changes[0].share", "share"),
        ([{"how": "split", "units": ["X1"], "into": "X2", "share": "NaN"}], "changes[0].share", "share"),
    ],
)
def test_an_unsound_change_is_named_by_its_position(changes: list[dict[str, Any]], place: str, code: str) -> None:
    found = apply(UNITS, reform(*changes)).faults
    assert (place, code) in {(fault.place, fault.code) for fault in found}
    assert all(fault.detail for fault in found)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"valid_to": BEFORE}, "not_standing"),
        ({"valid_from": REFORM}, "not_standing"),
        ({"valid_to": date(2026, 1, 1)}, "not_standing"),
        ({"names": [Name(name="Xã Sau", type_vi="xã", valid_from=date(2026, 1, 1))]}, "moved_on"),
    ],
)
def test_a_unit_that_does_not_stand_or_has_moved_on_is_not_changed(fields: dict[str, Any], code: str) -> None:
    units = {**UNITS, "X1": commune("X1", **fields)}
    [fault] = apply(units, reform({"how": "abolish", "units": ["X1"]})).faults
    assert (fault.place, fault.code) == ("changes[0].units", code)


def test_a_reform_of_no_sensible_day_is_refused() -> None:
    early = msgspec.structs.replace(reform(MERGE), on=date.min)
    assert [(fault.place, fault.code) for fault in apply(UNITS, early).faults] == [("on", "day")]


@given(st.lists(st.sampled_from(["X1", "X2", "X3", "X4"]), min_size=1, unique=True), st.booleans())
def test_before_undoes_what_a_reform_did(merged: list[str], keep: bool) -> None:
    spelt = {
        unit.id: msgspec.structs.replace(
            unit,
            names=[Name(name=unit.name, type_vi=unit.type_vi)],
            parents=[Parent(parent=unit.parent)],
        )
        for unit in UNITS.values()
    }
    into = merged[0] if keep else "X9"
    units = reformed({"how": "merge", "units": merged, "into": into, "name": "Xã Mới"}, units=spelt)
    assert before(units.values(), REFORM) == spelt


NAMES = st.sampled_from(["Xã Một", "Xã Hai"])
OLD = st.sampled_from(["X1", "X2", "X3", "X4"])
ANY = st.sampled_from(["X1", "X2", "X3", "X8", "X9"])
CHANGES = st.one_of(
    st.fixed_dictionaries(
        {"how": st.just("merge"), "units": st.lists(OLD, min_size=1, max_size=3, unique=True), "into": ANY},
        optional={"name": NAMES},
    ),
    st.fixed_dictionaries(
        {
            "how": st.just("split"),
            "units": OLD.map(lambda unit: [unit]),
            "into": ANY,
            "share": st.sampled_from(["0.5", "1"]),
            "name": NAMES,
        }
    ),
    st.fixed_dictionaries({"how": st.just("abolish"), "units": OLD.map(lambda unit: [unit])}),
    st.fixed_dictionaries({"how": st.just("rename"), "units": OLD.map(lambda unit: [unit]), "name": NAMES}),
    st.fixed_dictionaries({"how": st.just("move"), "units": OLD.map(lambda unit: [unit]), "parent": st.just("LC")}),
)


@given(st.lists(CHANGES, min_size=1, max_size=4))
def test_what_a_sound_reform_makes_is_a_sound_organisation_that_agrees_with_it(changes: list[dict[str, Any]]) -> None:
    wanted = reform(*changes)
    outcome = apply(UNITS, wanted)
    if outcome.faults:
        return
    units = {**UNITS, **outcome.units}
    event("sound")
    bodies = [msgspec.to_builtins(unit) for unit in units.values()]
    assert accept({}, {"units": bodies, "reforms": [msgspec.to_builtins(wanted)]})
    successions = Organisation(units.values()).successions
    for unit in UNITS:
        gone = any(edge.how == "abolished" for edge in units[unit].successors)
        assert sum(part.share for part in successions.descendants(unit, BEFORE).parts) == (0 if gone else 1)
