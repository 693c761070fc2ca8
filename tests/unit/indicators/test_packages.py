"""A regime as one file: what goes out comes back the same, as JSON and as XLSX; a bad file is told cell by cell."""

from __future__ import annotations

import zipfile
from copy import deepcopy
from io import BytesIO
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from services.indicators import workbook
from services.indicators.domain.catalogue import Key, accept
from services.indicators.domain.packages import content_of, copy_of, normal, package_of
from services.indicators.domain.sheets import Assembled, assemble, flatten
from services.indicators.testing import AGENCY, small_load
from shared.errors import Conflict, Invalid, NotFound
from shared.workbooks import MAX_UNPACKED

Content = dict[str, list[dict[str, Any]]]


def rich_load() -> dict[str, Any]:
    """The small catalogue with everything that a regime may have."""
    load = small_load()
    load["regimes"][0].update(
        ladder=[{"level": "commune", "day": 18, "hour": 11, "minute": 30}],
        window={"from_day": 15, "to_day": 14, "from_months": 1},
        intake={"opens_days_before": 5, "closes_days_after": 3},
        signature=True,
        valid_from="2026-01-01",
    )
    load["dimensions"] = [{"id": "CAP-HOC", "name": "Cấp học", "items": [{"code": "TH", "name": "Tiểu học"}]}]
    load["indicators"] += [
        {
            **load["indicators"][0],
            "id": "GD01.TH",
            "parent": "GD01",
            "breakdown": {"dimension": "CAP-HOC", "item": "TH"},
            "minimum": 0,
            "maximum": "1000.5",
            "codes": [{"scheme": "bo-gddt", "code": "001"}],
        },
        {
            **load["indicators"][0],
            "id": "GD03",
            "name": "Lớp trên phòng",
            "measure": "lớp",
            "value_type": "decimal",
            "decimals": 2,
            "rollup": "derived",
            "formula": "GD01 / GD02",
        },
    ]
    load["forms"][0].update(
        derived=["GD03"],
        rules=[{"id": "Q1", "expression": "GD02 <= GD01", "severity": "warning", "detail": "=Phòng nhiều hơn lớp"}],
        parties={"enters": ["LC-SGDDT-KHTC"], "receives": ["LC-SYT", "LC"]},
        version=2,
        earlier=[{"version": 1, "indicators": ["GD01"], "accepted_until": "2026-06-30"}],
    )
    return load


def stored(load: dict[str, Any]) -> dict[Key, dict[str, Any]]:
    return accept({}, load)


def through_sheets(content: Content) -> Assembled:
    rows, faults = workbook.read(workbook.write(flatten(content)))
    assert faults == []
    made = assemble(rows)
    assert made.faults == []
    return made


def kept(content: Content) -> Content:
    return {section: entries for section, entries in normal(content).items() if entries}


def test_a_package_holds_what_the_regime_needs_and_no_unit() -> None:
    held = stored(rich_load())
    package = package_of(held, "GD-THANG")
    content = package["content"]
    assert [item["id"] for item in content["indicators"]] == ["DA01", "DA02", "GD01", "GD02", "GD03"]
    assert [item["id"] for item in content["measures"]] == ["LOP", "TRIEU-DONG"]
    assert content["dimensions"] == []
    assert "units" not in content
    assert package == package_of(held, "GD-THANG")
    with pytest.raises(NotFound):
        package_of(held, "KTXH")


def test_json_comes_back_the_same_and_loads_as_no_change() -> None:
    held = stored(rich_load())
    package = package_of(held, "GD-THANG")
    content = content_of(msgspec.json.decode(msgspec.json.encode(package)))
    assert content == package["content"]
    assert accept(held, content) == {}


def test_a_changed_package_is_refused_unless_it_says_so() -> None:
    package = package_of(stored(small_load()), "GD-THANG")
    package["content"]["forms"][0]["name"] = "Tên khác"
    with pytest.raises(Invalid, match=r"indicators\.package_changed"):
        content_of(package)
    del package["content_hash"]
    assert content_of(package)["forms"][0]["name"] == "Tên khác"
    for other in ([], {"format": "laichau-regime/9", "content": {}}, {"format": "laichau-regime/1"}):
        with pytest.raises(Invalid, match=r"indicators\.package_unreadable"):
            content_of(other)


def test_a_workbook_comes_back_the_same_and_loads_as_no_change() -> None:
    held = stored(rich_load())
    content = package_of(held, "GD-THANG")["content"]
    content["indicators"] = [{"id": key[1], **body} for key, body in sorted(held.items()) if key[0] == "indicator"]
    content["dimensions"] = [{"id": "CAP-HOC", **held["dimension", "CAP-HOC"]}]
    assert kept(through_sheets(content).content) == kept(content)
    assert accept(held, through_sheets(content).content) == {}


