"""What people take away as a sheet: lists, grids and series with Vietnamese headings, as CSV or XLSX."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from services.indicators.exports.table import Names, Number, csv_text, local
from services.indicators.exports.workbook import NOTHING, Cell, Column, Figure, workbook
from shared.contracts.views.warehouse import GridCell, GridIndicator, GridRow, GridView, ObservationView, SeriesPage

STATUSES = {"official": "chính thức", "preliminary": "sơ bộ", "estimate": "ước tính"}
_BASES = {
    "predecessors": "tổng hợp từ các đơn vị trước sắp xếp",
    "predecessors_estimated": "ước tính theo tỷ lệ từ đơn vị trước sắp xếp",
    "units_below": "cộng từ các đơn vị trực thuộc",
}
_LIST = (Column("Mã chỉ tiêu", 14), Column("Chỉ tiêu", 44), Column("Đơn vị tính", 14), Column("Mã đơn vị", 18),
         Column("Đơn vị", 26), Column("Kỳ", 11), Column("Giá trị", 16), Column("Tình trạng", 12), Column("Cách có", 12),
         Column("Tên dòng", 24), Column("Cơ sở", 28), Column("Biểu mẫu", 16), Column("Phiên bản", 10),
         Column("Ghi nhận lúc", 18))  # fmt: skip
_NOTES = (
    ("Ô trống", "chưa có số liệu"),
    (NOTHING, "đơn vị báo cáo không phát sinh; khác với 0 và khác với chưa có số liệu"),
)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table to be written."""

    title: str
    columns: Sequence[Column]
    rows: Iterable[Sequence[Cell]]
    notes: list[tuple[str, str]] = field(default_factory=list)

    def as_xlsx(self, breathe: Callable[[], None]) -> bytes:
        """Return it as a workbook."""
        return workbook(self.title, self.columns, self.rows, [*self.notes, *_NOTES], breathe)

    def as_csv(self, bom: bool) -> str:
        """Return it as CSV, with the mark that makes a spreadsheet read UTF-8 if asked."""
        head = csv_text([[column.heading for column in self.columns]])
        return ("\ufeff" if bom else "") + head + csv_text([_plain(cell) for cell in row] for row in self.rows)


def _plain(cell: Cell) -> object:
    if isinstance(cell, Figure):
        return NOTHING if cell.value is None else Number(cell.value)
    return "" if cell is None else cell


def list_sheet(items: Iterable[ObservationView], names: Names, notes: list[tuple[str, str]]) -> Sheet:
    """Return observations as a sheet, one a row."""
    return Sheet("Số liệu", _LIST, (_listed(item, names) for item in items), notes)


def _listed(item: ObservationView, names: Names) -> list[Cell]:
    named = names.of(item.indicator, item.unit, item.period)
    return [
        item.indicator,
        named.indicator,
        named.measure,
        item.unit,
        named.unit,
        item.period,
        Figure(item.value, named.decimals),
        STATUSES.get(item.status, item.status),
        "tính toán" if item.derived else "báo cáo",
        item.label,
        _BASES.get(item.basis or ""),
        item.form,
        item.version,
        local(item.recorded_at),
    ]


def series_sheet(page: SeriesPage, names: Names, notes: list[tuple[str, str]]) -> Sheet:
    """Return series as a sheet: a row for each, a column for each period."""
    periods = [point.period for point in page.series[0].points] if page.series else []
    columns = [*_LIST[:5], *(Column(period, 12) for period in periods)]
    rows = []
    for item in page.series:
        named = names.of(item.indicator, item.unit, periods[-1])
        figures = [None if point.state == "missing" else Figure(point.value, named.decimals) for point in item.points]
        rows.append([item.indicator, named.indicator, named.measure, item.unit, named.unit, *figures])
    return Sheet("Chuỗi số liệu", columns, rows, notes)


def grid_sheet(grid: GridView, notes: list[tuple[str, str]]) -> Sheet:
    """Return the grid of comparisons as a sheet, with a column that says what rests on other units' figures."""
    columns = [
        Column("Đơn vị", 26),
        Column("Chỉ tiêu", 44),
        Column("Đơn vị tính", 14),
        Column(f"Cùng kỳ năm trước ({grid.same_period_last_year})", 15),
        Column(f"Kỳ trước ({grid.last_period})", 15),
        Column(f"Kỳ này ({grid.period})", 15),
        Column("So với kỳ trước (%)", 12),
        Column("So với cùng kỳ (%)", 12),
        Column("Lũy kế từ đầu năm", 16),
        Column("Lũy kế cùng kỳ năm trước", 16),
        Column("Lũy kế so với cùng kỳ (%)", 14),
        Column("Ghi chú", 50),
    ]
    rows = [_compared(row, grid.units, grid.indicators) for row in grid.rows]
    return Sheet(f"Kỳ {grid.period}", columns, rows, notes)


def _compared(row: GridRow, units: Mapping[str, str], indicators: Mapping[str, GridIndicator]) -> list[Cell]:
    known = indicators[row.indicator]
    cells = {
        "cùng kỳ": row.same_period_last_year,
        "kỳ trước": row.last_period,
        "kỳ này": row.this_period,
        "lũy kế": row.since_january,
        "lũy kế năm trước": row.since_january_last_year,
    }
    same, last, this, since, before = (_figure(cell, known.decimals) for cell in cells.values())
    against = [
        None if text is None else Figure(text, 1)
        for text in (row.against_last_period, row.against_same_period, row.against_last_year)
    ]
    head: list[Cell] = [units[row.unit], known.name, known.measure]
    return [*head, same, last, this, against[0], against[1], since, before, against[2], _note(cells)]


def _note(cells: Mapping[str, GridCell | None]) -> str | None:
    """Return what rests on other figures and what is not whole, each with the columns of which it is true."""
    shown = {name: cell for name, cell in cells.items() if cell is not None and cell.state != "missing"}
    told: dict[str, list[str]] = {}
    for name, cell in shown.items():
        if cell.basis in _BASES:
            told.setdefault(_BASES[cell.basis], []).append(name)
        if cell.incomplete:
            told.setdefault("chưa đủ số liệu", []).append(name)
    notes = (text if len(names) == len(shown) else f"{text}: {', '.join(names)}" for text, names in told.items())
    return "; ".join(notes) or None


def _figure(cell: GridCell | None, decimals: int) -> Figure | None:
    return None if cell is None or cell.state == "missing" else Figure(cell.value, decimals)
