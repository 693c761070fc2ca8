"""Rows made of a load's sections in normal form. Empty cells are left out of a row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from services.indicators.domain.sheets.layout import SHEETS

Body = Mapping[str, Any]
Cells = dict[str, str]


def flatten(content: Mapping[str, list[dict[str, Any]]]) -> dict[str, list[Cells]]:
    """Return the rows of every sheet: texts by the column's name."""
    rows: dict[str, list[Cells]] = {key: [] for key in SHEETS}
    for sheet, values in _values(content):
        cells = {
            column.name: column.write(values[column.name])
            for column in SHEETS[sheet].columns
            if values.get(column.name) not in (None, "", [])
        }
        rows[sheet].append(cells)
    return rows


def _values(content: Mapping[str, list[dict[str, Any]]]) -> Iterator[tuple[str, Body]]:
    for regime in content.get("regimes", ()):
        nested = {f"window.{key}": value for key, value in (regime["window"] or {}).items()}
        nested |= {f"intake.{key}": value for key, value in regime["intake"].items()}
        yield "regimes", {**regime, **regime["deadline"], **nested}
        for step in regime["ladder"]:
            yield "ladder", {**step, "regime": regime["id"]}
    for form in content.get("forms", ()):
        yield from _form(form)
    for indicator in content.get("indicators", ()):
        breakdown = {f"breakdown.{key}": value for key, value in (indicator["breakdown"] or {}).items()}
        yield "indicators", {**indicator, **breakdown}
        for sheet, part in (("definitions", "earlier"), ("codes", "codes")):
            for item in indicator[part]:
                yield sheet, {**item, "indicator": indicator["id"]}
    for measure in content.get("measures", ()):
        yield "measures", measure
    for dimension in content.get("dimensions", ()):
        yield "dimensions", dimension
        for item in dimension["items"]:
            yield "items", {**item, "dimension": dimension["id"]}


def _form(form: Body) -> Iterator[tuple[str, Body]]:
    owed = form["owed_by"]
    each = owed if isinstance(owed, dict) else {}
    yield "forms", {**form, **each, **form["periods"], **form["parties"]}
    for pair in owed if isinstance(owed, list) else ():
        yield "owed", {**pair, "form": form["id"]}
    for content in form["earlier"]:
        yield "earlier", {**content, "form": form["id"]}
    for content in (form, *form["earlier"]):
        for sheet, values in _content(content):
            yield sheet, {**values, "form": form["id"], "version": content["version"]}


def _content(content: Body) -> Iterator[tuple[str, Body]]:
    required = set(content["required"])
    for role, codes in (("entered", content["indicators"]), ("derived", content["derived"])):
        for code in codes:
            yield "entered", {"code": code, "role": role, "required": code in required or None}
    layout = content["layout"] or {"rows": [], "columns": [], "cells": []}
    for axis in ("rows", "columns"):
        for number, line in enumerate(layout[axis], 1):
            yield "lines", {**line, "axis": axis, "number": number, "indent": line["indent"] or None}
    for row, codes in enumerate(layout["cells"], 1):
        for column, code in enumerate(codes, 1):
            if code is not None:
                yield "cells", {"row": row, "column": column, "code": code}
    for item in content["open_lists"]:
        yield "lists", item
    for rule in content["rules"]:
        yield "rules", rule
    for code, text in content["help"].items():
        yield "help", {"code": code, "text": text}
