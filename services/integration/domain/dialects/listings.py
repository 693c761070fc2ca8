"""What a partner lists: how its pages follow each other, and how a row becomes a value under its codes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

import msgspec

from services.integration.domain.dialects.pointers import MISSING, at, is_pointer, spelled
from services.integration.domain.mapping import Breakdown
from services.integration.domain.reconciliation import Cell
from shared.canonical import decimal_text
from shared.errors import Invalid

_GROUPED = re.compile(r"[+-]?\d{1,3}(\.\d{3})+(,\d+)?")


class NotListed(Exception):
    """The answer is no listing of the kind that is described."""


class Values(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"kind": "as"}):
    """How values are written, both ways: `as` text or number, with a decimal `comma`, and which word stands for
    "không phát sinh" (nothing occurred); without a word it is null."""

    kind: Literal["text", "number"] = "text"
    comma: bool = False
    nothing: str | None = None

    def written(self, value: str | None) -> Any:
        """Return a value of ours as the partner writes it."""
        if value is None:
            return self.nothing
        if self.kind == "number":
            return Decimal(value)
        return value.replace(".", ",") if self.comma else value

    def read(self, found: Any) -> str | None:
        """Return the partner's value as we write it; what is no number stays as it is, and will differ."""
        text = spelled(found)
        if text is None or text == self.nothing:
            return None
        plain = text
        if self.comma:
            plain = text.replace(".", "") if _GROUPED.fullmatch(text) else text
            plain = plain.replace(",", ".")
        try:
            return decimal_text(Decimal(plain))
        except (InvalidOperation, Invalid):
            return text


class Fields(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where in a row its parts stand. Form, unit and period may be missing where the request named them. With `parts`,
    where each dimension's part stands, `indicator` points at the indicator without them."""

    indicator: str
    value: str
    status: str | None = None
    version: str | None = None
    form: str | None = None
    unit: str | None = None
    period: str | None = None
    parts: dict[str, str] = {}


class Pages(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How pages follow each other: by number (`page`, from `first`; `last` points at how many there are, else the first
    page without rows is beyond the end), by a `cursor`, or by a `link`; `next` points at the cursor or link of the next
    page, and a link may also stand in the header Link. `limit`: rows per page, if the partner lets us choose."""

    kind: Literal["page", "cursor", "link"]
    first: int = 1
    last: str | None = None
    next: str | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """One value that a partner lists, under its codes; the form and the status in our words."""

    form: str
    unit: str
    period: str
    indicator: str
    cell: Cell
    version: int


def faults(fields: Fields, paging: Pages | None, rows: str, place: str) -> list[str]:
    """Return what is wrong with the description of a listing, each with its place."""
    told = msgspec.structs.asdict(fields)
    pointers = {f"{place}.row.{name}": text for name, text in told.items() if name != "parts"}
    pointers |= {f"{place}.row.parts.{name}": text for name, text in fields.parts.items()}
    pointers[f"{place}.rows"] = rows
    if paging is not None:
        pointers |= {f"{place}.pages.last": paging.last, f"{place}.pages.next": paging.next}
    found = [
        f"{where}: {text!r} is no JSON pointer"
        for where, text in pointers.items()
        if text is not None and not is_pointer(text)
    ]
    if paging is not None and paging.kind == "cursor" and paging.next is None:
        found.append(f"{place}.pages.next: missing: where is the next page's cursor?")
    if paging is not None and paging.limit is not None and paging.limit < 1:
        found.append(f"{place}.pages.limit: at least 1")
    return found


def rows_of(document: Any, pointer: str) -> list[Any]:
    """Return the rows of a page. A single one that stands there by itself, as XML has it, is a row too."""
    found = at(document, pointer)
    if found is MISSING or found is None or found == "":
        return []
    return found if isinstance(found, list) else [found]


def held(
    row: Any, fields: Fields, values: Values, words: Mapping[str, Mapping[str, str]], asked: Mapping[str, Any]
) -> Held:
    """Return a row as a value; `words` are ours by the partner's, `asked` what the request named. Raises NotListed."""

    def told(name: str, pointer: str | None) -> str:
        if pointer is None:
            return str(asked[name])
        text = spelled(at(row, pointer))
        if text is None:
            raise NotListed(f"a row without {name} (at {pointer})")
        return words.get(name, {}).get(text, text)

    parts = {name: spelled(at(row, pointer)) for name, pointer in fields.parts.items()}
    indicator = told("indicator", fields.indicator)
    if parts:
        indicator = Breakdown(base=indicator, parts={name: text for name, text in parts.items() if text}).text
    status = "official" if fields.status is None else told("status", fields.status)
    version = None if fields.version is None else spelled(at(row, fields.version))
    if at(row, fields.value) is MISSING and not isinstance(row, dict):
        raise NotListed(f"a row that is no object: {str(row)[:100]}")
    return Held(
        form=told("form", fields.form),
        unit=told("unit", fields.unit),
        period=told("period", fields.period),
        indicator=indicator,
        cell=Cell(values.read(at(row, fields.value)), status),
        version=int(version) if version is not None and version.isdecimal() else 0,
    )
