"""A workbook for people: Vietnamese headings, numbers as numbers, a sheet that says where they come from."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from services.indicators.exports.paper import for_paper
from services.indicators.exports.table import writable

MAX_DIGITS = 15
"""Digits that a spreadsheet keeps exactly; longer numbers are written as text."""

NOTHING = "không phát sinh"


@dataclass(frozen=True, slots=True)
class Column:
    """A heading and how wide its column is, in letters."""

    heading: str
    width: int


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with the places it is shown in; None: nothing occurred."""

    value: str | None
    decimals: int


Cell = str | int | datetime | Figure | None


def workbook(
    title: str,
    columns: Sequence[Column],
    rows: Iterable[Sequence[Cell]],
    notes: Sequence[tuple[str, str]],
    breathe: Callable[[], None] = lambda: None,
) -> bytes:
    """Return the workbook as the bytes of an XLSX file. `breathe` is called every 500 rows."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Alignment, Font, PatternFill
    from openpyxl.utils import get_column_letter

    book = Workbook(write_only=True)
    sheet = book.create_sheet(title[:31])
    sheet.freeze_panes = "A2"
    for_paper(sheet, head_rows=1)
    for number, column in enumerate(columns, start=1):
        sheet.column_dimensions[get_column_letter(number)].width = column.width
    head = []
    for column in columns:
        cell = WriteOnlyCell(sheet, column.heading)
        cell.font = Font(bold=True)
        cell.fill = PatternFill("solid", fgColor="DDE6F0")
        cell.alignment = Alignment(wrap_text=True, vertical="center", horizontal="center")
        head.append(cell)
    sheet.append(head)
    count = 1
    for row in rows:
        sheet.append([_cell(WriteOnlyCell(sheet, None), value) for value in row])
        count += 1
        if count % 500 == 0:
            breathe()
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(columns))}{count}"
    about = book.create_sheet("Nguồn và ghi chú")
    about.column_dimensions["A"].width, about.column_dimensions["B"].width = 28, 90
    for name, text in notes:
        label, told = WriteOnlyCell(about, name), _cell(WriteOnlyCell(about, None), text)
        label.font = Font(bold=True)
        told.alignment = Alignment(wrap_text=True, vertical="top")
        about.append([label, told])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _cell(cell: Any, value: Cell) -> Any:
    match value:
        case Figure(value=None):
            value = NOTHING
        case Figure(value=str(text), decimals=decimals) if sum(map(str.isdigit, text)) <= MAX_DIGITS:
            number = Decimal(text)
            places = max(decimals, -int(number.as_tuple().exponent))
            cell.value, cell.number_format = number, "#,##0" + ("." + "0" * places if places else "")
            return cell
        case Figure(value=str(text)):
            value = text
        case datetime():
            cell.value, cell.number_format = value.replace(microsecond=0, tzinfo=None), "dd/mm/yyyy hh:mm"
            return cell
    cell.value = writable(value) if isinstance(value, str) else value
    if isinstance(value, str):
        cell.data_type = "s"  # a text that begins with "=" is no formula
    return cell
