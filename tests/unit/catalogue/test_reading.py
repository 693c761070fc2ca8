"""The catalogue's files: what is read, and every fault by file, row and column."""

from __future__ import annotations

import csv
import io
import json
import shutil
import unicodedata
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

import catalogue
from catalogue import Source
from services.indicators.domain.catalogue import accept
from shared.errors import Invalid

MEASURES = "id,name,dimension,factor,aliases\nNGUOI,người,người,1,\nHA,ha,diện tích,1,héc ta; hecta\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of Lai Châu's files that a test may damage."""
    for path in (*catalogue.FOLDER.glob("*.csv"), *catalogue.FOLDER.glob("*.json")):
        shutil.copy(path, tmp_path)
    return tmp_path


def edit(path: Path, change: Callable[[list[list[str]]], None]) -> None:
    rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))
    change(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def found(folder: Path) -> set[tuple[str, str, int, str]]:
    return {
        (fault.code, fault.source.file, fault.source.row, fault.source.field)
        for fault in catalogue.read_places(folder).faults
    }


# -- what is read ----------------------------------------------------------------------------------------------------


def test_every_field_of_an_entry_knows_its_cell() -> None:
    places = catalogue.read_places().places
    rows = list(csv.reader(io.StringIO((catalogue.FOLDER / "indicators.csv").read_text(encoding="utf-8"))))
    for number, row in enumerate(rows[1:], 2):
        for column, (header, cell) in enumerate(zip(rows[0], row, strict=True), 1):
            place = f"indicators[{row[0]}]" + {
                "dimension": ".breakdown.dimension",
                "item": ".breakdown.item",
            }.get(header, f".{header}")
            assert places.find(place) == Source("indicators.csv", number, column, header), cell


def test_a_document_s_values_know_their_line() -> None:
    reading = catalogue.read_places()
    lines = (catalogue.FOLDER / "forms.json").read_text(encoding="utf-8").splitlines()
    for form in reading.body["forms"]:
        source = reading.places.find(f"forms[{form['id']}].name")
        if source is not None and source.file == "forms.json":
            assert json.dumps(form["name"], ensure_ascii=False) in lines[source.row - 1][source.column - 1 :]


def test_a_place_that_was_not_read_leads_to_the_nearest_around_it() -> None:
    places = catalogue.read_places().places
    row = places.find("units[LC-X03451-2004].names[0]")
    assert row is not None
    assert row.file == "units.csv"
    assert places.find("units[LC-X03451-2004].names[0].colour[3]") == row
    assert places.find("units[LC-X99999]") == Source("units.csv")
    assert places.find("themes[1]") is None


def test_a_byte_order_mark_and_decomposed_letters_are_taken(folder: Path) -> None:
    expected = catalogue.read(folder)
    for path in folder.iterdir():
        text = unicodedata.normalize("NFD", path.read_text(encoding="utf-8"))
        path.write_text("\ufeff" + text, encoding="utf-8")
    assert catalogue.read(folder) == expected


def test_a_workbook_reads_like_the_table(tmp_path: Path) -> None:
    (tmp_path / "measures.csv").write_text(MEASURES, encoding="utf-8")
    expected = catalogue.read(tmp_path)
    (tmp_path / "measures.csv").unlink()
    book(tmp_path / "measures.xlsx", [line.split(",") for line in MEASURES.splitlines()])
    reading = catalogue.read_places(tmp_path)
    assert (reading.body["measures"], reading.faults) == (expected["measures"], [])
    assert reading.places.find("measures[HA].factor") == Source("measures.xlsx", 3, 4, "factor")


def test_a_workbook_s_dates_and_numbers_are_their_text(tmp_path: Path) -> None:
    headers = ["id", "kind", "type", "name", "parent", "valid_from"]
    book(tmp_path / "units.xlsx", [headers, ["LC", "province", "tỉnh", "Lai Châu", None, date(2004, 1, 1)]])
    book(tmp_path / "measures.xlsx", [["id", "name", "dimension", "factor"], ["HA", "ha", "diện tích", 1.0]])
    body = catalogue.read(tmp_path)
    assert (body["units"][0]["valid_from"], body["measures"][0]["factor"]) == ("2004-01-01", "1")


def book(path: Path, rows: list[list[Any]]) -> None:
    workbook = Workbook()
    for row in rows:
        workbook.active.append(row)
    workbook.save(path)


def test_partners_are_sent_forms_that_the_catalogue_has() -> None:
    forms = {form["id"] for form in catalogue.read()["forms"]}
    partners = json.loads((catalogue.FOLDER / "partners.json").read_text(encoding="utf-8"))["partners"]
    assert all(set(partner["forms"]) <= forms for partner in partners)


# -- what cannot be read ---------------------------------------------------------------------------------------------


def test_all_faults_are_told_not_only_the_first(folder: Path) -> None:
    def damage(rows: list[list[str]]) -> None:
        rows[3][6] = "30/06/2025"
        rows[5][3] = ""
        rows.append(rows[1])
        rows.append(["LC-MOI", "agency", "sở"])

    edit(folder / "units.csv", damage)
    edit(folder / "indicators.csv", lambda rows: rows[0].__setitem__(2, "unit_of_measure"))
    (folder / "regimes.json").write_text('{"regimes": [\n  {"id": "A",}\n]}', encoding="utf-8")
    end = len((folder / "units.csv").read_text(encoding="utf-8").splitlines())
    assert found(folder) == {
        ("date", "units.csv", 4, "valid_from"),
        ("empty_cell", "units.csv", 6, "name"),
        ("twice", "units.csv", end - 1, "id"),
        ("cells", "units.csv", end, ""),
        ("unknown_column", "indicators.csv", 1, "unit_of_measure"),
        ("missing_column", "indicators.csv", 1, ""),
        ("json", "regimes.json", 2, ""),
    }


@pytest.mark.parametrize(
    ("content", "row"),
    [
        (b"id,name,dimension,factor\nTAN,t\xb8n,kh\xe8i l\xad\xeeng,1\n", 2),
        ("id,name,dimension,factor\nTAN,tấn,khối lượng,1\n".encode("utf-16"), 1),
    ],
    ids=["TCVN3", "UTF-16 as Excel saves it"],
)
def test_a_file_that_is_not_utf_8_says_so_with_its_place(tmp_path: Path, content: bytes, row: int) -> None:
    (tmp_path / "measures.csv").write_bytes(content)
    assert found(tmp_path) == {("encoding", "measures.csv", row, "")}


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("measures.csv", "", "empty_file"),
        ("measures.csv", MEASURES.replace("name,", "name,name,", 1), "twice"),
        ("measures.csv", MEASURES + '"HA2,', "csv"),
        ("measures.csv", MEASURES.replace("hecta", "hec\x01ta"), "control_character"),
        ("measures.xlsx", "no workbook", "xlsx"),
        ("forms.json", "[]", "shape"),
        ("forms.json", '{"forms": [], "version": 2}', "shape"),
        ("forms.json", '{"forms": [{"id": "A", "id": "B"}]}', "twice"),
        ("forms.json", '{"forms": [{"id": NaN}]}', "json"),
        ("values.csv", "", "no_files"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(tmp_path: Path, name: str, content: str, code: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert [fault.code for fault in catalogue.read_places(tmp_path).faults] == [code]
    with pytest.raises(catalogue.Unreadable):
        catalogue.read(tmp_path)


def test_one_table_in_two_files_of_one_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "measures.csv").write_text(MEASURES, encoding="utf-8")
    book(tmp_path / "measures.xlsx", [line.split(",") for line in MEASURES.splitlines()])
    assert ("twice", "measures.xlsx", 0, "") in found(tmp_path)


def test_a_succession_of_a_unit_that_is_not_there_is_named(folder: Path) -> None:
    edit(folder / "successions.csv", lambda rows: rows[1].__setitem__(0, "LC-X0"))
    assert found(folder) == {("unknown", "successions.csv", 2, "unit")}


def test_an_identifier_stands_beside_the_statistics_offices_code(folder: Path) -> None:
    [province] = [unit for unit in catalogue.read(folder)["units"] if unit["id"] == "LC"]
    assert [(code["scheme"], code["code"]) for code in province["codes"]] == [("gso", "12"), ("qd20", "H35")]
    edit(folder / "codes.csv", lambda rows: rows[1].__setitem__(2, "01.02"))
    places = catalogue.read_places(folder).places
    with pytest.raises(Invalid) as caught:
        accept({}, catalogue.read(folder))
    errors: Any = caught.value.context["errors"]
    [source] = [places.find(error["place"]) for error in errors]
    assert source is not None
    assert (source.file, source.row, source.field) == ("codes.csv", 2, "code")


CORRUPTIONS = {  # column: what no cell of it may hold
    "units.csv": {"kind": "planet", "parent": "NOWHERE", "valid_from": "yesterday", "valid_to": "2025-02-30"},
    "indicators.csv": {
        "value_type": "text", "rollup": "mean", "parent": "NOWHERE", "lead_agency": "NOWHERE", "decimals": "nine",
        "minimum": "few", "over_time": "often",
    },
    "measures.csv": {"id": "a b"},
}  # fmt: skip


@given(data=st.data())
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_corrupted_cell_is_reported_at_its_file_row_and_column(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(CORRUPTIONS)))
    column = data.draw(st.sampled_from(sorted(CORRUPTIONS[name])))
    folder = tmp_path_factory.mktemp("catalogue")
    for path in (*catalogue.FOLDER.glob("*.csv"), *catalogue.FOLDER.glob("*.json")):
        shutil.copy(path, folder)
    number = 0

    def damage(rows: list[list[str]]) -> None:
        nonlocal number
        at = rows[0].index(column)
        number = data.draw(st.integers(2, len(rows)))
        rows[number - 1][at] = CORRUPTIONS[name][column]

    edit(folder / name, damage)
    reading = catalogue.read_places(folder)
    sources = [fault.source for fault in reading.faults]
    try:
        accept({}, reading.body)
    except Invalid as refused:
        errors: Any = refused.context["errors"]
        sources += [source for error in errors if (source := reading.places.find(error["place"]))]
    assert (name, number, column) in {(source.file, source.row, source.field) for source in sources}


@pytest.mark.parametrize("row", [95, 184])
def test_each_row_of_a_unit_is_held_to_its_kind_and_its_parent(folder: Path, row: int) -> None:
    """Xã Mù Cả stands in two rows, before and after the reform: neither of them may say something else unseen."""
    sound = (folder / "units.csv").read_text(encoding="utf-8")
    edit(folder / "units.csv", lambda rows: rows[row - 1].__setitem__(rows[0].index("kind"), "agency"))
    assert ("kind", "units.csv", 95, "kind") in found(folder)
    (folder / "units.csv").write_text(sound, encoding="utf-8")
    edit(folder / "units.csv", lambda rows: rows[row - 1].__setitem__(rows[0].index("parent"), "NOWHERE"))
    reading = catalogue.read_places(folder)
    with pytest.raises(Invalid) as refused:
        accept({}, reading.body)
    errors: Any = refused.value.context["errors"]
    sources = [source for error in errors if (source := reading.places.find(error["place"]))]
    assert ("units.csv", row, "parent") in {(source.file, source.row, source.field) for source in sources}


def test_a_code_that_is_not_there_is_reported_at_its_place_in_the_list(folder: Path) -> None:
    text = (folder / "forms.json").read_text(encoding="utf-8").replace('"NN15", "KH01"', '"NN15", "KH99"')
    (folder / "forms.json").write_text(text, encoding="utf-8")
    reading = catalogue.read_places(folder)
    with pytest.raises(Invalid) as refused:
        accept({}, reading.body)
    errors: Any = refused.value.context["errors"]
    source = next(reading.places.find(error["place"]) for error in errors if error["code"] == "unknown")
    assert source is not None
    line = text.splitlines()[source.row - 1]
    assert line[source.column - 1 :].startswith('"KH99"')


@pytest.mark.parametrize(
    ("name", "sound", "corrupt", "field"),
    [
        ("regimes.json", '"day": ', '"day": 9', "day"),
        ("forms-month.json", '"period_kind": "month"', '"period_kind": "fortnight"', "period_kind"),
        ("forms-quarter.json", '"regime": "', '"regime": "KHONG-CO-', "regime"),
        ("dimensions.json", '"code": "', '"code": "?', "code"),
    ],
)
def test_a_corrupted_value_of_a_document_is_reported_at_its_line(
    folder: Path, name: str, sound: str, corrupt: str, field: str
) -> None:
    lines = (folder / name).read_text(encoding="utf-8").splitlines()
    for number in [number for number, line in enumerate(lines, 1) if sound in line][::12]:
        damaged = [line.replace(sound, corrupt, 1) if at == number else line for at, line in enumerate(lines, 1)]
        (folder / name).write_text("\n".join(damaged), encoding="utf-8")
        reading = catalogue.read_places(folder)
        with pytest.raises(Invalid) as refused:
            accept({}, reading.body)
        errors: Any = refused.value.context["errors"]
        found = [source for error in errors if (source := reading.places.find(error["place"]))]
        assert (name, number, field) in {(source.file, source.row, source.field.rpartition("/")[2]) for source in found}
