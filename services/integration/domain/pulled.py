"""What a page of a source says: rows in the hub's own codes, and what is wrong with the others. Pure.

A row that cannot be used is named (page, position, place, reason) and does not hold the others up. What concerns the
page itself (its rows are no list) fails the run.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Container
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

import msgspec

from services.integration.domain.mapping import CodeMapping, Edition
from services.integration.domain.pull_source import Source
from services.integration.domain.pulls import at, bad_page
from shared.calendar import Period
from shared.canonical import decimal_text, encode
from shared.catalogue.organisation import Organisation
from shared.contracts.push import MAX_FIGURES
from shared.errors import HubError, Invalid

UNMAPPED, REFUSED, DELETED = "unmapped", "refused", "deleted"
"""Why a row is not sent on: its codes mean nothing here; it cannot be read or is not to be taken; it is gone there."""

_GROUPED = re.compile(r"-?\d{1,3}(\.\d{3})+(,\d+)?", re.ASCII)
_NUMBER = {".": re.compile(r"-?\d+(\.\d+)?", re.ASCII), ",": re.compile(r"-?\d+(,\d+)?", re.ASCII)}


class Row(NamedTuple):
    """A usable row: which cell it is for, what the source holds there (None: "không phát sinh") and since when.
    `raw` is the hash of the row as it came."""

    position: int
    form: str
    unit: str
    period: str
    indicator: str
    value: str | None
    status: str
    mark: int
    deleted: bool
    raw: bytes

    @property
    def hash(self) -> bytes:
        """What tells one state of the cell from another."""
        return hashlib.sha256(encode((self.value, self.status, "1" if self.deleted else "0"))).digest()


class Fault(NamedTuple):
    """A row that is not used: its position in the page, the place in it, why, and its codes as the source has them."""

    position: int
    kind: str
    place: str
    code: str
    message: str
    row: str


@dataclass(slots=True)
class Page:
    """A page that was read. `document` is kept for what leads to the next one; `highest` is the highest mark on it,
    of any row whose mark can be read; `in_order` tells whether marks rise, `first` is the first of them."""

    document: Any
    read: int
    rows: list[Row] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    total: int | None = None
    highest: int | None = None
    first: int | None = None
    in_order: bool = True


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads pages of one source. `units` are the ids that the hub's catalogue has."""

    source: Source[Any]
    mapping: CodeMapping
    organisation: Organisation
    units: Container[str]

    def page(self, document: Any) -> Page:
        """Read a page: its JSON, or its XML as plain things. Raises Invalid("integration.bad_page")."""
        rows = at(document, self.source.rows.at)
        if self.source.soap and not isinstance(rows, list):  # XML says one row, or none, without a list
            rows = [] if rows is None else [rows]
        if not isinstance(rows, list):
            raise bad_page(f"no list of rows at {self.source.rows.at or '$'}")
        page = Page(document, len(rows), total=self._total(document))
        last = None
        for position, raw_row in enumerate(rows):
            try:
                row = self._row(position, raw_row)
            except _Unusable as fault:
                page.faults.append(Fault(position, fault.kind, fault.place, fault.code, fault.message, _shown(raw_row)))
            else:
                page.rows.append(row)
            mark = self.source.watermark.read(at(raw_row, self.source.rows.mark))
            if mark is not None:
                page.first = mark if page.first is None else page.first
                page.in_order = page.in_order and (last is None or last <= mark)
                page.highest, last = max(mark, page.highest or 0), mark
        return page

    def _total(self, document: Any) -> int | None:
        if not self.source.paging.total:
            return None
        told = at(document, self.source.paging.total)
        if isinstance(told, str) and told.isascii() and told.isdecimal():
            told = int(told) if len(told) < 20 else None
        if isinstance(told, bool) or not isinstance(told, int) or told < 0:
            raise bad_page(f"no number of rows at {self.source.paging.total}")
        return told

    def _row(self, position: int, raw: Any) -> Row:
        shape = self.source.rows
        mark = self.source.watermark.read(at(raw, shape.mark))
        if mark is None:
            raise _Unusable(REFUSED, shape.mark, "pulls.no_mark", "no time or number of the change")
        spelled = hashlib.sha256(msgspec.json.encode(raw, order="deterministic")).digest()
        form = self._form(raw)
        period = self._period(_code(raw, shape.period))
        edition = self.mapping.at(period)
        unit = self._unit(edition, _code(raw, shape.unit), period)
        indicator = self._indicator(edition, _code(raw, shape.indicator))
        if shape.deleted and at(raw, shape.deleted) in shape.deleted_when:
            return Row(position, form, unit, period, indicator, None, "official", mark, True, spelled)
        value = self._value(edition, indicator, at(raw, shape.value))
        return Row(position, form, unit, period, indicator, value, self._status(raw), mark, False, spelled)

    def _form(self, raw: Any) -> str:
        if not self.source.rows.form:
            return self.source.forms[0]
        form = _code(raw, self.source.rows.form)
        if form not in self.source.forms:
            raise _Unusable(REFUSED, self.source.rows.form, "pulls.other_form", f"form {form!r} is not to be taken")
        return form

    def _period(self, text: str) -> str:
        try:
            return str(Period.parse(self.mapping.read_period(text)))
        except Invalid as error:
            place = self.source.rows.period
            raise _Unusable(UNMAPPED, place, "pulls.unmapped_period", f"{text!r} is no period here") from error

    def _unit(self, edition: Edition, code: str, period: str) -> str:
        place = self.source.rows.unit
        unit = edition.hub_unit(code, period, self.organisation)
        if unit not in self.units:
            raise _Unusable(UNMAPPED, place, "pulls.unmapped_unit", f"no unit bears {code!r} in {period}")
        if "*" not in self.source.units and unit not in self.source.units:
            raise _Unusable(REFUSED, place, "pulls.other_unit", f"figures of {unit} are not to be taken")
        return unit

    def _indicator(self, edition: Edition, code: str) -> str:
        ours = edition.hub_indicator(code)
        if edition.indicator(ours) != code:
            place = self.source.rows.indicator
            raise _Unusable(UNMAPPED, place, "pulls.unmapped_indicator", f"{code!r} means no indicator here")
        return ours

    def _status(self, raw: Any) -> str:
        shape = self.source.rows
        if not shape.status:
            return "official"
        theirs = _code(raw, shape.status)
        known = shape.statuses or {name: name for name in ("estimate", "preliminary", "official")}
        if theirs not in known:
            raise _Unusable(UNMAPPED, shape.status, "pulls.unmapped_status", f"status {theirs!r} is not known")
        return known[theirs]

    def _value(self, edition: Edition, indicator: str, raw: Any) -> str | None:
        shape = self.source.rows
        if (raw is None or isinstance(raw, str)) and raw in shape.nothing:
            return None
        if isinstance(raw, bool) or raw is None or not isinstance(raw, int | Decimal | str):
            raise _Unusable(REFUSED, shape.value, "pulls.no_value", "there is no value")
        try:
            theirs = decimal_text(Decimal(_plain(raw, shape.decimal) if isinstance(raw, str) else raw))
            ours = edition.hub_value(indicator, theirs)
            return None if ours is None else decimal_text(Decimal(ours))
        except (InvalidOperation, ValueError) as error:
            raise _Unusable(REFUSED, shape.value, "pulls.bad_value", f"{raw!r:.60} is no number") from error
        except HubError as error:
            raise _Unusable(REFUSED, shape.value, "pulls.bad_value", error.message) from error


