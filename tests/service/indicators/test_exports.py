"""Exports from a real PostgreSQL, read back: CSV, XLSX, SDMX-CSV 2.0 and SDMX-ML 3.0 hold what the warehouse holds."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from openpyxl import load_workbook
from pysdmx.io import read_sdmx
from pysdmx.model import Codelist, DataStructureDefinition
from sqlalchemy import Engine

import catalogue
from services.indicators.exports import sdmx
from services.indicators.service import exporting
from shared.contracts.actor import Actor
from shared.contracts.events import Figure
from shared.contracts.views.warehouse import ObservationView
from shared.errors import Forbidden, Invalid
from tests.service.indicators.monthly import DOAN_KET, OFFICE, Warehouse
from tests.service.indicators.test_warehouse_service import Desk, published

FIRST_PAGE = 7


@pytest.fixture(scope="module")
def desk(database: Callable[[str], Engine]) -> Desk:
    made = Desk(database("indicators"))
    made.service.load_catalogue(OFFICE, catalogue.read())
    for form in ("NN-NAM", "DS-NAM", "GD-NAM"):
        for year in ("2015", "2016"):
            made.finalise(form, year, [*published(form, year), *_nothing(form)])
    return made


def _nothing(form: str) -> list[Figure]:
    return [Figure("GD05", None, "estimate")] if form == "GD-NAM" else []


def _observations(desk: Desk, **asked: Any) -> list[ObservationView]:
    return desk.service.list_observations(OFFICE, limit=5_000, **asked).observations


def _export(desk: Desk, kind: Any, limit: int = FIRST_PAGE, **asked: Any) -> str:
    page = desk.service.export_page(OFFICE, kind, limit=limit, **asked)
    text, pages = page.content, 1
    while page.next is not None:
        page = desk.service.export_page(OFFICE, kind, limit=limit, **{**asked, "as_of": page.as_of}, after=page.next)
        text += page.content
        pages += 1
    assert pages > 1
    return text


def _held(desk: Desk) -> dict[tuple[str, ...], str | None]:
    return {
        (sdmx.code(item.unit), sdmx.code(item.indicator), sdmx.time_period(item.period)): item.value
        for item in _observations(desk)
    }


def test_a_csv_holds_every_value_with_names_and_places(desk: Desk) -> None:
    rows = list(csv.DictReader(io.StringIO(_export(desk, "csv", bom=True).removeprefix("\ufeff"), newline="")))
    held = _observations(desk)
    assert [(row["indicator"], row["unit"], row["period"], row["value"] or None) for row in rows] == [
        (item.indicator, item.unit, item.period, item.value) for item in held
    ]
    yields = next(row for row in rows if (row["indicator"], row["period"]) == ("NN01.NS", "2016"))
    assert (yields["unit_name"], yields["value"], yields["derived"]) == ("Tỉnh Lai Châu", "43.5", "1")
    assert (yields["measure"], yields["recorded_at"][-6:]) == ("tạ/ha", "+07:00")
    assert next(row for row in rows if row["indicator"] == "GD05")["nothing_occurred"] == "1"


def _of_pysdmx(text: str) -> dict[tuple[str, ...], str | None]:
    """Return what pysdmx reads, by (unit, indicator, period)."""
    found: dict[tuple[str, ...], str | None] = {}
    [dataset] = read_sdmx(text, validate=True).get_datasets()
    for row in dataset.data.astype(object).where(dataset.data.notna(), None).to_dict("records"):
        value = row.get("OBS_VALUE")
        nothing = str(row.get("NOTHING_OCCURRED")).lower() == "true"
        assert (value in (None, "")) == nothing
        assert row["ROW"] == sdmx.NO_ROW
        key = (row["REF_AREA"], row["INDICATOR"], str(row["TIME_PERIOD"]))
        assert key not in found
        found[key] = None if nothing else str(value)
    return found


def _same(found: dict[tuple[str, ...], str | None], held: dict[tuple[str, ...], str | None]) -> None:
    assert found.keys() == held.keys()
    for key, value in held.items():
        told = found[key]
        assert (told is None) == (value is None), key
        assert value is None or Decimal(told or "") == Decimal(value), key


@pytest.mark.parametrize("kind", ["sdmx-csv", "sdmx-ml"])
def test_pysdmx_reads_every_observation_back(desk: Desk, kind: str) -> None:
    _same(_of_pysdmx(_export(desk, kind)), _held(desk))


def test_the_structures_are_read_back_and_hold_the_catalogue(desk: Desk) -> None:
    message = read_sdmx(desk.service.export_structures(OFFICE).content, validate=True)
    lists = {item.id: item for item in message.structures or () if isinstance(item, Codelist)}
    body = catalogue.read()
    assert {item.id for item in lists["CL_INDICATOR"].items} == {sdmx.code(item["id"]) for item in body["indicators"]}
    assert {item.id for item in lists["CL_UNIT"].items} == {sdmx.code(item["id"]) for item in body["units"]}
    assert {item.id for item in lists["CL_FREQ"].items} == set(sdmx.FREQUENCIES.values())
    [structure] = [item for item in message.structures or () if isinstance(item, DataStructureDefinition)]
    assert [item.id for item in structure.components.dimensions] == list(sdmx.DIMENSIONS)
    assert [item.id for item in structure.components.attributes] == list(sdmx.ATTRIBUTES)
    assert [item.id for item in structure.components.measures] == ["OBS_VALUE"]
    codes = {code for key in _held(desk) for code in key[:2]}
    assert codes <= {item.id for name in ("CL_INDICATOR", "CL_UNIT") for item in lists[name].items}


def test_a_workbook_holds_every_value_as_a_number_with_its_places(desk: Desk) -> None:
    made = desk.service.export_list(OFFICE, form="NN-NAM")
    book = load_workbook(io.BytesIO(base64.b64decode(made.content)))
    sheet = book["Số liệu"]
    held = _observations(desk, form="NN-NAM")
    rows = list(sheet.iter_rows(min_row=2))
    assert (len(rows), made.rows, sheet.freeze_panes) == (len(held), len(held), "A2")
    for cells, item in zip(rows, held, strict=True):
        assert (cells[0].value, cells[3].value, cells[5].value) == (item.indicator, item.unit, item.period)
        assert Decimal(str(cells[6].value)) == Decimal(item.value or "")
    yields = next(cells for cells in rows if cells[0].value == "NN01.NS")
    assert (yields[6].number_format, yields[7].value) == ("#,##0.0", "chính thức")
    notes = {row[0].value: row[1].value for row in book["Nguồn và ghi chú"].iter_rows()}
    assert notes["Biểu mẫu"] == "NN-NAM"
    assert f"đợt ghi nhận {made.as_of}" in str(notes["Số liệu tính đến"])


def test_an_export_of_more_than_the_bound_is_refused_with_a_way_out(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "MAX_SHEET_ROWS", 10)
    with pytest.raises(Invalid, match="export_too_large"):
        desk.service.export_list(OFFICE)


def test_exports_keep_within_scope(desk: Desk) -> None:
    school = Actor("gd", "client", "Giáo dục", ("observations.read",), ("LC",), ("GD-NAM",))
    rows = list(csv.DictReader(io.StringIO(desk.service.export_page(school, "csv").content, newline="")))
    assert {row["form"] for row in rows} == {"GD-NAM"}
    with pytest.raises(Forbidden):
        desk.service.export_page(school, "csv", form="NN-NAM")
    nobody = Actor("x", "person", "X")
    with pytest.raises(Forbidden):
        desk.service.export_structures(nobody)


def test_an_export_shows_one_moment_however_long_it_takes(database: Callable[[str], Engine]) -> None:
    warehouse = Warehouse(database("indicators"))  # replaces the others' database: last in this module
    for month in range(1, 4):
        warehouse.record(DOAN_KET, f"2026-{month:02}", KT1="1", KT2="2")
    first = warehouse.service.export_page(OFFICE, "csv", limit=2)
    warehouse.record(DOAN_KET, "2026-02", KT1="100")
    rest = warehouse.service.export_page(OFFICE, "csv", as_of=first.as_of, after=first.next, limit=100)
    rows = list(csv.DictReader(io.StringIO(first.content + rest.content, newline="")))
    assert [row["value"] for row in rows] == ["1", "2"] * 3
    asked: Any = {"indicators": ["KT1", "KT2"], "units": [DOAN_KET]}
    grid = warehouse.service.export_grid(OFFICE, "csv", "2026-02", **asked, bom=True)
    text = base64.b64decode(grid.content).decode()
    [one, _] = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    assert (one["Kỳ này (2026-02)"], one["Kỳ trước (2026-01)"], one["So với kỳ trước (%)"]) == ("100", "1", "10000")
    series = warehouse.service.export_series(OFFICE, "xlsx", ["KT1"], [DOAN_KET], "2026-01", "2026-04")
    book = load_workbook(io.BytesIO(base64.b64decode(series.content)))
    assert [cell.value for cell in next(book["Chuỗi số liệu"].iter_rows(min_row=2))][5:] == [1, 100, 1, None]
