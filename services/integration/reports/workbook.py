"""The report as a workbook (XLSX): a sheet to read first, then one row for each difference, scope and earlier run,
numbers as numbers."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from services.integration.reports.outline import Outline
from shared.calendar import VIETNAM
from shared.contracts.views.reports import ReportView

MAX_DIGITS = 15
"""Digits that a spreadsheet keeps exactly; longer numbers are written as text."""

_A4 = "9"  # in the code list of Office Open XML
_PLAIN = re.compile(r"-?[\d.]+(?:,\d+)?", re.ASCII)
# XML 1.0, and so a workbook, has no way of writing these; a name may hold them all the same.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_DETAILS = (
    ("Nguyên nhân", 30),
    ("Biểu", 14),
    ("Tên biểu", 34),
    ("Đơn vị", 12),
    ("Tên đơn vị", 26),
    ("Kỳ", 10),
    ("Chỉ tiêu", 16),
    ("Tên chỉ tiêu", 40),
    ("", 18),
    ("", 18),
    ("Tình trạng", 20),
    ("Bên xử lý", 24),
    ("Từ lúc", 17),
    ("Số lần gặp", 10),
    ("Đã làm, lý do", 50),
)
_SCOPES = (("Biểu", 14), ("Tên biểu", 44), ("Kỳ", 12), ("Kỳ (bằng chữ)", 24), ("Số liệu", 12), ("Còn khác", 12))
_TREND = (("Lần đối soát", 14), ("Lúc", 17), ("Kết quả", 22), ("Số liệu", 12), ("Phát hiện khác", 14), ("Còn lại", 12))


def workbook(report: ReportView, outline: Outline) -> bytes:
    """Return the bytes of the file."""
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    _front(book, outline)
    heads = [*_DETAILS]
    heads[8], heads[9] = (report.ours_words, 18), (report.theirs_words, 18)
    _sheet(book, "Chênh lệch", heads, _differences(report))
    _sheet(book, "Biểu và kỳ", _SCOPES, _scopes(report))
    _sheet(book, "Xu hướng", _TREND, _trend(report))
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _differences(report: ReportView) -> Iterable[Sequence[Any]]:
    for item in report.differences:
        yield (
            item.kind_words,
            item.form,
            item.form_name,
            item.unit,
            item.unit_name,
            item.period,
            item.indicator,
            item.indicator_name,
            _figure(item.ours),
            _figure(item.theirs),
            item.state_words,
            item.owner_name or item.owner,
            item.since,
            item.times,
            item.note,
        )


def _scopes(report: ReportView) -> Iterable[Sequence[Any]]:
    for item in report.scopes:
        yield item.form, item.form_name, item.period, item.period_words, item.entries, item.differing


def _trend(report: ReportView) -> Iterable[Sequence[Any]]:
    for item in report.trend:
        yield item.reconciliation_id, item.at, item.state_words, item.entries, item.found, item.left


def _front(book: Any, outline: Outline) -> None:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Alignment, Font

    sheet = book.create_sheet("Tóm tắt")
    sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = 34, 80
    _for_paper(sheet, 1)

    def line(*texts: str, bold: bool = False, size: float = 11) -> None:
        cells = []
        for text in texts:
            cell = _cell(WriteOnlyCell(sheet, None), text)
            cell.font = Font(bold=bold, size=size)
            cell.alignment = Alignment(wrap_text=True, vertical="top")
            cells.append(cell)
        sheet.append(cells)

    line(outline.title, outline.subtitle, bold=True, size=14)
    line(f"{outline.sign} {outline.tone_words}", outline.verdict, bold=True, size=12)
    line("Việc đã làm, phải làm", outline.done)
    for name, value in outline.summary:
        line(name, value)
    for section in outline.sections:
        if section.text:
            line(section.heading, section.text)
    line("Nguồn", outline.foot)


def _sheet(book: Any, title: str, columns: Sequence[tuple[str, int]], rows: Iterable[Sequence[Any]]) -> None:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Alignment, Font, PatternFill
    from openpyxl.utils import get_column_letter

    sheet = book.create_sheet(title)
    sheet.freeze_panes = "A2"
    _for_paper(sheet, 1)
    head = []
    for number, (heading, width) in enumerate(columns, start=1):
        sheet.column_dimensions[get_column_letter(number)].width = width
        cell = WriteOnlyCell(sheet, heading)
        cell.font, cell.fill = Font(bold=True), PatternFill("solid", fgColor="DDE6F0")
        cell.alignment = Alignment(wrap_text=True, vertical="center", horizontal="center")
        head.append(cell)
    sheet.append(head)
    count = 1
    for row in rows:
        sheet.append([_cell(WriteOnlyCell(sheet, None), value) for value in row])
        count += 1
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(columns))}{count}"


def _figure(text: str | None) -> Decimal | str | None:
    """Return a figure as a number where a spreadsheet keeps it exactly."""
    if text is None:
        return "không có"
    if not _PLAIN.fullmatch(text) or sum(letter.isdigit() for letter in text) > MAX_DIGITS:
        return text
    return Decimal(text.replace(".", "").replace(",", "."))


def _cell(cell: Any, value: Any) -> Any:
    match value:
        case Decimal():
            places = max(0, -int(value.as_tuple().exponent))
            cell.value, cell.number_format = value, "#,##0" + ("." + "0" * places if places else "")
        case datetime():
            cell.value = value.astimezone(VIETNAM).replace(microsecond=0, tzinfo=None)
            cell.number_format = "dd/mm/yyyy hh:mm"
        case str():
            cell.value = _UNWRITABLE.sub("\ufffd", value)
            cell.data_type = "s"  # a text that begins with "=" is no formula
        case _:
            cell.value = value
    return cell


def _for_paper(sheet: Any, head_rows: int) -> None:
    from openpyxl.worksheet.properties import PageSetupProperties

    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = _A4
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.print_title_rows = f"1:{head_rows}"
