"""Regimes and forms: what is wrong with one is named with its place; what a form once asked for is never rewritten."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.indicators.domain.catalogue import Key, accept
from services.indicators.testing import AGENCY, small_load
from shared.errors import Invalid

FORM: Key = ("form", "GD-THANG-01")
Change = Callable[[dict[str, Any]], None]


def faults(load: dict[str, Any], stored: dict[Key, dict[str, Any]] | None = None) -> list[tuple[str, str]]:
    try:
        accept(stored or {}, load)
    except Invalid as refused:
        errors = refused.context["errors"]
        assert isinstance(errors, list)
        assert all(error["message"] and error["detail"] for error in errors)
        return [(error["place"], error["code"]) for error in errors]
    return []


def form(**values: Any) -> Change:
    return lambda load: load["forms"][0].update(values)


def regime(**values: Any) -> Change:
    return lambda load: load["regimes"][0].update(values)


LINES = {"rows": [{"label": "Toàn tỉnh"}], "columns": [{"label": "Lớp"}, {"label": "Phòng"}]}
LISTED = {"id": "DU-AN", "label": "Dự án", "columns": ["DA01"]}


def test_the_small_catalogue_is_sound() -> None:
    assert faults(small_load()) == []


@pytest.mark.parametrize(
    ("change", "place", "code"),
    [
        (regime(decision=" "), "regimes[GD-THANG].decision", "no_decision"),
        (regime(secret=True), "regimes[GD-THANG].secret", "secret"),
        (regime(kind="thematic"), "regimes[GD-THANG].moves", "moves"),
        (regime(owner="LC-SXX"), "regimes[GD-THANG].owner", "unknown"),
        (form(layout={**LINES, "cells": [["GD01"]]}), "forms[GD-THANG-01].layout.cells", "layout_size"),
        (form(layout={**LINES, "cells": [["GD01", "GD01"]]}), "forms[GD-THANG-01].layout.cells", "layout_cell"),
        (form(layout={**LINES, "cells": [["GD01", None]]}), "forms[GD-THANG-01].layout.cells", "layout_cell"),
        (form(layout={**LINES, "cells": [["GD01", "DA01"]]}), "forms[GD-THANG-01].layout.cells", "not_of_form"),
        (form(open_lists=[{**LISTED, "columns": ["GD01"]}]), "forms[GD-THANG-01].open_lists", "list_column"),
        (form(open_lists=[{**LISTED, "columns": ["DA09"]}]), "forms[GD-THANG-01].open_lists", "unknown"),
        (form(open_lists=[LISTED, LISTED]), "forms[GD-THANG-01].open_lists", "twice"),
        (form(open_lists=[{**LISTED, "max_rows": 1001}]), "forms[GD-THANG-01].open_lists[0].max_rows", "shape"),
        (form(help={"YT01": "?"}), "forms[GD-THANG-01].help", "not_of_form"),
        (form(rules=[{"id": "Q1", "expression": "GD02 <="}]), "forms[GD-THANG-01].rules[Q1]", "formula"),
        (form(rules=[{"id": "Q1", "expression": "GD02 <= YT01"}]), "forms[GD-THANG-01].rules[Q1]", "not_of_form"),
        (form(rules=[{"id": "Q1", "expression": "GD02 < GD01"}] * 2), "forms[GD-THANG-01].rules", "twice"),
        (form(parties={"enters": ["LC-XX"]}), "forms[GD-THANG-01].parties.enters", "unknown"),
        (form(parties={"receives": ["LC-XX"]}), "forms[GD-THANG-01].parties.receives", "unknown"),
        (form(rolls_up="GD-XA"), "forms[GD-THANG-01].rolls_up", "unknown"),
        (form(rolls_up="GD-THANG-01"), "forms[GD-THANG-01].rolls_up", "rolls_up"),
        (
            form(owed_by=[{"unit": "LC", "agency": AGENCY}, {"unit": "LC", "agency": "LC-SYT"}]),
            "forms[GD-THANG-01].owed_by",
            "twice",
        ),
        (form(owner="LC-SYT"), "forms[GD-THANG-01].owed_by", "not_below_owner"),
        (form(owner=AGENCY, owed_by={"each": "commune"}), "forms[GD-THANG-01].owed_by", "not_below_owner"),
        (form(owed_by={"each": "commune", "under": "LC-H9"}), "forms[GD-THANG-01].owed_by", "unknown"),
        (form(periods={"from": "2026-Q1"}), "forms[GD-THANG-01].periods.from", "periods"),
        (form(periods={"from": "2026-01", "to": "sau"}), "forms[GD-THANG-01].periods.to", "periods"),
        (form(periods={"from": "2026-05", "to": "2026-04"}), "forms[GD-THANG-01].periods", "periods"),
        (form(periods={"from": "2026-05", "to": 2025}), "forms[GD-THANG-01].periods", "periods"),
        (form(period_kind="day", periods={"from": "2026-05-01"}), "forms[GD-THANG-01].periods", "periods"),
        (
            form(period_kind="day", periods={"from": "1900-01-01", "to": "2026-05-01"}),
            "forms[GD-THANG-01].periods",
            "periods",
        ),
        (form(earlier=[{"version": 1, "accepted_until": "2026-03-31"}]), "forms[GD-THANG-01].earlier", "versions"),
    ],
)
def test_a_fault_is_named_with_its_place(change: Change, place: str, code: str) -> None:
    load = small_load()
    change(load)
    assert (place, code) in faults(load)


def test_an_owner_may_ask_its_departments_and_a_year_may_bound_months() -> None:
    load = small_load()
    department = {"unit": "LC-SGDDT-KHTC", "agency": "LC-SGDDT-KHTC"}
    load["forms"][0].update(owner=AGENCY, owed_by=[department], periods={"from": 2026, "to": "2026-06"})
    assert faults(load) == []


def successor(**values: Any) -> Change:
    """Add a copy of the form for another stretch of time."""
    return lambda load: load["forms"].append({**load["forms"][0], "id": "GD-THANG-02", **values})


def test_two_forms_carry_an_indicator_one_after_the_other_but_not_at_once() -> None:
    load = small_load()
    load["forms"][0]["periods"] = {"from": "2026-01", "to": 2026}
    successor(periods={"from": "2027-01"})(load)
    assert faults(load) == []
    load["forms"][0]["periods"] = {"from": "2026-01", "to": "2027-01"}
    assert faults(load) == [("forms[GD-THANG-02]", "contested")]
    load["forms"][0]["periods"] = {"from": "2026-01"}
    assert faults(load) == [("forms[GD-THANG-02]", "contested")]


# -- versions --------------------------------------------------------------------------------------------------------


@pytest.fixture
def stored() -> dict[Key, dict[str, Any]]:
    return accept({}, small_load())


def second(**values: Any) -> dict[str, Any]:
    load = small_load()
    load["forms"][0].update(
        version=2, indicators=["GD01"], layout=None, earlier=[{"version": 1, "accepted_until": "2026-06-30"}]
    )
    load["forms"][0].update(values)
    return load


def test_what_a_form_asks_for_does_not_change_within_a_version(stored: dict[Key, dict[str, Any]]) -> None:
    for change in (
        form(indicators=["GD01"], layout=None),
        form(required=["GD01", "GD02"]),
        form(open_lists=[]),
        form(layout={**LINES, "cells": [["GD02", "GD01"]]}),
    ):
        load = small_load()
        change(load)
        assert faults(load, stored) == [("forms[GD-THANG-01].version", "form_changed")]


def test_help_and_labels_are_filled_in_without_a_new_version(stored: dict[Key, dict[str, Any]]) -> None:
    load = small_load()
    load["forms"][0]["help"] = {"GD02": "Chỉ tính phòng kiên cố."}
    load["forms"][0]["layout"]["rows"][0]["label"] = "Cả tỉnh"
    assert accept(stored, load)[FORM]["help"] == {"GD02": "Chỉ tính phòng kiên cố."}


def test_a_new_version_keeps_the_one_before_it_as_it_was_stored(stored: dict[Key, dict[str, Any]]) -> None:
    body = accept(stored, second())[FORM]
    [earlier] = body["earlier"]
    assert (earlier["version"], earlier["accepted_until"]) == (1, "2026-06-30")
    assert earlier["indicators"] == ["GD01", "GD02"]
    assert earlier["layout"] == stored[FORM]["layout"]
    assert accept({**stored, FORM: body}, second()) == {}


def test_a_new_version_says_until_when_the_one_before_it_is_taken(stored: dict[Key, dict[str, Any]]) -> None:
    assert faults(second(earlier=[]), stored) == [("forms[GD-THANG-01].earlier[1].accepted_until", "no_end")]


def test_earlier_versions_stay_when_a_load_leaves_them_out_and_may_be_taken_longer(
    stored: dict[Key, dict[str, Any]],
) -> None:
    held = {**stored, **accept(stored, second())}
    third = second(version=3, indicators=["GD02"], required=[], help={}, open_lists=[])
    third["forms"][0]["earlier"] = [{"version": 2, "accepted_until": "2026-12-31"}]
    body = accept(held, third)[FORM]
    assert [(item["version"], item["accepted_until"]) for item in body["earlier"]] == [
        (1, "2026-06-30"),
        (2, "2026-12-31"),
    ]
    longer = second(earlier=[{"version": 1, "accepted_until": "2026-09-30"}])
    [only] = accept(held, longer)[FORM]["earlier"]
    assert (only["accepted_until"], only["indicators"]) == ("2026-09-30", ["GD01", "GD02"])


def test_an_earlier_version_is_not_rewritten_and_an_older_one_does_not_return(
    stored: dict[Key, dict[str, Any]],
) -> None:
    other = [{"version": 1, "accepted_until": "2026-06-30", "indicators": ["GD02"]}]
    assert faults(second(earlier=other), stored) == [("forms[GD-THANG-01].earlier[1]", "form_changed")]
    held = {**stored, **accept(stored, second())}
    assert faults(small_load(), held) == [("forms[GD-THANG-01].version", "form_version")]


def test_an_earlier_version_that_never_was_has_a_content_of_its_own(stored: dict[Key, dict[str, Any]]) -> None:
    ends = [{"version": number, "accepted_until": "2026-06-30"} for number in (1, 2)]
    assert faults(second(version=3, earlier=ends), stored) == [("forms[GD-THANG-01].earlier[2]", "empty_version")]


def test_a_form_stored_before_versions_were_kept_is_read_as_version_one(stored: dict[Key, dict[str, Any]]) -> None:
    old = {key: value for key, value in stored[FORM].items() if key not in ("earlier", "parties", "rules", "owner")}
    assert [item["version"] for item in accept({**stored, FORM: old}, second())[FORM]["earlier"]] == [1]


CODES = ("GD01", "GD02", "DA01", "DA02")


@given(
    st.lists(
        st.tuples(
            st.integers(1, 4),
            st.sets(st.sampled_from(CODES), min_size=1),
            st.dictionaries(st.integers(1, 3), st.dates(date(2026, 1, 1), date(2027, 1, 1)), max_size=3),
        ),
        max_size=8,
    )
)
@settings(deadline=None)
def test_whatever_is_loaded_no_version_is_lost_or_rewritten(
    loads: list[tuple[int, set[str], dict[int, date]]],
) -> None:
    held: dict[Key, dict[str, Any]] = {}
    asked: dict[int, list[str]] = {}
    for version, codes, until in loads:
        load = small_load()
        earlier = [{"version": number, "accepted_until": day.isoformat()} for number, day in until.items()]
        load["forms"][0].update(
            version=version, indicators=sorted(codes), required=[], layout=None, open_lists=[], help={}, earlier=earlier
        )
        try:
            held |= accept(held, load)
        except Invalid:
            continue
        if version not in asked:
            asked[version] = sorted(codes)
        form = held[FORM]
        found = {item["version"]: sorted(item["indicators"]) for item in (*form["earlier"], form)}
        assert {number: found.get(number) for number in asked} == asked
        assert form["version"] == max(asked)
        assert all(item["accepted_until"] for item in form["earlier"])
