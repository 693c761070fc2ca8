"""A form as a blank workbook: what a clerk prints or fills in before entering figures. Nothing in it is computed."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from services.indicators.exports.paper import for_paper
from shared.catalogue.entries import Form, Indicator, Layout, Line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openpyxl.worksheet.worksheet import Worksheet

_FIRST = 4  # the table begins below the form's name, its version and a blank line
_NO_ENTRY = "×"
_LABELS, _ENTRIES = 40, 16  # widths of columns, in characters


def write(form: Form, indicators: Mapping[str, Indicator]) -> bytes:
    """Return the form's table, a sheet for each open list, and one that says which indicator each cell is for."""
    from openpyxl import Workbook
    from openpyxl.utils import get_column_letter

    book = Workbook()
    book.remove(book.worksheets[0])
    cells = _write_table(book.create_sheet("Biểu"), form, form.layout or _plain(form, indicators))
    for number, item in enumerate(form.open_lists, 1):
        page = book.create_sheet(f"Danh sách {number}")
        _put(page, 1, 1, item.label, bold=True)
        headings = ["Số thứ tự", "Tên", *(_called(code, indicators) for code in item.columns)]
        for column, heading in enumerate(headings, 1):
            _put(page, 2, column, heading, bold=True)
        page.freeze_panes = "A3"
        page.column_dimensions["B"].width = _LABELS
        for_paper(page, head_rows=2)
        cells += [(f"{page.title}!{get_column_letter(at)}", code) for at, code in enumerate(item.columns, 3)]
    _write_legend(book.create_sheet("Chú giải"), form, cells, indicators)
    packed = BytesIO()
    book.save(packed)
    return packed.getvalue()


def _plain(form: Form, indicators: Mapping[str, Indicator]) -> Layout:
    """Return the table of a form without one: a row for each indicator."""
    rows = [Line(label=_called(code, indicators)) for code in form.indicators]
    return Layout(rows=rows, columns=[Line(label="Giá trị")], cells=[[code] for code in form.indicators])


def _write_table(page: Worksheet, form: Form, layout: Layout) -> list[tuple[str, str]]:
    from openpyxl.styles import Alignment, Border, Side
    from openpyxl.utils import get_column_letter

    _put(page, 1, 1, form.name, bold=True)
    _put(page, 2, 1, f"Mã biểu {form.id}, phiên bản {form.version}")
    for column, line in enumerate(layout.columns, 2):
        _put(page, _FIRST, column, line.label, bold=True)
    cells: list[tuple[str, str]] = []
    for row, (line, codes) in enumerate(zip(layout.rows, layout.cells, strict=True), _FIRST + 1):
        _put(page, row, 1, "    " * line.indent + line.label)
        for column, code in enumerate(codes, 2):
            if code in form.indicators:
                page.cell(row, column).number_format = "@"
                cells.append((f"{page.title}!{page.cell(row, column).coordinate}", str(code)))
            else:
                _put(page, row, column, _NO_ENTRY)
    page.freeze_panes = f"B{_FIRST + 1}"
    page.column_dimensions["A"].width = _LABELS
    for column in range(2, len(layout.columns) + 2):
        page.column_dimensions[get_column_letter(column)].width = _ENTRIES
    # Whoever opens the file must see whole headings: a row's height is not fitted by itself.
    lines = max((1 + len(line.label) // (_ENTRIES - 2) for line in layout.columns), default=1)
    page.row_dimensions[_FIRST].height = 15 * lines
    line_around = Side(style="thin")
    for cells_of_row in page.iter_rows(min_row=_FIRST, max_col=len(layout.columns) + 1):
        for cell in cells_of_row:
            cell.border = Border(line_around, line_around, line_around, line_around)
            cell.alignment = Alignment(wrap_text=True, vertical="center")
    for_paper(page, head_rows=_FIRST)
    return cells


def _write_legend(
    page: Worksheet, form: Form, cells: list[tuple[str, str]], indicators: Mapping[str, Indicator]
) -> None:
    headings = ("Ô hoặc cột", "Mã chỉ tiêu", "Tên chỉ tiêu", "Đơn vị tính", "Bắt buộc", "Giải thích")
    for column, heading in enumerate(headings, 1):
        _put(page, 1, column, heading, bold=True)
        page.column_dimensions[chr(ord("A") + column - 1)].width = 22
    for row, (where, code) in enumerate(cells, 2):
        known = indicators.get(code)
        told = (
            where,
            code,
            known.name if known else "",
            known.measure if known else "",
            "có" if code in form.required else "",
            form.help.get(code, ""),
        )
        for column, text in enumerate(told, 1):
            _put(page, row, column, text)
    page.freeze_panes = "A2"
    for_paper(page, head_rows=1)


def _called(code: str, indicators: Mapping[str, Indicator]) -> str:
    known = indicators.get(code)
    return f"{known.name} ({known.measure})" if known else code


def _put(page: Worksheet, row: int, column: int, told: Any, *, bold: bool = False) -> None:
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
    from openpyxl.styles import Font

    cell = page.cell(row, column, ILLEGAL_CHARACTERS_RE.sub("", told))
    cell.data_type = "s"  # a text that begins with "=" is no formula
    if bold:
        cell.font = Font(bold=True)
