"""Lai Châu's own catalogue, whole, as packets of QCVN 125: each is built, validated and read back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest

import catalogue
from services.indicators.domain import packet_catalogue as packets
from services.indicators.domain.packet_figures import list_of
from shared.calendar import Period, WorkingCalendar
from shared.catalogue.almanac import regime_calendar
from shared.catalogue.entries import Dimension, Form, Indicator, Regime
from shared.packets.kind import Header
from shared.packets.report_data import Figure, ReportData
from shared.packets.report_list import ListCell
from shared.packets.xml import Packet, build, read

HEADER = Header(message_id="m", sender="lai-chau", created_at=datetime(2026, 3, 1, tzinfo=UTC))


@pytest.fixture(scope="module")
def loaded() -> dict[str, Any]:
    body = catalogue.read()
    kinds: dict[str, Any] = {"regimes": Regime, "forms": Form, "indicators": Indicator, "dimensions": Dimension}
    return {name: msgspec.convert(body[name], list[kind]) for name, kind in kinds.items()}


def contents(loaded: dict[str, Any]) -> Iterator[msgspec.Struct]:
    """Yield the packets that the catalogue fills."""
    indicators = {item.id: item for item in loaded["indicators"]}
    calendar = WorkingCalendar({}, {})
    for regime in loaded["regimes"]:
        yield packets.regime_of(regime, loaded["forms"])
        yield packets.periods_of_regime(regime_calendar(regime, loaded["forms"], calendar, 2026))
        forms = [form for form in loaded["forms"] if form.regime == regime.id]
        yield packets.kpi_set_of(regime.id, regime.name, regime.decision, forms, indicators)
    yield from (packets.form_of(form, indicators) for form in loaded["forms"])
    yield packets.periods_of_year(2026)
    yield packets.indicators_of(loaded["indicators"], None)
    yield packets.indicators_of(loaded["indicators"], date(2026, 1, 1))
    yield packets.groups_of(loaded["indicators"])
    yield packets.disaggregations_of(loaded["dimensions"])


def test_the_whole_catalogue_leaves_as_packets_and_is_read_as_it_was(loaded: dict[str, Any]) -> None:
    for content in contents(loaded):
        assert read(build(Packet(HEADER, content))).content == content


def test_a_form_tells_its_table_its_lists_and_what_each_indicator_is(loaded: dict[str, Any]) -> None:
    indicators = {item.id: item for item in loaded["indicators"]}
    form = next(form for form in loaded["forms"] if form.id == "XA-THANG")
    told = packets.form_of(form, indicators)
    assert {item.indicator for item in told.cells} == {*form.indicators, *form.derived}
    assert {item.code for item in told.indicators if item.required} == set(form.required)
    assert (told.owed, told.owed_by_each, told.owed_under) == ((), "commune", "LC")
    with_list = next(form for form in loaded["forms"] if form.open_lists)
    columns = [code for part in with_list.open_lists for code in part.columns]
    assert [item.code for item in packets.form_of(with_list, indicators).indicators if item.role == "column"] == columns


def test_a_groups_code_is_its_name_without_diacritics(loaded: dict[str, Any]) -> None:
    assert packets.group_code("Dân số và lao động") == "DAN-SO-VA-LAO-DONG"
    assert packets.group_code("Đất đai, khí hậu") == "DAT-DAI-KHI-HAU"
    assert packets.group_code("") is None
    names = {item.group for item in loaded["indicators"] if item.group}
    groups = packets.groups_of(loaded["indicators"]).groups
    assert {group.name for group in groups} == names, "two groups of the catalogue have one code"
    assert sum(group.count or 0 for group in groups) == sum(1 for item in loaded["indicators"] if item.group)


def test_periods_are_named_as_people_name_them() -> None:
    names = {
        "2026": "Năm 2026",
        "2026-9M": "9 tháng năm 2026",
        "2026-H1": "6 tháng đầu năm 2026",
        "2026-Q2": "Quý II năm 2026",
        "2026-03": "Tháng 3 năm 2026",
        "2026-03-25": "Ngày 25/03/2026",
    }
    assert {code: packets.period_name(Period.parse(code)) for code in names} == names


def test_rows_of_an_open_list_keep_their_number_and_label(loaded: dict[str, Any]) -> None:
    form = next(form for form in loaded["forms"] if form.open_lists)
    [column, *_] = form.open_lists[0].columns
    figures = (
        Figure(indicator=f"{column}.R10", value="5", status="official", label="Đường tránh"),
        Figure(indicator=f"{column}.R2", value=None, status="estimate", label="Trường học"),
        Figure(indicator="GD01", value="1", status="official"),
    )
    data = ReportData(form=form.id, unit="LC", period="2026-Q1", version=2, figures=figures)
    indicators = {item.id: item for item in loaded["indicators"]}
    told = list_of(data, form, indicators).lists[0]
    assert [(row.number, row.label) for row in told.rows] == [(2, "Trường học"), (10, "Đường tránh")]
    assert told.rows[0].cells == (ListCell(column=column, value=None, status="estimate"),)
