"""Sections of a load made of rows; whatever cannot be read is told by sheet, row and column.

`Assembled.places` leads from places in the catalogue (`forms[GD-THANG-01].rules[Q1]`) back to cells, so that faults
which only the whole catalogue shows are told where the clerk finds them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from services.indicators.domain.faults import Fault
from services.indicators.domain.sheets.columns import Unreadable
from services.indicators.domain.sheets.layout import SHEETS, place

_DEADLINE = ("day", "hour", "minute", "month", "months_after")
_LINE = ("label", "indent", "help")
_MAX_TABLE = 500


class Row(NamedTuple):
    """One row as it was read: its number in the sheet, its texts by the column's name, and the letters of columns that
    stand elsewhere than in our own files."""

    number: int
    cells: Mapping[str, str]
    letters: Mapping[str, str] = {}


@dataclass(slots=True)
class Assembled:
    """What rows say: sections of a load, where each part of them stands, and what could not be read."""

    content: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def where(self, at: str) -> str | None:
        """Return the cell that a place of the catalogue leads back to: its own, or that of what it is part of."""
        while at:
            if at in self.places:
                return self.places[at]
            at = at[: max(at.rfind("."), at.rfind("["), 0)]
        return None


class _Line(NamedTuple):
    """A row whose cells were read."""

    sheet: str
    row: Row
    values: dict[str, Any]

    def at(self, column: str) -> str:
        return place(self.sheet, self.row.number, column, self.row.letters)

    def only(self, names: Iterable[str]) -> dict[str, Any]:
        return {name: self.values[name] for name in names if name in self.values}


def assemble(rows: Mapping[str, list[Row]]) -> Assembled:
    """Return the content of these rows, by the keys of their sheets."""
    made = Assembled()
    lines = {key: [_read(key, row, made) for row in rows.get(key, ())] for key in SHEETS}
    regimes = {line.values.get("id", ""): _regime(line, made) for line in lines["regimes"]}
    for line in lines["ladder"]:
        if (regime := _owner(line, "regime", regimes, made)) is not None:
            regime.setdefault("ladder", []).append(line.only(("level", *_DEADLINE)))
    forms = {line.values.get("id", ""): _form(line, made) for line in lines["forms"]}
    _fill_forms(lines, forms, made)
    indicators = {line.values.get("id", ""): _indicator(line, made) for line in lines["indicators"]}
    for sheet, part in (("definitions", "earlier"), ("codes", "codes")):
        for line in lines[sheet]:
            if (indicator := _owner(line, "indicator", indicators, made)) is not None:
                indicator.setdefault(part, []).append(_without(line.values, "indicator"))
    dimensions = {
        line.values.get("id", ""): {**_entry(line, "dimensions", made), "items": []} for line in lines["dimensions"]
    }
    for line in lines["items"]:
        if (dimension := _owner(line, "dimension", dimensions, made)) is not None:
            dimension["items"].append(_without(line.values, "dimension"))
    made.content = {
        "measures": [_entry(line, "measures", made) for line in lines["measures"]],
        "dimensions": list(dimensions.values()),
        "indicators": list(indicators.values()),
        "regimes": list(regimes.values()),
        "forms": list(forms.values()),
    }
    for sheet in ("regimes", "forms", "indicators", "dimensions", "measures"):
        _refuse_twice(lines[sheet], made)
    return made


def _read(sheet: str, row: Row, made: Assembled) -> _Line:
    line = _Line(sheet, row, {})
    for column in SHEETS[sheet].columns:
        given = row.cells.get(column.name, "").strip()
        if not given:
            continue
        try:
            line.values[column.name] = column.read(given)
        except Unreadable as error:
            made.faults.append(Fault(line.at(column.name), "cell", str(error), error.detail))
    return line


def _refuse_twice(lines: list[_Line], made: Assembled) -> None:
    seen: set[str] = set()
    for line in lines:
        entry_id = line.values.get("id", "")
        if entry_id in seen or not entry_id:
            made.faults.append(
                Fault(
                    line.at("id"),
                    "twice",
                    f"{entry_id!r} stands twice or is empty",
                    "Mã bị trống hoặc xuất hiện hai lần.",
                )
            )
        seen.add(entry_id)


def _owner(line: _Line, column: str, known: Mapping[str, dict[str, Any]], made: Assembled) -> dict[str, Any] | None:
    name = line.values.get(column, "")
    if name in known:
        return known[name]
    made.faults.append(
        Fault(line.at(column), "unknown", f"{name!r} is on no row of its sheet", f"“{name}” không có trong tệp này.")
    )
    return None


def _without(values: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}


def _entry(line: _Line, section: str, made: Assembled) -> dict[str, Any]:
    """Return the row's plain fields, and note where the entry and its fields stand."""
    root = f"{section}[{line.values.get('id', '')}]"
    made.places.setdefault(root, line.at("id"))
    for column in SHEETS[line.sheet].columns:
        made.places.setdefault(f"{root}.{column.name}", line.at(column.name))
    return dict(line.values)


