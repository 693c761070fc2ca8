"""Tables as people keep them, CSV or XLSX: rows of text whose cells know their place, and every fault."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from catalogue.sources import Fault, Source
from shared.workbooks import NoWorkbook, opened

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Columns:
    """The headers that a table must have and those it may have. `filled` may not be empty in any row, `days` hold
    YYYY-MM-DD, `numbers` whole numbers; `key` is what no two rows have in common."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    filled: tuple[str, ...] = ()
    days: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    key: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One row: `number` as a spreadsheet counts (the header is 1), cells by header; an absent cell is empty."""

    file: str
    number: int
    cells: dict[str, str]
    positions: dict[str, int]

    def __getitem__(self, header: str) -> str:
        return self.cells.get(header, "")

    def source(self, header: str = "") -> Source:
        """Return the place of a cell, or of the row."""
        return Source(self.file, self.number, self.positions.get(header, 0), header if header in self.positions else "")


def find_table(folder: Path, name: str, faults: list[Fault]) -> list[Path]:
    """Return the files of a table in order of name: `name`.csv or .xlsx, and further ones called `name`-….

    A table that stands there as CSV and as XLSX is a fault: nobody could tell which one is meant.
    """
    found = sorted([*folder.glob(f"{name}.csv"), *folder.glob(f"{name}.xlsx"),
                    *folder.glob(f"{name}-*.csv"), *folder.glob(f"{name}-*.xlsx")])  # fmt: skip
    for path in found:
        if path.suffix == ".xlsx" and path.with_suffix(".csv") in found:
            faults.append(
                Fault(
                    Source(path.name),
                    "twice",
                    f"stands beside {path.stem}.csv: remove one",
                    f"Có cả {path.name} và {path.stem}.csv: hãy bỏ một tệp.",
                )
            )
    return found


def read_table(path: Path, columns: Columns, faults: list[Fault]) -> list[Row]:
    """Return the rows of a table that can be used; what cannot be read is added to `faults`."""
    before = len(faults)
    lines = _xlsx(path, faults) if path.suffix == ".xlsx" else _csv(path, faults)
    if len(faults) > before:
        return []
    if not lines:
        faults.append(Fault(Source(path.name), "empty_file", "the file is empty", "Tệp rỗng."))
        return []
    headers = [cell.strip() for cell in lines[0][1]]
    while headers and not headers[-1]:
        headers.pop()
    if not _check_headers(path.name, headers, columns, faults):
        return []
    positions = {header: position for position, header in enumerate(headers, 1)}
    rows = [row for number, cells in lines[1:] if (row := _row(path.name, number, cells, positions, faults))]
    for row in rows:
        _check_cells(row, columns, faults)
    return _once(rows, columns.key, faults)


def _check_headers(file: str, headers: Sequence[str], columns: Columns, faults: list[Fault]) -> bool:
    before = len(faults)
    known = {*columns.required, *columns.optional}
    for position, header in enumerate(headers, 1):
        source = Source(file, 1, position, header)
        if header not in known:
            faults.append(
                Fault(source, "unknown_column", f"there is no column {header!r}", f"Không có cột “{header}”.")
            )
        elif header in headers[: position - 1]:
            faults.append(Fault(source, "twice", "the column stands twice", f"Cột “{header}” xuất hiện hai lần."))
    faults.extend(
        Fault(Source(file, 1), "missing_column", f"column {header!r} is missing", f"Thiếu cột “{header}”.")
        for header in columns.required
        if header not in headers
    )
    return len(faults) == before


def _row(file: str, number: int, cells: list[str], positions: dict[str, int], faults: list[Fault]) -> Row | None:
    while len(cells) > len(positions) and not cells[-1]:
        cells = cells[:-1]
    if not any(cells):
        return None
    if len(cells) != len(positions):
        faults.append(
            Fault(
                Source(file, number, len(cells)),
                "cells",
                f"has {len(cells)} cells where the header has {len(positions)}",
                f"Dòng có {len(cells)} ô, tiêu đề có {len(positions)} cột.",
                cell=True,
            )
        )
        return None
    return Row(file, number, dict(zip(positions, cells, strict=True)), positions)


def _check_cells(row: Row, columns: Columns, faults: list[Fault]) -> None:
    for header in columns.filled:
        if not row[header]:
            faults.append(
                Fault(row.source(header), "empty_cell", "the cell is empty", f"Ô “{header}” bỏ trống.", cell=True)
            )
    for header in columns.days:
        if row[header] and not _is_day(row[header]):
            faults.append(
                Fault(
                    row.source(header),
                    "date",
                    f"{row[header]!r} is no day YYYY-MM-DD",
                    f"“{row[header]}” không phải ngày dạng NNNN-TT-NN.",
                    cell=True,
                )
            )
    for header in columns.numbers:
        if row[header] and not (row[header].isascii() and row[header].isdigit()):
            faults.append(
                Fault(
                    row.source(header),
                    "number",
                    f"{row[header]!r} is no whole number",
                    f"“{row[header]}” không phải số nguyên.",
                    cell=True,
                )
            )
    for header, cell in row.cells.items():
        if any(unicodedata.category(letter) == "Cc" and letter not in "\n\t" for letter in cell):
            message, detail = "holds a control character", "Ô chứa ký tự điều khiển."
            faults.append(Fault(row.source(header), "control_character", message, detail, cell=True))


def _is_day(text: str) -> bool:
    if not _DAY.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _once(rows: Iterable[Row], key: tuple[str, ...], faults: list[Fault]) -> list[Row]:
    first: dict[tuple[str, ...], Row] = {}
    for row in rows:
        value = tuple(row[header] for header in key) if key else (str(row.number),)
        earlier = first.setdefault(value, row)
        if earlier is not row:
            faults.append(
                Fault(
                    row.source(key[0]),
                    "twice",
                    f"{' '.join(value).strip()} stands in row {earlier.number} too",
                    f"“{' '.join(value).strip()}” đã có ở dòng {earlier.number}.",
                    cell=True,
                )
            )
    return list(first.values())


# -- the two kinds of file -------------------------------------------------------------------------------------------


def _csv(path: Path, faults: list[Fault]) -> list[tuple[int, list[str]]]:
    text = read_text(path, faults)
    if text is None:
        return []
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    lines: list[tuple[int, list[str]]] = []
    try:
        for number, cells in enumerate(reader, 1):
            lines.append((number, [cell.strip() for cell in cells]))
    except csv.Error as error:
        faults.append(
            Fault(Source(path.name, len(lines) + 1), "csv", f"cannot be read: {error}", "Dòng này không đọc được.")
        )
    return lines


def read_text(path: Path, faults: list[Fault]) -> str | None:
    """Return a file's text in NFC, a byte order mark taken off; None (and a fault) if it is not UTF-8."""
    raw = path.read_bytes()
    try:
        return unicodedata.normalize("NFC", raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        row = raw.count(b"\n", 0, error.start) + 1
        column = error.start - (raw.rfind(b"\n", 0, error.start) + 1) + 1
        kind = "UTF-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else f"byte 0x{raw[error.start]:02x}"
        faults.append(
            Fault(
                Source(path.name, row, column),
                "encoding",
                f"is not UTF-8 ({kind}): save it as UTF-8",
                f"Tệp không phải UTF-8 ({kind}): hãy chuyển mã và lưu lại dạng UTF-8.",
            )
        )
        return None


def _xlsx(path: Path, faults: list[Fault]) -> list[tuple[int, list[str]]]:
    try:
        with opened(path.read_bytes()) as workbook:
            lines = [
                (number, [_cell_text(cell) for cell in cells])
                for number, cells in enumerate(workbook.worksheets[0].iter_rows(values_only=True), 1)
            ]
    except NoWorkbook as error:
        faults.append(Fault(Source(path.name), "xlsx", f"cannot be read: {error}", "Tệp không phải bảng tính XLSX."))
        return []
    width = len(lines[0][1]) if lines else 0  # empty cells at a row's end are not stored
    return [(number, cells + [""] * (width - len(cells))) for number, cells in lines]


def _cell_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        value = value.date()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return unicodedata.normalize("NFC", str(value)).strip()
