"""Last year's figures of phường Đoàn Kết on a real PostgreSQL: by each indicator's rule from its five communes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from sqlalchemy import Engine

from shared.contracts.actor import Actor
from shared.contracts.views.warehouse import GridCell, PointView
from tests.service.indicators.monthly import DOAN_KET, OFFICE, Warehouse
from tests.service.indicators.test_looking_back import Book
from tests.unit.shared.test_rollup import FIGURES, five

YEARLY, RATES = "XA-NAM", "XA-NAM-THU"
LAST = {"id": "KT4", "name": "Giá", "measure": "%", "value_type": "decimal", "decimals": 1, "rollup": "last"}
NOW = {"DS01": "27.5", "NN01.SL": "9.9", "NN01.DT": "1.9", "DS05": "14.9", "KT3": "1", "KT4": "7"}
GROWTH = {"id": "KT5", "name": "Tốc độ tăng năng suất", "measure": "%", "value_type": "decimal", "decimals": 1} | {
    "rollup": "derived",
    "formula": "growth_same(NN01.NS)",
}
FORM: dict[str, Any] = {
    "id": RATES,
    "name": "Các tỷ lệ của xã",
    "regime": "KT-NAM",
    "period_kind": "year",
    "indicators": ["DS05", "KT3", "KT4"],
    "derived": ["KT5"],
    "owed_by": {"each": "commune"},
    "periods": {"from": 2024},
}
REGIME = {"id": "KT-NAM", "name": "Chế độ năm", "decision": "01/QĐ", "period_kind": "year", "level": "commune"} | {
    "deadline": {"day": 20}
}


@pytest.fixture(scope="module")
def filled(database: Callable[[str], Engine]) -> Warehouse:
    warehouse = Warehouse(database("indicators"))
    warehouse.service.load_catalogue(OFFICE, {"indicators": [LAST, GROWTH], "regimes": [REGIME], "forms": [FORM]})
    for number, unit in enumerate(five()):
        report(warehouse, unit, "2024", {code: texts[number] for code, texts in FIGURES.items()} | {"KT4": str(number)})
    report(warehouse, DOAN_KET, "2025", NOW)
    return warehouse


def report(warehouse: Warehouse, unit: str, period: str, values: Mapping[str, str]) -> None:
    """Approve these figures on the forms that carry them."""
    rates = {"KT3": "1", **values}
    for form in (YEARLY, RATES):
        carried = {code: value for code, value in rates.items() if (code in FORM["indicators"]) == (form == RATES)}
        warehouse.approve(form, unit, period, carried)


@pytest.mark.parametrize(
    ("code", "last_year", "compared"),
    [
        ("DS01", "27", "101.9"),  # added: 27.5 / 27.0
        ("DS05", "15.3", "97.4"),  # weighted by DS01: 412.5 / 27.0; 14.9 / 15.3
        ("NN01.NS", "50", "104.2"),  # 9.0 / 1.8 * 10; 52.1 / 50
        ("KT4", "4", "175"),  # the one approved last
    ],
)
def test_the_grid_shows_what_the_five_communes_reported_together(
    filled: Warehouse, code: str, last_year: str, compared: str
) -> None:
    row = filled.row(DOAN_KET, code, "2025")
    assert row.same_period_last_year == GridCell(value=last_year, state="value", basis="predecessors")
    assert (row.this_period.basis, row.against_same_period) == ("own", compared)


def test_what_is_never_added_has_no_last_year(filled: Warehouse) -> None:
    row = filled.row(DOAN_KET, "KT3", "2025")
    assert row.same_period_last_year == GridCell(value=None, state="missing", basis="none")
    assert row.this_period.value == "1"


def test_a_formula_and_the_grid_see_the_same_last_year(filled: Warehouse) -> None:
    grown = filled.service.find_observation(OFFICE, "KT5", DOAN_KET, "2025")
    assert (grown.value, grown.basis) == ("4.2", "predecessors")  # 52.1 against 50


def test_a_series_goes_back_through_the_reform(filled: Warehouse) -> None:
    codes = ["DS01", "DS05", "KT3", "NN01.NS"]
    page = filled.service.read_series(OFFICE, codes, [DOAN_KET], "2023", "2025")
    told = {item.indicator: item.points for item in page.series}
    assert {code: [point.value for point in points] for code, points in told.items()} == {
        "DS01": [None, "27", "27.5"],
        "DS05": [None, "15.3", "14.9"],
        "KT3": [None, None, "1"],
        "NN01.NS": [None, "50", "52.1"],
    }
    rolled = PointView(
        period="2024", state="value", value="15.3", status="official", derived=True, basis="predecessors"
    )
    assert told["DS05"][1] == rolled


def test_a_past_is_read_as_of_a_batch_and_a_correction_of_one_commune_changes_it(filled: Warehouse) -> None:
    before = filled.service.read_grid(OFFICE, "2025", indicators=["DS05"], units=[DOAN_KET]).as_of
    figures = {code: texts[0] for code, texts in FIGURES.items()} | {"KT4": "0"}
    report(filled, five()[0], "2024", figures | {"DS05": "40"})
    try:
        now = filled.row(DOAN_KET, "DS05", "2025").same_period_last_year
        then = filled.row(DOAN_KET, "DS05", "2025", as_of=before).same_period_last_year
        assert (now.value, then.value) == ("20.3", "15.3")  # (412.5 + 26 * 5.2) / 27
    finally:
        report(filled, five()[0], "2024", figures)


def test_whose_scope_lacks_the_form_sees_nothing_rolled_up(filled: Warehouse) -> None:
    other = Actor("gd", "person", "Giáo dục", ("observations.read",), ("*",), ("GD-NAM",))
    grid = filled.service.read_grid(other, "2025", indicators=["DS05", "NN01.NS"], units=[DOAN_KET])
    assert {row.same_period_last_year.state for row in grid.rows} == {"missing"}
    series = filled.service.read_series(other, ["DS05", "NN01.NS"], [DOAN_KET], "2024", "2025").series
    assert {point.state for item in series for point in item.points} == {"missing"}


def test_the_database_adds_up_by_share_as_formulas_do(database: Callable[[str], Engine]) -> None:
    book = Book(database("indicators"))
    book.report("C4", "2024-07", M="10.6", R="6", P="3")
    for unit in ("C5", "C6"):
        book.report(unit, "2025-07", M="10", R="5", P="1")
    grid = book.service.read_grid(OFFICE, "2025-07", indicators=["M", "R"], units=["C5", "C6"])
    told = {(row.unit, row.indicator): row.same_period_last_year for row in grid.rows}
    # 10.6 * 0.4 and * 0.6, to one place; the rate of the whole stands for its parts.
    assert {key: cell.value for key, cell in told.items()} == {
        ("C5", "M"): "4.2",
        ("C6", "M"): "6.4",
        ("C5", "R"): "6",
        ("C6", "R"): "6",
    }
    assert {cell.basis for cell in told.values()} == {"predecessors_estimated"}
    series = book.service.read_series(OFFICE, ["M", "R"], ["C5", "C6"], "2024-07", "2024-07").series
    assert {(item.unit, item.indicator): item.points[0].value for item in series} == {
        key: cell.value for key, cell in told.items()
    }
    assert book.value("CK", "C5", "2025-07") == "138.1"  # 10 against 4.2
