"""How a sheet prints: clerks and leaders read on paper, too."""

from __future__ import annotations

from typing import Any

_A4 = "9"  # in the code list of Office Open XML


def for_paper(page: Any, head_rows: int) -> None:
    """Have the sheet (of openpyxl, ordinary or write-only) print on A4 across, all columns on one page, its first
    `head_rows` rows repeated on each."""
    from openpyxl.worksheet.properties import PageSetupProperties

    page.page_setup.orientation = "landscape"
    page.page_setup.paperSize = _A4
    page.page_setup.fitToWidth, page.page_setup.fitToHeight = 1, 0
    page.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    page.print_title_rows = f"1:{head_rows}"
