"""The formats of exports: nothing is lost, nothing is run, whatever the texts are."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from openpyxl import load_workbook

from services.indicators.domain.catalogue import Catalogue, accept
from services.indicators.exports import sdmx, structures
from services.indicators.exports.sheets import grid_sheet
from services.indicators.exports.table import Number, csv_text
from services.indicators.exports.workbook import Column, Figure, workbook
from services.indicators.testing import small_load
from shared.contracts.views.warehouse import GridCell, GridIndicator, GridRow, GridView, ObservationView

FIGURES = ("same_period_last_year", "last_period", "this_period", "since_january", "since_january_last_year")
ITEM = ObservationView(
    indicator="NN01.NS",
    unit="LC",
    period="2016",
    form="NN-NAM",
    value="43.5",
    status="official",
    derived=True,
    level="province",
    batch=1,
    version=2,
    recorded_at=datetime(2017, 1, 1, tzinfo=UTC),
    submission_id="s",
    round=1,
)
_texts = st.text(max_size=20)


@given(st.lists(st.lists(_texts, min_size=1, max_size=4), max_size=5))
def test_no_spreadsheet_runs_a_text_and_every_other_text_is_kept(rows: list[list[str]]) -> None:
    read = list(csv.reader(io.StringIO(csv_text(rows), newline="")))
    for before, after in zip(rows, read, strict=True):
        for cell, told in zip(before, after or [""], strict=True):
            dangerous = cell.startswith(("=", "+", "-", "@", "\t", "\r"))
            assert told == (f"'{cell}" if dangerous else cell)


def test_a_negative_number_is_no_formula() -> None:
    assert csv_text([[Number("-3.5"), "-3.5", 4]]) == "-3.5,'-3.5,4\r\n"


@pytest.mark.parametrize(
    ("period", "frequency", "told"),
    [
        ("2016", "A", "2016"),
        ("2016-H2", "S", "2016-S2"),
        ("2016-9M", "N", "2016-01-01/P9M"),
        ("2016-Q1", "Q", "2016-Q1"),
        ("2016-03", "M", "2016-03"),
        ("2016-03-31", "D", "2016-03-31"),
    ],
)
def test_periods_are_written_as_the_standard_does(period: str, frequency: str, told: str) -> None:
    made = sdmx.components(replace(ITEM, period=period))
    assert (made["FREQ"], made["TIME_PERIOD"]) == (frequency, told)


def test_a_row_of_an_open_list_is_a_dimension_of_its_own() -> None:
    made = sdmx.components(replace(ITEM, indicator="DA01.R7", label="Đường Than Uyên"))
    assert (made["INDICATOR"], made["ROW"], made["LABEL"]) == ("DA01", "R7", "Đường Than Uyên")
    assert sdmx.components(ITEM)["ROW"] == "_Z"
    assert sdmx.components(ITEM)["INDICATOR"] == "NN01-NS"


def test_nothing_occurred_has_no_value_and_says_so() -> None:
    made = sdmx.components(replace(ITEM, value=None))
    assert "OBS_VALUE" not in made
    assert made["NOTHING_OCCURRED"] == "true"


@given(label=st.text(st.characters(codec="utf-8"), max_size=30), value=st.decimals(-(10**20), 10**20, places=4))
def test_any_label_makes_well_formed_xml_and_one_line_of_csv(label: str, value: Decimal) -> None:
    item = replace(ITEM, label=label, value=f"{value:f}")
    text = sdmx.xml_head("x", datetime(2026, 1, 1, tzinfo=UTC)) + sdmx.xml_rows([item, ITEM]) + sdmx.XML_TAIL
    first, second = etree.fromstring(text.encode()).iter("Obs")
    assert first.get("OBS_VALUE") == f"{value:f}"
    assert second.get("LABEL") is None
    if label.isprintable():
        assert (first.get("LABEL") or "") == label
    [row] = csv.DictReader(io.StringIO(sdmx.csv_head() + sdmx.csv_rows([item]), newline=""))
    assert (row["LABEL"], row["OBS_VALUE"]) == (label, f"{value:f}")


def test_a_workbook_runs_no_text_and_keeps_long_numbers_whole() -> None:
    long = "12345678901234567.1234"
    made = workbook("x" * 40, [Column("=a", 5), Column("b", 5)], [["=1+1", Figure(long, 1)], ["", Figure("-2", 1)]], [])
    sheet = load_workbook(io.BytesIO(made)).worksheets[0]
    rows = list(sheet.iter_rows(min_row=2))
    assert (rows[0][0].data_type, rows[0][0].value, rows[0][1].value) == ("s", "=1+1", long)
    assert (rows[1][1].value, rows[1][1].number_format) == (-2, "#,##0.0")
    assert len(sheet.title) == 31


def _cell(value: str, basis: str = "own", incomplete: bool = False) -> GridCell:
    return GridCell(value=value, state="value", basis=basis, incomplete=incomplete)


@pytest.mark.parametrize("text", ["Dự án \x01 A", "\x0b", "\uffff"])
def test_what_xml_cannot_hold_spoils_neither_a_workbook_nor_the_structures(text: str) -> None:
    shown = text.translate(dict.fromkeys(map(ord, "\x01\x0b\uffff"), "\ufffd"))
    made = workbook("Số liệu", [Column("Tên dòng", 9)], [[text]], [("Đơn vị", text)])
    sheet, notes = load_workbook(io.BytesIO(made)).worksheets
    assert (sheet["A2"].value, notes["B1"].value) == (shown, shown)
    load = small_load()
    load["units"][0]["name"] = text
    told = structures.message(Catalogue.of(accept({}, load)), datetime(2026, 1, 1, tzinfo=UTC))
    assert f">{shown}<" in told


def test_a_grid_tells_in_one_note_what_rests_on_other_figures() -> None:
    row = GridRow(
        unit="U",
        indicator="A",
        same_period_last_year=_cell("105", "predecessors"),
        last_period=_cell("15", "predecessors"),
        this_period=_cell("20.5"),
        against_last_period="136.7",
        against_same_period="19.5",
        since_january=_cell("110.5", "predecessors"),
        since_january_last_year=_cell("105", "predecessors", incomplete=True),
        against_last_year=None,
    )
    below: dict[str, Any] = {name: _cell("1", "units_below") for name in FIGURES}
    grid = GridView(
        period="2025-07",
        as_of=1,
        last_period="2025-06",
        same_period_last_year="2024-07",
        units={"U": "Phường Đoàn Kết"},
        indicators={"A": GridIndicator(name="Sản lượng", measure="tấn", decimals=1)},
        rows=[row, replace(row, **below)],
    )
    first, second = list(csv.reader(io.StringIO(grid_sheet(grid, []).as_csv(False), newline="")))[1:]
    assert first[:8] == ["Phường Đoàn Kết", "Sản lượng", "tấn", "105", "15", "20.5", "136.7", "19.5"]
    assert first[8:] == [
        "110.5",
        "105",
        "",
        "tổng hợp từ các đơn vị trước sắp xếp: cùng kỳ, kỳ trước, lũy kế, lũy kế năm trước;"
        " chưa đủ số liệu: lũy kế năm trước",
    ]
    assert second[11] == "cộng từ các đơn vị trực thuộc"