def _nested(values: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return the values with `window.from_day` and the like as objects of their own."""
    found = {key: value for key, value in values.items() if "." not in key}
    for name in names:
        inner = {key.partition(".")[2]: value for key, value in values.items() if key.startswith(f"{name}.")}
        if inner:
            found[name] = inner
    return found


def _regime(line: _Line, made: Assembled) -> dict[str, Any]:
    found = _nested(_entry(line, "regimes", made), "window", "intake")
    made.places.setdefault(f"regimes[{found.get('id', '')}].deadline", line.at("day"))
    return {**_without(found, *_DEADLINE), "deadline": line.only(_DEADLINE)}


def _indicator(line: _Line, made: Assembled) -> dict[str, Any]:
    return _nested(_entry(line, "indicators", made), "breakdown")


def _form(line: _Line, made: Assembled) -> dict[str, Any]:
    found = _entry(line, "forms", made)
    root = f"forms[{found.get('id', '')}]"
    made.places.setdefault(f"{root}.periods", line.at("from"))
    made.places.setdefault(f"{root}.parties", line.at("enters"))
    own = _without(found, "each", "under", "from", "to", "enters", "approves", "receives")
    return {
        **own,
        "periods": line.only(("from", "to")),
        "parties": line.only(("enters", "approves", "receives")),
        "owed_by": line.only(("each", "under")) or [],
        "earlier": [],
    }


def _fill_forms(lines: Mapping[str, list[_Line]], forms: Mapping[str, dict[str, Any]], made: Assembled) -> None:
    for line in lines["owed"]:
        if (form := _owner(line, "form", forms, made)) is not None:
            made.places.setdefault(f"forms[{line.values['form']}].owed_by", line.at("unit"))
            if isinstance(form["owed_by"], list):
                form["owed_by"].append(line.only(("unit", "agency")))
            else:
                text = "Biểu đã giao cho mọi đơn vị một loại, không ghi thêm từng đơn vị."
                made.faults.append(Fault(line.at("form"), "cell", "the form is owed by each unit of a kind", text))
    contents: dict[tuple[str, int], dict[str, Any]] = {}
    for line in lines["earlier"]:
        if (form := _owner(line, "form", forms, made)) is not None:
            content = line.only(("version", "accepted_until"))
            form["earlier"].append(content)
            contents[line.values["form"], line.values.get("version", 1)] = content
    for form_id, form in forms.items():
        contents[form_id, form.get("version", 1)] = form
    for sheet, fill in (("entered", _entered), ("lists", _list), ("rules", _rule), ("help", _help)):
        for line in lines[sheet]:
            if (found := _version(line, contents, made)) is not None:
                fill(line, found, made)
    _fill_tables(lines, contents, made)


def _version(line: _Line, contents: Mapping[tuple[str, int], dict[str, Any]], made: Assembled) -> dict[str, Any] | None:
    form, version = line.values.get("form", ""), line.values.get("version", 1)
    content = contents.get((form, version))
    if content is None:
        text = f"Không có biểu {form} phiên bản {version} trong tệp này."
        made.faults.append(Fault(line.at("form"), "unknown", f"there is no version {version} of form {form!r}", text))
    return content


def _entered(line: _Line, content: dict[str, Any], made: Assembled) -> None:
    part = "derived" if line.values.get("role") == "derived" else "indicators"
    code = line.values.get("code", "")
    content.setdefault(part, []).append(code)
    made.places.setdefault(f"forms[{line.values['form']}].{part}", line.at("code"))
    if line.values.get("required"):
        content.setdefault("required", []).append(code)
        made.places.setdefault(f"forms[{line.values['form']}].required", line.at("required"))


def _list(line: _Line, content: dict[str, Any], made: Assembled) -> None:
    content.setdefault("open_lists", []).append(_without(line.values, "form", "version"))
    made.places.setdefault(f"forms[{line.values['form']}].open_lists", line.at("id"))


def _rule(line: _Line, content: dict[str, Any], made: Assembled) -> None:
    content.setdefault("rules", []).append(_without(line.values, "form", "version"))
    root = f"forms[{line.values['form']}].rules"
    made.places.setdefault(root, line.at("id"))
    made.places.setdefault(f"{root}[{line.values.get('id', '')}]", line.at("expression"))


def _help(line: _Line, content: dict[str, Any], made: Assembled) -> None:
    content.setdefault("help", {})[line.values.get("code", "")] = line.values.get("text", "")
    made.places.setdefault(f"forms[{line.values['form']}].help", line.at("code"))


def _fill_tables(
    lines: Mapping[str, list[_Line]], contents: Mapping[tuple[str, int], dict[str, Any]], made: Assembled
) -> None:
    """Lay out the tables: lines in the order of their numbers, then the cells into them."""
    for line in sorted(lines["lines"], key=lambda line: int(line.values.get("number", 0))):
        if (held := _version(line, contents, made)) is not None and "axis" in line.values:
            layout = held.setdefault("layout", {"rows": [], "columns": [], "cells": []})
            layout[line.values["axis"]].append({"label": "", **line.only(_LINE)})
            made.places.setdefault(f"forms[{line.values['form']}].layout", line.at("form"))
    for layout in [content["layout"] for content in contents.values() if "layout" in content]:
        rows, columns = len(layout["rows"]), len(layout["columns"])
        layout["cells"] = [[None] * min(columns, _MAX_TABLE) for _ in range(min(rows, _MAX_TABLE))]
    for line in lines["cells"]:
        if (held := _version(line, contents, made)) is not None:
            cells = held.get("layout", {}).get("cells", [])
            row, column = line.values.get("row", 0), line.values.get("column", 0)
            made.places.setdefault(f"forms[{line.values['form']}].layout.cells", line.at("code"))
            if 1 <= row <= len(cells) and 1 <= column <= len(cells[row - 1]):
                cells[row - 1][column - 1] = line.values.get("code")
            else:
                text = f"Bảng không có dòng {row}, cột {column}."
                made.faults.append(Fault(line.at("row"), "cell", f"the table has no row {row}, column {column}", text))
