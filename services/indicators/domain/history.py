"""Loading existing history: figures that were approved before the hub was there, with their source. Pure.

A load is refused whole, with every fault by row and column. It adds to what earlier loads brought and may correct it,
and never touches what came through approval. Published figures of computed indicators are not recorded but compared
with what the hub computes.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from services.indicators.domain.cells import Cell
from services.indicators.domain.derivations import Rules
from shared.calendar import Period
from shared.canonical import content_hash, decimal_text
from shared.catalogue.entries import Definition
from shared.errors import Conflict, Invalid

MAX_FIGURES = 20_000
MAX_FAULTS = 200
TOLERANCE = Decimal("0.02")
"""How far a published figure of a computed indicator may lie from the computed one, as a part of it."""

_COLUMNS = {"indicator": "indicator", "code": "indicator", "unit": "unit", "period": "period", "year": "period",
            "value": "value", "status": "status", "form": "form"}  # fmt: skip
_NOTHING = {"không phát sinh", "kps"}
_STATUSES = ("estimate", "preliminary", "official")
_LEVELS = {"province": "province", "district": "district", "commune": "commune"}

Key = tuple[str, str, str]  # form, unit, period


@dataclass(frozen=True, slots=True)
class HistoryFault:
    """What is wrong in one place of a load."""

    row: int
    column: str
    code: str
    message: str
    detail: str


class Entry(NamedTuple):
    """One figure of a load in normal form, and the row it stands in."""

    row: int
    indicator: str
    unit: str
    period: str
    value: str | None
    status: str


@dataclass(frozen=True, slots=True)
class History:
    """A load that may be recorded: what is entered by (form, unit, period) in order of time, and published figures of
    computed indicators to compare."""

    id: str
    groups: dict[Key, list[Entry]]
    published: list[Entry]

    @property
    def figures(self) -> int:
        """How many figures there are."""
        return sum(map(len, self.groups.values())) + len(self.published)


def rows_of_csv(text: str) -> list[dict[str, Any]]:
    """Return the rows of a CSV text as figures, each with the number of its line. The columns are indicator (or code),
    unit, period (or year), value, and perhaps status and form; the value "không phát sinh" or "KPS" says that nothing
    occurred. Raises Invalid("indicators.history_invalid")."""
    text = text.removeprefix("\ufeff")
    reader = csv.reader(io.StringIO(text), delimiter=";" if ";" in text.partition("\n")[0] else ",")
    try:
        head = [_COLUMNS.get(name.strip().lower(), "") for name in next(reader, [])]
        lacking = [name for name in ("indicator", "unit", "period", "value") if name not in head]
        if lacking:
            fault = HistoryFault(1, lacking[0], "column", f"there is no column {', '.join(lacking)}",
                                 f"Thiếu cột: {', '.join(lacking)}.")  # fmt: skip
            raise refused([fault])
        rows = []
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            row: dict[str, Any] = {name: cell.strip() for name, cell in zip(head, cells, strict=False) if name}
            row["row"] = reader.line_num
            if row.get("value", "").lower() in _NOTHING:
                row |= {"value": None, "nothing_occurred": True}
            rows.append({key: value for key, value in row.items() if value != "" or key == "value"})
    except csv.Error as error:
        fault = HistoryFault(reader.line_num, "", "csv", str(error), "Tệp CSV sai định dạng.")
        raise refused([fault]) from error
    return rows


def read(source: str, decision: str, rows: Sequence[Mapping[str, Any]], rules: Rules) -> History:
    """Return the load, checked against the catalogue. Raises Invalid("indicators.history_invalid") with every fault."""
    if not rows or len(rows) > MAX_FIGURES:
        fault = HistoryFault(0, "", "count", f"{len(rows)} figures; from 1 to {MAX_FIGURES}",
                             f"Có {len(rows)} số liệu; mỗi lần nạp từ 1 đến {MAX_FIGURES}.")  # fmt: skip
        raise refused([fault])
    faults: list[HistoryFault] = []
    groups: dict[Key, list[Entry]] = {}
    published: list[Entry] = []
    seen: dict[tuple[str, str, str], int] = {}
    for number, row in enumerate(rows, start=1):
        line = row.get("row")
        reader = _Row(row, rules, line if isinstance(line, int) else number)
        entry = reader.entry()
        faults += reader.faults
        if entry is None:
            continue
        first = seen.setdefault((entry.indicator, entry.unit, entry.period), entry.row)
        if first != entry.row:
            faults.append(HistoryFault(entry.row, "indicator", "twice", f"stands already in row {first}",
                                       f"Số liệu này đã có ở dòng {first}."))  # fmt: skip
        elif reader.form is None:
            published.append(entry)
        else:
            groups.setdefault((reader.form, entry.unit, entry.period), []).append(entry)
    if faults:
        raise refused(faults)
    entries = [entry for group in groups.values() for entry in group] + published
    load_id = content_hash((source, decision), (tuple(entry[1:]) for entry in entries))
    ordered = sorted(groups.items(), key=lambda item: (Period.parse(item[0][2]).end, item[0]))
    return History(load_id, dict(ordered), published)


class _Row:
    """One row being read: its figure, or its faults."""

    def __init__(self, row: Mapping[str, Any], rules: Rules, number: int) -> None:
        self._row, self._rules, self._number = row, rules, number
        self.faults: list[HistoryFault] = []
        self.form: str | None = None

    def entry(self) -> Entry | None:
        """Return the figure; None where there are faults."""
        period = self._period()
        unit = self._unit(period)
        indicator = self._text("indicator")
        known = self._rules.catalogue.indicators.get(indicator)
        if indicator and known is None:
            self._fault("indicator", "unknown", f"there is no indicator {indicator}", f"Không có chỉ tiêu {indicator}.")
        value = self._value()
        if known is not None and period is not None and value is not None:
            self._check(value, known.on(period.end))
        status = self._text("status") or "official"
        if status not in _STATUSES:
            self._fault("status", "status", f"{status!r} is none of {', '.join(_STATUSES)}",
                        f"Trạng thái “{status}” không hợp lệ.")  # fmt: skip
        if self.faults or period is None:
            return None
        self.form = self._carrier(indicator, unit, period)
        if self.faults:
            return None
        return Entry(self._number, indicator, unit, str(period), value, status)

    def _carrier(self, indicator: str, unit: str, period: Period) -> str | None:
        """Return the form on which the indicator is entered; None where it is computed."""
        asked = self._row.get("form")
        forms = sorted(self._rules.forms_about(unit, period), key=lambda form: not form.periods.holds(period))
        for form in forms:
            versions = (form, *form.earlier)
            if asked in (None, form.id) and any(indicator in version.indicators for version in versions):
                return form.id
        if indicator not in self._rules.derived(period):
            named = f" {asked}" if asked else ""
            self._fault("form" if asked else "indicator", "not_carried",
                        f"no form{named} asks {indicator} of {unit} for a {period.kind}",
                        f"Không biểu mẫu nào{named} thu thập chỉ tiêu {indicator} của đơn vị {unit} cho kỳ này.",
                        )  # fmt: skip
        return None

    def _period(self) -> Period | None:
        text = self._text("period")
        try:
            return Period.parse(text) if text else None
        except Invalid as error:
            self._fault("period", "period", error.message, error.detail or "")
            return None

    def _unit(self, period: Period | None) -> str:
        text = self._text("unit")
        if not text or period is None:
            return ""
        organisation = self._rules.organisation
        found = text if text in organisation.units else organisation.resolve(text, period.end)
        if found is None:
            self._fault("unit", "unknown", f"there was no unit {text} at the end of {period}",
                        f"Không có đơn vị {text} vào cuối kỳ {period}.")  # fmt: skip
        elif not organisation.units[found].holds(period.end):
            self._fault("unit", "not_then", f"{text} did not stand at the end of {period}",
                        f"Đơn vị {text} không tồn tại vào cuối kỳ {period}.")  # fmt: skip
        return found or ""

    def _value(self) -> str | None:
        value = self._row.get("value")
        if value is None:
            if not self._row.get("nothing_occurred"):
                self._fault("value", "value_missing", "no value, and nothing_occurred is not said",
                            "Thiếu giá trị; nếu không phát sinh, hãy ghi rõ.")  # fmt: skip
            return None
        try:
            if not isinstance(value, str) or not value.isascii() or "_" in value or len(value) > 60:
                raise InvalidOperation
            return decimal_text(Decimal(value))
        except (InvalidOperation, Invalid):
            self._fault("value", "value", f"{value!r} is no decimal text such as 3507.6",
                        f"Giá trị “{value}” không phải là số thập phân dạng 3507.6.")  # fmt: skip
            return None

    def _check(self, value: str, defined: Definition) -> None:
        number = Decimal(value)
        if defined.value_type == "integer" and number % 1:
            self._fault("value", "integer", f"{value} is no whole number", f"Giá trị {value} phải là số nguyên.")
        low, high = (None if bound is None else Decimal(str(bound)) for bound in (defined.minimum, defined.maximum))
        if (low is not None and number < low) or (high is not None and number > high):
            self._fault("value", "bounds", f"{value} is not within {low} and {high}",
                        f"Giá trị {value} nằm ngoài giới hạn của chỉ tiêu.")  # fmt: skip

    def _text(self, column: str) -> str:
        value = self._row.get(column)
        if isinstance(value, str) and 0 < len(value) <= 200:
            return value
        if column != "status" or value is not None:
            self._fault(column, "missing", f"no {column}", f"Thiếu {column}.")
        return ""

    def _fault(self, column: str, code: str, message: str, detail: str) -> None:
        self.faults.append(HistoryFault(self._number, column, code, message, detail))


def refused(faults: Sequence[HistoryFault]) -> Invalid:
    """Return the refusal of a load that has these faults."""
    return Invalid(
        "indicators.history_invalid",
        f"the load has {len(faults)} faults; nothing was recorded",
        f"Dữ liệu nạp có {len(faults)} lỗi, không số liệu nào được ghi.",
        {"count": len(faults), "errors": [asdict(fault) for fault in faults[:MAX_FAULTS]]},
    )


def merged(form: str, current: Mapping[str, Cell], entries: Iterable[Entry]) -> dict[str, Cell]:
    """Return what the form holds once these figures were added to what earlier loads brought."""
    held = {code: cell for code, cell in current.items() if cell.form == form and not cell.derived}
    return held | {entry.indicator: Cell(form, entry.value, entry.status, False, "") for entry in entries}


def changed(current: Mapping[str, Cell], entries: Iterable[Entry]) -> list[Entry]:
    """Return the figures that are not held so."""
    return [entry for entry in entries if _held(current, entry) != (entry.value, entry.status)]


def approved(
    form: str, forms: Collection[str], current: Mapping[str, Cell], entries: Iterable[Entry]
) -> list[HistoryFault]:
    """Return the faults of figures, of those that change, which a load never touches: those of a form, or held by one,
    that is among the `forms` of which a round was approved."""
    return [
        HistoryFault(
            entry.row,
            "value",
            "approved",
            f"{entry.indicator} of {entry.unit} for {entry.period} is approved with {_told(current, entry)}",
            f"Số liệu {entry.indicator}, đơn vị {entry.unit}, kỳ {entry.period} đã được phê duyệt.",
        )
        for entry in entries
        if form in forms or (entry.indicator in current and current[entry.indicator].form in forms)
    ]


def _held(current: Mapping[str, Cell], entry: Entry) -> tuple[str | None, str] | None:
    cell = current.get(entry.indicator)
    return None if cell is None else (cell.value, cell.status)


def _told(current: Mapping[str, Cell], entry: Entry) -> str:
    held = _held(current, entry)
    return "nothing" if held is None else f"{held[0] or 'nothing occurred'} ({held[1]})"


def conflicting(faults: Sequence[HistoryFault]) -> Conflict:
    """Return the refusal of a load that would touch what was approved."""
    return Conflict(
        "indicators.history_conflicts",
        f"{len(faults)} figures differ from approved ones; nothing was recorded",
        f"Có {len(faults)} số liệu khác với số liệu đã được phê duyệt, không số liệu nào được ghi.",
        {"count": len(faults), "errors": [asdict(fault) for fault in faults[:MAX_FAULTS]]},
    )


def agrees(published: str | None, computed: str | None) -> bool:
    """Tell whether a published figure lies within the tolerance of the computed one."""
    if published is None or computed is None:
        return published == computed
    stated = Decimal(published)
    return abs(Decimal(computed) - stated) <= abs(stated) * TOLERANCE


def level_of(rules: Rules, unit: str) -> str:
    """Return the level at which a loaded figure of this unit counts as approved: that of the area it is about."""
    known = rules.catalogue.units.get(unit)
    return _LEVELS.get(known.kind, "agency") if known else "agency"
