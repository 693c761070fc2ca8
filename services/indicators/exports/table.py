"""Observations as rows of a table: with the names that indicator and unit bore at the period's end."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from services.indicators.domain.derivations import Rules
from shared.calendar import VIETNAM, Period
from shared.contracts.views.warehouse import ObservationView

COLUMNS = ("indicator", "indicator_name", "measure", "unit", "unit_name", "period", "value", "nothing_occurred",
           "status", "derived", "label", "basis", "form", "version", "recorded_at")  # fmt: skip
"""The columns of a CSV export, one observation per row."""

_ROW_OF_LIST = re.compile(r"(?P<column>.+)\.R\d+", re.ASCII)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
# XML 1.0, and so a workbook, has no way of writing these; a label may hold them all the same.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Named:
    """What an observation is about, in words, and the places its figures are given in."""

    indicator: str
    measure: str
    decimals: int
    unit: str


class Names:
    """Names as of each period's end, looked up once per key."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._known: dict[tuple[str, str, str], Named] = {}

    def of(self, indicator: str, unit: str, period: str) -> Named:
        """Return the names; of a row of an open list those of its column, of what is unknown the id."""
        key = (indicator, unit, period)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._look_up(indicator, unit, Period.parse(period).end)
        return found

    def _look_up(self, indicator: str, unit: str, day: date) -> Named:
        name = self._rules.organisation.name(unit, day) or unit
        entries = self._rules.catalogue.indicators
        row = _ROW_OF_LIST.fullmatch(indicator)
        known = entries.get(indicator) or (entries.get(row["column"]) if row else None)
        if known is None:
            return Named(indicator, "", 4, name)
        definition = known.on(day)
        return Named(known.name, definition.measure, definition.decimals, name)


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """Return rows as CSV (RFC 4180). Texts that a spreadsheet would take for a formula get an apostrophe; values are
    numbers and stay as they are."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([plain(cell) for cell in row] for row in rows)
    return text.getvalue()


def plain(cell: object) -> object:
    """Return a cell that no spreadsheet runs."""
    if isinstance(cell, Number):
        return str(cell)
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def writable(text: str) -> str:
    """Return the text with a replacement character for each that XML cannot hold."""
    return _UNWRITABLE.sub("\ufffd", text)


class Number(str):
    """The text of a number, which may begin with a minus."""

    __slots__ = ()


def row_of(item: ObservationView, names: Names) -> list[object]:
    """Return an observation in the order of `COLUMNS`."""
    named = names.of(item.indicator, item.unit, item.period)
    return [
        item.indicator,
        named.indicator,
        named.measure,
        item.unit,
        named.unit,
        item.period,
        "" if item.value is None else Number(item.value),
        int(item.value is None),
        item.status,
        int(item.derived),
        item.label or "",
        item.basis or "",
        item.form,
        item.version,
        local(item.recorded_at).isoformat(timespec="seconds"),
    ]


def local(instant: datetime) -> datetime:
    """Return the instant as a clock in Vietnam showed it."""
    return instant.astimezone(VIETNAM)
