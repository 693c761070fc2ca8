"""Sheets as XLSX files and back. Texts only: nothing is computed, numbers stay as they are written.

Formulas are refused, and no more rows and columns are read than a regime can have; `shared.workbooks` tells what else
is not trusted of a file from outside.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any

from services.indicators.domain.faults import Fault
from services.indicators.domain.sheets import SHEETS, Row, Sheet
from services.indicators.exports.paper import for_paper
from shared.errors import Invalid
from shared.text import nfc
from shared.workbooks import NoWorkbook, TooLarge, opened

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MAX_ROWS = 20_000
_HELP = "Hướng dẫn"
_WIDTH = 22


def write(rows: Mapping[str, list[dict[str, str]]]) -> bytes:
    """Return the workbook of these rows: a help sheet, then one sheet each, headings frozen, every cell a text."""
    from openpyxl import Workbook

    book = Workbook()
    book.remove(book.worksheets[0])
    _write_help(book.create_sheet(_HELP))
    for sheet in SHEETS.values():
        _write_sheet(book.create_sheet(sheet.title), sheet, rows.get(sheet.key, []))
    packed = BytesIO()
    book.save(packed)
    return packed.getvalue()


def read(packed: bytes) -> tuple[dict[str, list[Row]], list[Fault]]:
    """Return the rows of every sheet that is known here, and what cannot be read by sheet, row and column.

    Raises Invalid("indicators.workbook_unreadable", "indicators.workbook_too_large").
    """
    faults: list[Fault] = []
    try:
        with opened(packed, formulas=True) as book:
            sheets = {nfc(sheet.title): sheet for sheet in book.worksheets}
            rows = {
                sheet.key: list(_rows(sheet, sheets[sheet.title], faults))
                for sheet in SHEETS.values()
                if sheet.title in sheets
            }
    except TooLarge as error:
        raise Invalid("indicators.workbook_too_large", str(error), "Tệp bảng tính quá lớn.") from error
    except NoWorkbook as error:
        raise _unreadable(str(error)) from error
    if not rows:
        raise _unreadable(f"the workbook has none of the sheets {', '.join(sheet.title for sheet in SHEETS.values())}")
    return rows, faults


def _unreadable(message: str) -> Invalid:
    return Invalid("indicators.workbook_unreadable", message, "Không đọc được tệp bảng tính (XLSX).")


def _write_help(page: Worksheet) -> None:
    lines = [
        ("Trang", "Cột", "Ý nghĩa"),
        ("", "", "Mỗi dòng là một mục. Không đổi tên trang và tên cột; có thể đổi thứ tự cột. Ô trống là không có."),
        ("", "", "Không dùng công thức bảng tính. Số thập phân ghi dấu chấm; ngày ghi năm-tháng-ngày."),
    ]
    for sheet in SHEETS.values():
        lines.append((sheet.title, "", sheet.help))
        lines += [(sheet.title, column.heading, column.help) for column in sheet.columns if column.help]
    for number, line in enumerate(lines, 1):
        for column, told in enumerate(line, 1):
            _put(page, number, column, told)
    page.freeze_panes = "A2"
    for_paper(page, head_rows=1)
    for letter, width in (("A", _WIDTH), ("B", _WIDTH * 1.5), ("C", _WIDTH * 4)):
        page.column_dimensions[letter].width = width


def _write_sheet(page: Worksheet, sheet: Sheet, rows: list[dict[str, str]]) -> None:
    from openpyxl.styles import Font
    from openpyxl.worksheet.datavalidation import DataValidation

    for position, column in enumerate(sheet.columns, 1):
        _put(page, 1, position, column.heading)
        page.cell(1, position).font = Font(bold=True)
        letter = sheet.letter(column.name)
        page.column_dimensions[letter].width = _WIDTH
        page.column_dimensions[letter].number_format = "@"
        if column.choices:
            allowed = DataValidation(type="list", formula1=f'"{",".join(column.choices)}"', allow_blank=True)
            allowed.add(f"{letter}2:{letter}{MAX_ROWS}")
            page.add_data_validation(allowed)
    page.freeze_panes = "A2"
    for_paper(page, head_rows=1)
    for number, cells in enumerate(rows, 2):
        for position, column in enumerate(sheet.columns, 1):
            if column.name in cells:
                _put(page, number, position, cells[column.name])


def _put(page: Worksheet, row: int, column: int, told: str) -> None:
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    cell = page.cell(row, column, ILLEGAL_CHARACTERS_RE.sub("", told))
    cell.data_type = "s"  # a text that begins with "=" is no formula
    cell.number_format = "@"


def _rows(sheet: Sheet, page: Any, faults: list[Fault]) -> Iterator[Row]:
    from openpyxl.utils import get_column_letter

    known = {column.heading.casefold(): column.name for column in sheet.columns}
    columns: dict[int, str] = {}
    letters: dict[str, str] = {}
    for number, cells in enumerate(page.iter_rows(max_row=MAX_ROWS + 1, max_col=2 * len(known)), 1):
        if number == 1:
            columns = {at: known[head] for at, cell in enumerate(cells) if (head := _heading(cell.value)) in known}
            letters = {name: get_column_letter(at + 1) for at, name in columns.items()}
            _refuse_missing(sheet, set(letters), faults)
            continue
        if number > MAX_ROWS:
            faults.append(
                Fault(f"{sheet.title}!A{number}", "rows", f"more than {MAX_ROWS} rows", "Trang có quá nhiều dòng.")
            )
            return
        found: dict[str, str] = {}
        for at, cell in enumerate(cells):
            if at in columns and cell.value is not None:
                if cell.data_type == "f":
                    faults.append(
                        Fault(
                            f"{sheet.title}!{cell.coordinate}",
                            "formula",
                            "holds a formula",
                            "Ô chứa công thức bảng tính.",
                        )
                    )
                found[columns[at]] = _text(cell.value)
        if any(value.strip() for value in found.values()):
            yield Row(number, found, letters)


def _heading(value: object) -> str:
    return nfc(str(value)).strip().casefold()


def _refuse_missing(sheet: Sheet, found: set[str], faults: list[Fault]) -> None:
    for column in sheet.columns:
        if column.name not in found:
            told = f"the column {column.heading!r} is missing"
            faults.append(Fault(f"{sheet.title}!1", "heading", told, f"Thiếu cột “{column.heading}”."))


def _text(value: object) -> str:
    """Return the text of a cell that somebody may have typed as a number, a date or a truth value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer() and abs(value) < 10**15:
        return str(int(value))
    return nfc(str(value))