TEXT = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), max_size=30).map(str.strip)
NAME = TEXT.filter(bool)
DAY = st.dates().map(str)
LINE = st.fixed_dictionaries({"label": TEXT, "indent": st.integers(0, 5), "help": TEXT})
CODES = st.lists(st.sampled_from([f"GD{n:02d}" for n in range(20)]), min_size=1, max_size=6, unique=True)


@st.composite
def contents(draw: st.DrawFn) -> dict[str, Any]:
    """What one version of a form asks for, with a table of any size."""
    codes = draw(CODES)
    rows, columns = draw(st.lists(LINE, min_size=1, max_size=4)), draw(st.lists(LINE, min_size=1, max_size=4))
    cell = st.one_of(st.none(), st.sampled_from(codes))
    cells = [[draw(cell) for _ in columns] for _ in rows]
    return {
        "indicators": codes,
        "required": [code for code in codes if draw(st.booleans())],
        "derived": draw(st.lists(st.sampled_from(["TS01", "TS02"]), unique=True)),
        "layout": draw(st.one_of(st.none(), st.just({"rows": rows, "columns": columns, "cells": cells}))),
        "open_lists": [
            {"id": f"L{n}", "label": draw(NAME), "columns": draw(CODES), "max_rows": draw(st.integers(1, 1000))}
            for n in range(draw(st.integers(0, 2)))
        ],
        "rules": [
            {"id": f"Q{n}", "expression": draw(NAME), "severity": draw(st.sampled_from(["error", "warning"]))}
            for n in range(draw(st.integers(0, 2)))
        ],
        "help": draw(st.dictionaries(st.sampled_from(codes), NAME)),
    }


@st.composite
def forms(draw: st.DrawFn) -> dict[str, Any]:
    """A form with earlier versions."""
    owed = [{"unit": f"X{n}", "agency": AGENCY} for n in range(draw(st.integers(0, 3)))]
    each = {"each": draw(st.sampled_from(["commune", "agency"])), "under": draw(st.sampled_from([None, "LC"]))}
    earlier = [
        {**draw(contents()), "version": number, "accepted_until": draw(DAY)}
        for number in range(1, draw(st.integers(1, 3)))
    ]
    return {
        **draw(contents()),
        "id": "GD-THANG-01",
        "name": draw(NAME),
        "regime": "GD-THANG",
        "period_kind": "month",
        "owed_by": draw(st.sampled_from([owed, each])),
        "periods": draw(
            st.sampled_from([{"from": 2026}, {"from": "2026-01", "to": "2026-09"}, {"from": 2025, "to": 2027}])
        ),
        "parties": {"enters": draw(st.lists(st.sampled_from(["A", "B-1"]), unique=True))},
        "version": len(earlier) + 1,
        "earlier": earlier,
    }


@given(forms(), TEXT, st.one_of(st.none(), st.integers(-5, 5), st.just("0.25")))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_a_form_says_comes_back_from_its_workbook(
    form: dict[str, Any], text: str, bound: int | str | None
) -> None:
    load = small_load()
    load["forms"] = [form]
    load["indicators"][0].update(concept=text, minimum=bound)
    load["regimes"][0]["name"] = f"Báo cáo {text}".strip()
    del load["units"]
    content = normal(load)
    assert kept(through_sheets(content).content) == kept(content)


def edited(change: Any) -> bytes:
    """The small regime's workbook, changed by a clerk."""
    content = package_of(stored(small_load()), "GD-THANG")["content"]
    book = load_workbook(BytesIO(workbook.write(flatten(content))))
    change(book)
    packed = BytesIO()
    book.save(packed)
    return packed.getvalue()


def told(change: Any) -> list[tuple[str, str]]:
    rows, faults = workbook.read(edited(change))
    return [(fault.place, fault.code) for fault in [*faults, *assemble(rows).faults]]


def put(sheet: str, cell: str, value: object) -> Any:
    def change(book: Any) -> None:
        book[sheet][cell] = value

    return change


@pytest.mark.parametrize(
    ("change", "place", "code"),
    [
        (put("Chế độ", "F2", "hai mươi"), "Chế độ!F2", "cell"),
        (put("Chế độ", "C2", "bất kỳ"), "Chế độ!C2", "cell"),
        (put("Chế độ", "B2", "=A2"), "Chế độ!B2", "formula"),
        (put("Chế độ", "B1", "Tên"), "Chế độ!1", "heading"),
        (put("Giao báo cáo", "A2", "GD-QUY"), "Giao báo cáo!A2", "unknown"),
        (put("Chỉ tiêu của biểu", "B2", 9), "Chỉ tiêu của biểu!A2", "unknown"),
        (put("Ô số liệu", "D2", 7), "Ô số liệu!C2", "cell"),
        (put("Biểu mẫu", "A3", "GD-THANG-01"), "Biểu mẫu!A3", "twice"),
        (put("Biểu mẫu", "G2", "xã"), "Giao báo cáo!A2", "cell"),
    ],
)
def test_a_cell_that_cannot_be_read_is_named(change: Any, place: str, code: str) -> None:
    assert (place, code) in told(change)


