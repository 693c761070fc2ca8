"""Packets filled from a warehouse with Lai Châu's catalogue: what was approved, as it was, in the actor's scope."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from shared.contracts.actor import Actor
from shared.errors import Forbidden, Invalid, NotFound
from shared.packets.report_data import ReportData, hash_of
from shared.packets.xml import Packet, build, read
from tests.service.indicators.monthly import DOAN_KET, OFFICE, Warehouse
from tests.unit.indicators.test_packets import HEADER

FORM, PERIOD = "XA-THANG", "2026-01"


@pytest.fixture(scope="module")
def warehouse(database: Callable[[str], Engine]) -> Warehouse:
    made = Warehouse(database("indicators"))
    made.approve(FORM, DOAN_KET, PERIOD, {"NT01": "12.5", "NT02": None, "NT06": "300"})
    made.approve(FORM, DOAN_KET, PERIOD, {"NT01": "13", "NT02": None})  # corrected: NT06 was withdrawn
    made.approve("DTC-QUY", "LC", "2026-Q1", {"DT04": "7", "DA01.R2": "5", "DA02.R2": None, "DA01.R10": "6.25"})
    return made


def test_report_data_is_the_whole_approved_content_at_its_newest_version(warehouse: Warehouse) -> None:
    told = warehouse.service.data_packet(OFFICE, FORM, DOAN_KET, PERIOD)
    values = {item.indicator: item.value for item in told.figures}
    assert values == {"NT01": "13", "NT02": None, "NT01.LK": "13"}
    assert (told.unit_name, told.version, told.level) == ("Phường Đoàn Kết", 2, "commune")
    assert told.content_hash == hash_of(told)
    assert {item.measure for item in told.figures if item.indicator == "NT01"} == {"ha"}
    assert read(build(Packet(HEADER, told)), ReportData).content == told
    assert warehouse.service.data_packet(OFFICE, FORM, "gso:03388", PERIOD) == told


def test_an_open_list_keeps_its_rows(warehouse: Warehouse) -> None:
    [told] = warehouse.service.list_packet(OFFICE, "DTC-QUY", "LC", "2026-Q1").lists
    cells = {(row.number, cell.column): cell.value for row in told.rows for cell in row.cells}
    assert cells == {(2, "DA01"): "5", (2, "DA02"): None, (10, "DA01"): "6.25"}
    with pytest.raises(NotFound, match=r"indicators\.no_lists"):
        warehouse.service.list_packet(OFFICE, FORM, DOAN_KET, PERIOD)


def test_kpi_data_are_the_computed_values_alone(warehouse: Warehouse) -> None:
    told = warehouse.service.kpi_packet(OFFICE, DOAN_KET, PERIOD)
    assert {item.code: item.value for item in told.values} == {"NT01.LK": "13"}
    assert (told.set, told.values[0].form, told.values[0].version) == ("ALL", FORM, 2)
    known = {kpi.code for kpi in warehouse.service.kpi_set_packet(OFFICE, form=FORM).kpis}
    assert {item.code for item in warehouse.service.kpi_packet(OFFICE, DOAN_KET, PERIOD, form=FORM).values} <= known


def test_nothing_is_told_outside_the_actors_scope_or_before_it_is_approved(warehouse: Warehouse) -> None:
    stranger = Actor("x", "client", "x", ("observations.read",), ("LC",), (FORM,))
    for asked in (
        lambda: warehouse.service.data_packet(stranger, FORM, DOAN_KET, PERIOD),
        lambda: warehouse.service.list_packet(stranger, "DTC-QUY", "LC", "2026-Q1"),
        lambda: warehouse.service.kpi_packet(stranger, DOAN_KET, PERIOD),
    ):
        with pytest.raises(Forbidden, match="out_of_scope"):
            asked()
    narrow = Actor("y", "client", "y", ("observations.read",), ("*",), ("DTC-QUY",))
    assert warehouse.service.kpi_packet(narrow, DOAN_KET, PERIOD).values == ()
    with pytest.raises(NotFound, match=r"indicators\.no_release"):
        warehouse.service.data_packet(OFFICE, FORM, DOAN_KET, "2026-02")
    with pytest.raises(Invalid, match=r"period\.malformed"):
        warehouse.service.data_packet(OFFICE, FORM, DOAN_KET, "tháng 1")


def test_indicators_are_those_of_the_form_the_group_and_the_day(warehouse: Warehouse) -> None:
    form = warehouse.service.form_packet(OFFICE, FORM)
    told = warehouse.service.indicators_packet(OFFICE, form=FORM)
    assert {item.code for item in told.indicators} == {item.code for item in form.indicators}
    group = warehouse.service.groups_packet(OFFICE).groups[0]
    assert len(warehouse.service.indicators_packet(OFFICE, group=group.code).indicators) == group.count
    regime = warehouse.service.regime_packet(OFFICE, form.regime)
    assert FORM in {item.id for item in regime.forms}
    periods = warehouse.service.periods_packet(OFFICE, 2026, form.regime).periods
    assert [item.code for item in periods][:2] == ["2026-01", "2026-02"]
    assert all(item.deadline is not None for item in periods)
