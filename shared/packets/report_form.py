"""Packet (2), the report form: which indicators are entered and computed, in which table, by whom and when."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Struct

from shared.packets.datatypes import Code, Count, Decimal, Flag, Line, PeriodKind, PeriodText, Text
from shared.packets.kind import HEADER, Kind, Names


class FormIndicator(Struct, frozen=True, kw_only=True):
    """An indicator of the form as it is defined now."""

    code: Annotated[Code, "the indicator's code"]
    name: Annotated[Line, "its name"]
    measure: Annotated[Line, "its unit of measure"]
    role: Annotated[Literal["entered", "derived", "column"], "entered, computed beside, or a column of an open list"]
    required: Annotated[Flag, "whether the form cannot be sent without it"]
    value_type: Annotated[Literal["integer", "decimal"], "whole numbers, or any"]
    decimals: Annotated[Count, "to how many places it is published"]
    minimum: Annotated[Decimal | None, "the least that may be entered"] = None
    maximum: Annotated[Decimal | None, "the most that may be entered"] = None
    formula: Annotated[Line | None, "how it is computed"] = None
    help: Annotated[Text | None, "for who fills it in"] = None


class Owed(Struct, frozen=True, kw_only=True):
    """The agency that owes the form about a unit."""

    unit: Annotated[Code, "what the figures are about"]
    agency: Annotated[Code, "who owes them"]


class FormLine(Struct, frozen=True, kw_only=True):
    """A row or a column of the table; the first is number 1."""

    number: Annotated[Count, "its place"]
    label: Annotated[Line | None, "its heading"] = None
    indent: Annotated[Count, "steps to the right"] = 0
    help: Annotated[Text | None, "for who fills it in"] = None


class FormCell(Struct, frozen=True, kw_only=True):
    """Where an indicator stands in the table; a place without a cell is not entered."""

    row: Annotated[Count, "the row's number"]
    column: Annotated[Count, "the column's number"]
    indicator: Annotated[Code, "the indicator's code"]


class FormList(Struct, frozen=True, kw_only=True):
    """A list that the reporter makes as long as it must be."""

    id: Annotated[Code, "the list's id"]
    label: Annotated[Line, "what its rows are"]
    columns: Annotated[tuple[Code, ...], "the codes of its columns"]
    max_rows: Annotated[Count, "how many rows it may have"]


class FormRule(Struct, frozen=True, kw_only=True):
    """A rule between cells."""

    id: Annotated[Code, "the rule's id"]
    expression: Annotated[Line, "a comparison of two formulas over codes"]
    severity: Annotated[Literal["error", "warning"], "whether it keeps the form from being sent"]
    message: Annotated[Text | None, "what a developer reads (English)"] = None
    detail: Annotated[Text | None, "what a clerk reads (Vietnamese)"] = None


class ReportForm(Struct, frozen=True, kw_only=True):
    """A report form (biểu mẫu báo cáo) at its newest version."""

    id: Annotated[Code, "the form's id"]
    name: Annotated[Line, "its name"]
    regime: Annotated[Code, "the regime it belongs to"]
    version: Annotated[Count, "the version that this is"]
    period_kind: Annotated[PeriodKind, "of which kind its periods are"]
    first: Annotated[PeriodText, "the first period or year it is asked for"]
    last: Annotated[PeriodText | None, "the last one; absent: until further notice"] = None
    owed: Annotated[tuple[Owed, ...], "who owes it about which unit"] = ()
    owed_by_each: Annotated[Code | None, "or: every unit of this kind owes it about itself"] = None
    owed_under: Annotated[Code | None, "those below this unit"] = None
    rolls_up: Annotated[Code | None, "the form of the units below from which it is filled"] = None
    owner: Annotated[Code | None, "the unit that designed it; absent: the province's Office"] = None
    indicators: Annotated[tuple[FormIndicator, ...], "its indicators"] = ()
    rows: Annotated[tuple[FormLine, ...], "the rows of its table; absent: one for each indicator"] = ()
    columns: Annotated[tuple[FormLine, ...], "the columns of its table"] = ()
    cells: Annotated[tuple[FormCell, ...], "which indicator stands where"] = ()
    lists: Annotated[tuple[FormList, ...], "its open lists"] = ()
    rules: Annotated[tuple[FormRule, ...], "its rules"] = ()


NAMES: Names = {
    **HEADER,
    ReportForm: {
        "id": "id",
        "name": "name",
        "regime": "regime",
        "version": "version",
        "period_kind": "period_kind",
        "first": "first",
        "last": "last",
        "owed": "owed",
        "owed_by_each": "owed_by_each",
        "owed_under": "owed_under",
        "rolls_up": "rolls_up",
        "owner": "owner",
        "indicators": "indicator",
        "rows": "row",
        "columns": "column",
        "cells": "cell",
        "lists": "list",
        "rules": "rule",
    },
    FormIndicator: {
        "code": "code",
        "name": "name",
        "measure": "measure",
        "role": "role",
        "required": "required",
        "value_type": "value_type",
        "decimals": "decimals",
        "minimum": "minimum",
        "maximum": "maximum",
        "formula": "formula",
        "help": "help",
    },
    Owed: {"unit": "unit", "agency": "agency"},
    FormLine: {"number": "number", "label": "label", "indent": "indent", "help": "help"},
    FormCell: {"row": "row", "column": "column", "indicator": "indicator"},
    FormList: {"id": "id", "label": "label", "columns": "column", "max_rows": "max_rows"},
    FormRule: {
        "id": "id",
        "expression": "expression",
        "severity": "severity",
        "message": "message",
        "detail": "detail",
    },
}

KIND = Kind(
    number=2,
    id="report-form",
    root="ReportForm",
    title="Biểu mẫu báo cáo",
    told="a report form: indicators, table, open lists, rules and who owes it",
    content=ReportForm,
    names=NAMES,
    unique={
        "indicators": ("code",),
        "rows": ("number",),
        "columns": ("number",),
        "cells": ("row", "column"),
        "lists": ("id",),
        "rules": ("id",),
    },
)
