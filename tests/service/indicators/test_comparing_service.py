"""Series and the grid on a real PostgreSQL: through the reform of 1 July 2025, and within the actor's scope."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Engine

from services.indicators.domain.adding_up import YearRow
from services.indicators.storage.years import rows
from shared.calendar import Period
from shared.contracts.actor import Actor
from shared.contracts.views.warehouse import GridCell
from shared.errors import Forbidden, Invalid, NotFound
from tests.service.indicators.monthly import DOAN_KET, FORM, OFFICE, Warehouse


@pytest.fixture(scope="module")
def filled(database: Callable[[str], Engine]) -> Warehouse:
    warehouse = Warehouse(database("indicators"))
    for number, unit in enumerate(five_old_ones(warehouse), start=1):
        for month in (7, 8):
            warehouse.record(unit, f"2024-{month:02}", KT1=str(number * month), KT2="10", KT3="1")
        for month in range(1, 7):
            warehouse.record(unit, f"2025-{month:02}", KT1=str(number), KT2="10", KT3="1")
    warehouse.record(DOAN_KET, "2025-07", KT1="20.5", KT2="60", KT3="1")
    warehouse.record(DOAN_KET, "2025-08", KT1=None, KT2="61", KT3="1")
    return warehouse


def five_old_ones(warehouse: Warehouse) -> list[str]:
    units = warehouse.service.list_units(OFFICE, kind="commune", limit=500).units
    return [unit.id for unit in units if any(item["id"] == DOAN_KET for item in unit.successors)]


def test_a_merged_unit_is_compared_with_the_sum_of_the_five_it_was_made_of(filled: Warehouse) -> None:
    assert len(five_old_ones(filled)) == 5
    row = filled.row(DOAN_KET, "KT1", "2025-07")
    assert row.this_period == GridCell(value="20.5", state="value", basis="own")
    assert row.last_period == GridCell(value="15", state="value", basis="predecessors")
    assert row.same_period_last_year == GridCell(value="105", state="value", basis="predecessors")
    assert row.since_january == GridCell(value="110.5", state="value", basis="predecessors")
    assert row.since_january_last_year == GridCell(value="105", state="value", basis="predecessors", incomplete=True)
    assert (row.against_last_period, row.against_same_period, row.against_last_year) == ("136.7", "19.5", None)


def test_a_stock_is_added_up_from_the_five_and_a_ratio_is_not(filled: Warehouse) -> None:
    stock = filled.row(DOAN_KET, "KT2", "2025-07")
    assert stock.last_period == GridCell(value="50", state="value", basis="predecessors")
    assert (stock.since_january, stock.against_last_period) == (None, "120")
    ratio = filled.row(DOAN_KET, "KT3", "2025-07")
    assert ratio.last_period == GridCell(value=None, state="missing", basis="none")
    assert ratio.this_period.value == "1"


def test_a_reused_code_means_the_unit_of_the_period(filled: Warehouse) -> None:
    grid = filled.service.read_grid(OFFICE, "2025-07", indicators=["KT1"], units=["gso:03388"])
    assert [(row.unit, row.this_period.value) for row in grid.rows] == [(DOAN_KET, "20.5")]
    [old] = filled.service.list_units(OFFICE, code="gso:03388", on=date(2025, 6, 30)).units
    for period, unit in (("2025-06", old.id), ("2025-07", DOAN_KET)):
        assert filled.service.find_observation(OFFICE, "KT1", "gso:03388", period).unit == unit
    with pytest.raises(NotFound):
        filled.service.find_observation(OFFICE, "KT1", "gso:99999", "2025-07")
    narrow = Actor("xa", "person", "Xã", OFFICE.rights, (old.id,), ("*",))
    with pytest.raises(Forbidden):
        filled.service.find_observation(narrow, "KT1", "gso:03388", "2025-07")


def test_nothing_occurred_is_shown_apart_from_missing(filled: Warehouse) -> None:
    assert filled.row(DOAN_KET, "KT1", "2025-08").this_period.state == "nothing_occurred"
    assert filled.row(DOAN_KET, "KT1", "2025-09").this_period.state == "missing"


def test_a_predecessor_that_lacks_its_figure_leaves_the_sum_missing(filled: Warehouse) -> None:
    assert filled.row(DOAN_KET, "KT1", "2025-10").same_period_last_year.state == "missing"
    filled.record(five_old_ones(filled)[0], "2024-10", KT1="1")
    assert filled.row(DOAN_KET, "KT1", "2025-10").same_period_last_year.state == "missing"


def test_a_figure_of_the_units_own_comes_before_its_predecessors(filled: Warehouse) -> None:
    for unit in five_old_ones(filled):
        filled.record(unit, "2024-12", KT1="1")
    assert filled.row(DOAN_KET, "KT1", "2025-12").same_period_last_year.basis == "predecessors"
    filled.record(DOAN_KET, "2024-12", KT1="7")
    told = filled.row(DOAN_KET, "KT1", "2025-12").same_period_last_year
    assert told == GridCell(value="7", state="value", basis="own")


def test_the_grid_of_a_province_sums_the_communes_under_it(filled: Warehouse) -> None:
    grid = filled.service.read_grid(OFFICE, "2025-07", form=FORM, under="LC")
    assert len({row.unit for row in grid.rows}) == 39
    total = grid.rows[0]
    assert (total.unit, total.indicator, grid.units["LC"]) == ("LC", "KT1", "Tỉnh Lai Châu")
    assert total.this_period == GridCell(value="20.5", state="value", basis="units_below", incomplete=True)
    assert {row.indicator for row in grid.rows if row.unit == "LC"} == {"KT1", "KT2"}
    only = filled.service.read_grid(OFFICE, "2025-07", form=FORM, under="LC", totals_only=True)
    assert only.rows == grid.rows[:2]
    assert (grid.last_period, grid.same_period_last_year) == ("2025-06", "2024-07")
    assert grid.indicators["KT1"].measure == "tấn"


def test_grids_and_series_keep_within_scope(filled: Warehouse) -> None:
    commune = Actor("xa", "person", "Xã", ("observations.read",), (DOAN_KET, "LC"), (FORM,))
    grid = filled.service.read_grid(commune, "2025-07", form=FORM, under="LC")
    assert {row.unit for row in grid.rows} == {DOAN_KET}  # and no sum that would pass for the province's
    with pytest.raises(Forbidden):
        filled.service.read_grid(commune, "2025-07", form=FORM, units=["LC-X03451-2004"])
    with pytest.raises(Forbidden):
        filled.service.read_series(commune, ["KT1"], ["LC-X03451-2004"], "2025-07", "2025-08")
    other = Actor("gd", "person", "Giáo dục", ("observations.read",), ("*",), ("GD-NAM",))
    hidden = filled.service.read_grid(other, "2025-07", indicators=["KT1"], units=[DOAN_KET])
    assert hidden.rows[0].this_period.state == "missing"
    series = filled.service.read_series(other, ["KT1"], [DOAN_KET], "2025-07", "2025-08").series
    assert {point.state for point in series[0].points} == {"missing"}


def test_a_series_has_a_point_for_every_period(filled: Warehouse) -> None:
    page = filled.service.read_series(OFFICE, ["KT2", "KT1"], [DOAN_KET], "2025-06", "2025-09")
    assert [item.indicator for item in page.series] == ["KT1", "KT2"]
    told = [(point.period, point.state, point.value) for point in page.series[0].points]
    assert told == [
        ("2025-06", "value", "15"),
        ("2025-07", "value", "20.5"),
        ("2025-08", "nothing_occurred", None),
        ("2025-09", "missing", None),
    ]
    assert [point.basis for point in page.series[0].points] == ["predecessors", None, None, None]
    months = filled.service.read_series(OFFICE, ["KT1"], [DOAN_KET], "2025", "2025", kind="month").series[0].points
    assert [point.period for point in months] == [f"2025-{month:02}" for month in range(1, 13)]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"period_from": "2025-09", "period_to": "2025-06"}, "bad_span"),
        ({"period_from": "2025", "period_to": "2025", "kind": "week"}, "bad_span"),
        ({"period_from": "x", "period_to": "2025"}, "period.malformed"),
        ({"period_from": "2025", "period_to": "2025", "as_of": "hôm qua"}, "bad_as_of"),
    ],
)
def test_a_series_that_cannot_be_meant_is_refused(filled: Warehouse, asked: dict[str, Any], code: str) -> None:
    with pytest.raises(Invalid, match=code):
        filled.service.read_series(OFFICE, ["KT1"], [DOAN_KET], **asked)


def test_more_than_fifty_thousand_points_are_refused(filled: Warehouse) -> None:
    indicators, units = [f"X{number}" for number in range(100)], [f"U{number}" for number in range(50)]
    with pytest.raises(Invalid, match="too_much"):
        filled.service.read_series(OFFICE, indicators, units, "2025-01", "2025-12")


def test_a_grid_of_nothing_is_refused(filled: Warehouse) -> None:
    with pytest.raises(Invalid, match="grid_of_nothing"):
        filled.service.read_grid(OFFICE, "2025-07", form=FORM)
    with pytest.raises(NotFound):
        filled.service.read_grid(OFFICE, "2025-07", form="KHONG-CO", under="LC")


def test_the_years_that_are_kept_are_those_that_the_observations_make(database: Callable[[str], Engine]) -> None:
    warehouse = Warehouse(database("indicators"))
    months = [Period("month", 2024, number) for number in range(1, 13)]
    for period, values in (
        ("2024-01", {"KT1": "1.5", "KT2": None}),
        ("2024-03", {"KT1": "-2.25", "KT2": "7"}),
        ("2024-03", {"KT1": "99999999999999999999.9999"}),  # corrected, and KT2 withdrawn
        ("2024-12", {"KT2": "4"}),
        ("2024-12", {"KT1": "3"}),
    ):
        warehouse.record(DOAN_KET, period, **values)

    def years(as_of: int | None) -> dict[tuple[str, int], dict[str, YearRow]]:
        with warehouse.service.unit.engine.connect() as connection:
            return rows(connection, {(DOAN_KET, 2024)}, months, ["KT1", "KT2"], as_of=as_of, forms=None)

    with warehouse.service.unit.engine.begin() as connection:
        last = connection.exec_driver_sql("SELECT max(batch) FROM batches").scalar_one()
    kept = years(None)
    assert kept == years(last)
    held = kept[DOAN_KET, 2024]
    assert (held["KT1"].present, held["KT1"].occurred, held["KT2"].present, held["KT2"].occurred) == (
        0b100000000101,
        0b100000000101,
        0b1,
        0b0,
    )
    assert held["KT1"].amounts[2] == 999999999999999999999999
