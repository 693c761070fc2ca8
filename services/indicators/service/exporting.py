"""Exports: texts page by page, sheets whole, structures."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Literal

import eventlet

from services.indicators.exports import sdmx, structures
from services.indicators.exports.sheets import Sheet, grid_sheet, list_sheet, series_sheet
from services.indicators.exports.table import COLUMNS, Names, csv_text, row_of
from services.indicators.recording import current_rules
from services.indicators.service.comparing import ComparingCalls
from services.indicators.service.moments import resolved
from services.indicators.service.observations import ObservationCalls
from services.indicators.service.paging import bounded
from services.indicators.storage.tables import reading
from shared.contracts.actor import Actor
from shared.contracts.views.exports import ExportFile, ExportPage
from shared.contracts.views.warehouse import ObservationView
from shared.entrypoints import rpc
from shared.errors import Invalid
from shared.storage import UnitOfWork

MAX_SHEET_ROWS = 50_000
_PAGE = 1_000

Text = Literal["csv", "sdmx-csv", "sdmx-ml"]
SheetFormat = Literal["csv", "xlsx"]


class ExportCalls(ObservationCalls, ComparingCalls):
    """Taking away what may be read. Rights and scopes are those of reading."""

    unit: UnitOfWork

    @rpc
    def export_page(
        self,
        actor: Actor,
        format: Text,
        form: str | None = None,
        unit: str | None = None,
        indicator: str | None = None,
        period_from: str | None = None,
        period_to: str | None = None,
        as_of: int | str | None = None,
        bom: bool = False,
        after: str | None = None,
        limit: int = 2000,
    ) -> ExportPage:
        """Return a piece of an exported text: CSV, SDMX-CSV 2.0 or SDMX-ML 3.0. The first one begins it, the one
        without `next` ends it; the following ones are asked for with its `as_of`, so that all show one moment."""
        at = self._moment(as_of)
        page = self.list_observations(
            actor, form, unit, indicator, period_from, period_to, at, after, limit=bounded(limit)
        )
        items = page.observations
        if format == "csv":
            head = ("\ufeff" if bom else "") + csv_text([COLUMNS])
            names = self._names()
            body, tail = csv_text(row_of(item, names) for item in items), ""
        elif format == "sdmx-csv":
            head, body, tail = sdmx.csv_head(), sdmx.csv_rows(items), ""
        else:
            head = sdmx.xml_head(f"AS-OF-{at}", datetime.now(UTC))
            body, tail = sdmx.xml_rows(items), sdmx.XML_TAIL
        content = (head if after is None else "") + body + (tail if page.next is None else "")
        return ExportPage(as_of=at, content=content, next=page.next)

    @rpc
    def export_list(
        self,
        actor: Actor,
        form: str | None = None,
        unit: str | None = None,
        indicator: str | None = None,
        period_from: str | None = None,
        period_to: str | None = None,
        as_of: int | str | None = None,
    ) -> ExportFile:
        """Return observations as a workbook (XLSX) with Vietnamese headings, at most 50,000.

        Raises Invalid("indicators.export_too_large") beyond.
        """
        at = self._moment(as_of)
        items = list(self._observations(actor, form, unit, indicator, period_from, period_to, at))
        asked = {
            "Biểu mẫu": form,
            "Đơn vị": unit,
            "Chỉ tiêu": indicator,
            "Từ kỳ": period_from,
            "Đến kỳ": period_to,
        }
        return _file(list_sheet(items, self._names(), _notes(at, asked)), "xlsx", at, len(items))

    @rpc
    def export_grid(
        self,
        actor: Actor,
        format: SheetFormat,
        period: str,
        form: str | None = None,
        indicators: list[str] | None = None,
        units: list[str] | None = None,
        under: str | None = None,
        totals_only: bool = False,
        as_of: int | str | None = None,
        bom: bool = False,
    ) -> ExportFile:
        """Return the grid of comparisons (`read_grid`) as a sheet with Vietnamese headings."""
        grid = self.read_grid(actor, period, form, indicators, units, under, totals_only, self._moment(as_of))
        asked = {"Kỳ": period, "Biểu mẫu": form, "Đơn vị cấp trên": under}
        return _file(grid_sheet(grid, _notes(grid.as_of, asked)), format, grid.as_of, len(grid.rows), bom)

    @rpc
    def export_series(
        self,
        actor: Actor,
        format: SheetFormat,
        indicators: list[str],
        units: list[str],
        period_from: str,
        period_to: str,
        kind: str | None = None,
        as_of: int | str | None = None,
        bom: bool = False,
    ) -> ExportFile:
        """Return series (`read_series`) as a sheet with a column for each period and Vietnamese headings."""
        page = self.read_series(actor, indicators, units, period_from, period_to, kind, self._moment(as_of))
        notes = _notes(page.as_of, {"Từ kỳ": period_from, "Đến kỳ": period_to})
        return _file(series_sheet(page, self._names(), notes), format, page.as_of, len(page.series), bom)

    @rpc
    def export_structures(self, actor: Actor) -> ExportPage:
        """Return the structures that SDMX exports refer to (SDMX-ML 3.0): concepts, code lists of the catalogue as it
        is, data structure and dataflow."""
        actor.require("observations.read")
        with reading(self.unit.engine).connect() as connection:
            catalogue = current_rules(connection).catalogue
        return ExportPage(as_of=self._moment(None), content=structures.message(catalogue, datetime.now(UTC)))

    def _moment(self, as_of: int | str | None) -> int:
        with reading(self.unit.engine).connect() as connection:
            return resolved(connection, as_of).shown

    def _names(self) -> Names:
        with reading(self.unit.engine).connect() as connection:
            return Names(current_rules(connection))

    def _observations(
        self,
        actor: Actor,
        form: str | None,
        unit: str | None,
        indicator: str | None,
        period_from: str | None,
        period_to: str | None,
        at: int,
    ) -> Iterator[ObservationView]:
        after, count = None, 0
        while True:
            page = self.list_observations(actor, form, unit, indicator, period_from, period_to, at, after, limit=_PAGE)
            count += len(page.observations)
            if count > MAX_SHEET_ROWS:
                raise Invalid(
                    "indicators.export_too_large",
                    f"more than {MAX_SHEET_ROWS} rows; narrow the selection or export CSV",
                    f"Kết quả có hơn {MAX_SHEET_ROWS} dòng; hãy chọn hẹp hơn hoặc xuất CSV.",
                )
            yield from page.observations
            _breathe()
            if (after := page.next) is None:
                return


def _breathe() -> None:
    """Let other calls of this process go on."""
    eventlet.sleep(0)


def _file(sheet: Sheet, format: SheetFormat, as_of: int, rows: int, bom: bool = False) -> ExportFile:
    content = sheet.as_xlsx(_breathe) if format == "xlsx" else sheet.as_csv(bom).encode()
    return ExportFile(as_of=as_of, content=base64.b64encode(content).decode(), rows=rows)


def _notes(as_of: int, asked: dict[str, str | None]) -> list[tuple[str, str]]:
    chosen = [(name, text) for name, text in asked.items() if text]
    return [
        ("Nguồn", "Hệ thống thông tin báo cáo tỉnh Lai Châu, kho cơ sở dữ liệu tổng hợp"),
        ("Số liệu tính đến", f"đợt ghi nhận {as_of}; đọc lại theo đợt này luôn cho cùng kết quả"),
        *chosen,
    ]
