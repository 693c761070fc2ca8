"""Packet (5), report data as list: lists whose rows the reporter makes (projects), each row a figure per column."""

from __future__ import annotations

from typing import Annotated

from msgspec import Struct

from shared.packets.datatypes import Code, Count, Decimal, Line, PeriodText, Status
from shared.packets.kind import HEADER, Kind, Names


class ListColumn(Struct, frozen=True, kw_only=True):
    """A column of a list."""

    indicator: Annotated[Code, "the column's code"]
    name: Annotated[Line | None, "its name, for people"] = None
    measure: Annotated[Line | None, "its unit of measure"] = None


class ListCell(Struct, frozen=True, kw_only=True):
    """One figure of a row; `value` None: nothing occurred. A cell that is not listed is missing."""

    column: Annotated[Code, "the column's code"]
    value: Annotated[Decimal | None, "the value"]
    status: Annotated[Status, "ước tính, sơ bộ, chính thức"]


class ListRow(Struct, frozen=True, kw_only=True):
    """A row with its label."""

    number: Annotated[Count, "its number, which it keeps"]
    label: Annotated[Line | None, "what it is"] = None
    cells: Annotated[tuple[ListCell, ...], "its figures"] = ()


class OpenList(Struct, frozen=True, kw_only=True):
    """A list."""

    id: Annotated[Code, "the list's id"]
    label: Annotated[Line | None, "what its rows are"] = None
    columns: Annotated[tuple[ListColumn, ...], "its columns"] = ()
    rows: Annotated[tuple[ListRow, ...], "its rows"] = ()


class ReportList(Struct, frozen=True, kw_only=True):
    """Report data as list (dữ liệu báo cáo dạng danh sách)."""

    form: Annotated[Code, "the form's id"]
    form_version: Annotated[Count | None, "the version of the form that the sender knows"] = None
    unit: Annotated[Code, "the unit that the lists are about"]
    unit_name: Annotated[Line | None, "its name, for people"] = None
    agency: Annotated[Code | None, "the agency that reported"] = None
    period: Annotated[PeriodText, "the period"]
    version: Annotated[Count | None, "the content's version"] = None
    lists: Annotated[tuple[OpenList, ...], "the lists"] = ()


NAMES: Names = {
    **HEADER,
    ReportList: {
        "form": "form",
        "form_version": "form_version",
        "unit": "unit",
        "unit_name": "unit_name",
        "agency": "agency",
        "period": "period",
        "version": "version",
        "lists": "list",
    },
    OpenList: {"id": "id", "label": "label", "columns": "column", "rows": "row"},
    ListColumn: {"indicator": "indicator", "name": "name", "measure": "measure"},
    ListRow: {"number": "number", "label": "label", "cells": "cell"},
    ListCell: {"column": "column", "value": ("value", "nothing_occurred"), "status": "status"},
}

KIND = Kind(
    number=5,
    id="report-list",
    root="ReportList",
    title="Dữ liệu báo cáo dạng danh sách",
    told="report data as list: rows that the reporter makes, a figure per column",
    content=ReportList,
    names=NAMES,
    unique={"lists": ("id",)},
)