def test_numbers_and_days_that_a_clerk_types_are_read_as_they_are_meant() -> None:
    from datetime import datetime

    def change(book: Any) -> None:
        book["Chế độ"]["F2"] = 25.0
        book["Biểu mẫu"]["I2"] = 2027
        book["Chỉ tiêu"]["S2"] = datetime(2026, 1, 1)  # noqa: DTZ001 - a spreadsheet's days have no zone
        book["Chỉ tiêu"]["Q2"] = 0.1

    rows, faults = workbook.read(edited(change))
    made = assemble(rows)
    assert faults == made.faults == []
    assert made.content["regimes"][0]["deadline"]["day"] == 25
    assert made.content["forms"][0]["periods"] == {"from": 2027}
    assert (made.content["indicators"][0]["minimum"], made.content["indicators"][0]["valid_from"]) == (
        "0.1",
        "2026-01-01",
    )


def test_columns_may_stand_in_another_order() -> None:
    def swap(book: Any) -> None:
        page = book["Giao báo cáo"]
        for row in page.iter_rows(min_row=1, max_row=2):
            row[0].value, row[2].value = row[2].value, row[0].value
        page["C2"] = "GD-QUY"

    assert told(swap) == [("Giao báo cáo!C2", "unknown")]


def test_faults_of_the_whole_lead_back_to_cells() -> None:
    content = package_of(stored(rich_load()), "GD-THANG")["content"]
    made = through_sheets(content)
    assert made.where("forms[GD-THANG-01].indicators") == "Chỉ tiêu của biểu!C2"
    assert made.where("forms[GD-THANG-01].rules[Q1]") == "Quy tắc!D2"
    assert made.where("forms[GD-THANG-01].earlier[1].accepted_until") == "Biểu mẫu!A2"
    assert made.where("regimes[GD-THANG].decision") == "Chế độ!D2"
    assert made.where("indicators[GD03].formula") == "Chỉ tiêu!P6"
    assert made.where("units[LC]") is None


def test_what_is_no_workbook_or_unpacks_too_large_is_refused() -> None:
    bomb = BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("xl/workbook.xml", b"0" * (MAX_UNPACKED + 1))
    entities = BytesIO()
    with zipfile.ZipFile(entities, "w") as package:
        package.writestr("xl/workbook.xml", b'<!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>')
    assert len(bomb.getvalue()) < 100_000
    for packed, code in (
        (bomb.getvalue(), "workbook_too_large"),
        (entities.getvalue(), "workbook_unreadable"),
        (b"PK\x03\x04 no", "workbook_unreadable"),
        (b"", "workbook_unreadable"),
    ):
        with pytest.raises(Invalid, match=rf"indicators\.{code}"):
            workbook.read(packed)


# -- copies ----------------------------------------------------------------------------------------------------------


def test_a_copy_begins_where_the_old_forms_end_and_the_catalogue_stays_sound() -> None:
    held = stored(rich_load())
    content = copy_of(held, "GD-THANG", "GD-THANG-2027", 2027, None, "Quyết định 20/2026/QĐ-UBND")
    changed = accept(held, content)
    assert changed["regime", "GD-THANG-2027"]["decision"] == "Quyết định 20/2026/QĐ-UBND"
    assert changed["form", "GD-THANG-01"]["periods"] == {"from": "2026-01", "to": 2026}
    copied = changed["form", "GD-THANG-2027-01"]
    assert (copied["version"], copied["earlier"], copied["periods"]) == (1, [], {"from": 2027, "to": None})
    assert copied["layout"] == held["form", "GD-THANG-01"]["layout"]


def test_a_copy_from_a_month_on_ends_the_old_form_the_month_before() -> None:
    held = stored(small_load())
    content = copy_of(held, "GD-THANG", "GD-MOI", "2026-07", "2026-12", "QĐ 1")
    assert [form["periods"] for form in content["forms"]] == [
        {"from": "2026-07", "to": "2026-12"},
        {"from": "2026-01", "to": "2026-06"},
    ]
    assert accept(held, content)


def test_a_regime_that_ended_before_is_copied_without_touching_it() -> None:
    load = small_load()
    load["forms"][0]["periods"] = {"from": 2026, "to": 2026}
    content = copy_of(stored(load), "GD-THANG", "GD-THANG-2028", 2028, 2028, "QĐ 1")
    assert [form["id"] for form in content["forms"]] == ["GD-THANG-2028-01"]


def test_a_copy_under_a_taken_id_or_of_nothing_is_refused() -> None:
    held = stored(small_load())
    with pytest.raises(Conflict, match=r"indicators\.id_taken"):
        copy_of(held, "GD-THANG", "GD-THANG", 2027, None, "QĐ 1")
    with pytest.raises(NotFound):
        copy_of(held, "GD-NAM", "GD-NAM-2", 2027, None, "QĐ 1")
    assert deepcopy(held) == stored(small_load())