def push_body(form: str, unit: str, period: str, figures: list[tuple[str, str | None, str]]) -> bytes:
    """Return the push that says these figures (indicator, value, status): values as numbers, which read one way."""
    return msgspec.json.encode(
        {
            "form": form,
            "unit": unit,
            "period": period,
            "figures": [
                {"indicator": indicator, "value": None, "nothing_occurred": True, "status": status}
                if value is None
                else {"indicator": indicator, "value": msgspec.Raw(value.encode()), "status": status}
                for indicator, value, status in figures
            ],
        }
    )


def receipt_id(token: str, form: str, unit: str, period: str, part: int) -> str:
    """Return the receipt id of one push of a run, the same however often the run is taken up again: `p_` tells it from
    a push's own, `token` is the run's."""
    return "p_" + hashlib.sha256(encode((token, form, unit, period, str(part)))).hexdigest()[:34]


PART = MAX_FIGURES
"""Figures that one push carries at most."""


class _Unusable(Exception):
    def __init__(self, kind: str, place: str, code: str, message: str) -> None:
        super().__init__(code)
        self.kind, self.place, self.code, self.message = kind, place, code, message


def _code(raw: Any, path: str) -> str:
    """Return the code at this place: a text, or a whole number as its text."""
    found = at(raw, path)
    if isinstance(found, int) and not isinstance(found, bool):
        found = str(found)
    if not isinstance(found, str) or not 0 < len(found.strip()) <= 200 or "\x00" in found:
        raise _Unusable(REFUSED, path, "pulls.no_code", "no text there")
    return found.strip()


def _plain(text: str, sign: str) -> str:
    """Return a number's text with a point. Raises ValueError; with a comma as the sign, points may group thousands."""
    text = text.strip()
    if sign == "," and _GROUPED.fullmatch(text):
        text = text.replace(".", "")
    if not _NUMBER[sign].fullmatch(text):
        raise ValueError(text)
    return text.replace(",", ".")


def _shown(raw: Any) -> str:
    """Return the row for a person to look at: short, and without NUL, which PostgreSQL cannot store."""
    return msgspec.json.encode(raw).decode()[:300].replace("\\u0000", "")
