"""The plan of a load: what it would add and change, and every fault, without changing anything."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import catalogue
from services.indicators.domain.catalogue import accept
from services.indicators.domain.plan import plan
from shared.contracts.views.catalogue import FieldChange

LOAD = catalogue.read()
STORED = accept({}, LOAD)


def changed(section: str, entry_id: str, **values: Any) -> dict[str, Any]:
    entry = copy.deepcopy(next(entry for entry in LOAD[section] if entry["id"] == entry_id))
    return {section: [entry | values]}


def test_on_an_empty_catalogue_everything_is_added() -> None:
    planned = plan(0, {}, LOAD)
    assert len(planned.added) == len(STORED)
    assert (planned.version, planned.changed, planned.unchanged, planned.faults) == (0, [], 0, [])


def test_what_stands_already_is_left_as_it_is() -> None:
    planned = plan(3, STORED, LOAD)
    assert (planned.version, planned.added, planned.changed, planned.unchanged) == (3, [], [], len(STORED))


def test_a_change_is_told_field_by_field() -> None:
    regime = copy.deepcopy(next(entry for entry in LOAD["regimes"] if entry["id"] == "KTXH-NAM"))
    regime["deadline"]["day"] = 24
    [entry] = plan(1, STORED, {"regimes": [regime]}).changed
    assert entry.place == "regimes[KTXH-NAM]"
    assert entry.fields == [FieldChange(field="deadline.day", before=25, after=24)]


def test_a_plan_with_faults_has_all_of_them_also_between_entries() -> None:
    load = changed("units", "LC-SYT", kind="planet") | changed("forms", "GD-NAM", regime="NIX")
    planned = plan(1, STORED, load)
    assert {(fault.place, fault.code) for fault in planned.faults} == {
        ("units[LC-SYT].kind", "shape"),
        ("forms[GD-NAM].regime", "unknown"),
    }
    assert planned.fault_count == 2


def test_an_entry_of_wrong_shape_is_told_once_and_not_wherever_it_is_named() -> None:
    load = copy.deepcopy(LOAD)
    next(entry for entry in load["units"] if entry["id"] == "LC-SGDDT")["kind"] = "planet"
    assert [(fault.place, fault.code) for fault in plan(0, {}, load).faults] == [("units[LC-SGDDT].kind", "shape")]


@given(
    st.sets(st.sampled_from([(section, entry["id"]) for section in ("indicators", "units") for entry in LOAD[section]]))
)
@settings(deadline=None, max_examples=25)
def test_a_plan_tells_exactly_what_loading_does(renamed: set[tuple[str, str]]) -> None:
    load = {section: [dict(entry) for entry in LOAD[section]] for section in ("indicators", "units")}
    for section, entries in load.items():
        for entry in entries:
            if (section, entry["id"]) in renamed:
                entry["type_vi" if section == "units" else "group"] = "đổi tên"
    planned = plan(1, STORED, load)
    assert {entry.place for entry in planned.changed} == {
        f"{kind}s[{entry_id}]" for kind, entry_id in accept(STORED, load)
    }
    assert planned.unchanged == sum(map(len, load.values())) - len(planned.changed)
