"""Lai Châu's catalogue as data files, and how they become the body of `PUT /v1/catalogue`.

Owns units.csv (one line per span in which a unit's name, type, parent and code held), successions.csv, indicators.csv,
forms.json, regimes.json and calendar.json; README.md names their sources. Checks nothing: the indicators service does,
and refuses a faulty catalogue as a whole.
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
SCHEME = "gso"  # the General Statistics Office's code scheme

Entry = dict[str, Any]


def read(folder: Path | str | None = None) -> dict[str, list[Entry]]:
    """Return the sections of `folder` (default: Lai Châu's), each entry with its `id`."""
    root = Path(folder) if folder else FOLDER
    return {
        "units": _units(root),
        "indicators": [_indicator(row) for row in _rows(root / "indicators.csv")],
        "forms": json.loads((root / "forms.json").read_text(encoding="utf-8"))["forms"],
        "regimes": json.loads((root / "regimes.json").read_text(encoding="utf-8"))["regimes"],
        "calendar": _calendar(root / "calendar.json"),
    }


def _calendar(path: Path) -> list[Entry]:
    # A province need not deviate from the seed.
    return json.loads(path.read_text(encoding="utf-8"))["calendar"] if path.exists() else []


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _units(root: Path) -> list[Entry]:
    spans: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in _rows(root / "units.csv"):
        spans[row["id"]].append(row)
    edges: dict[str, list[Entry]] = defaultdict(list)
    for row in _rows(root / "successions.csv"):
        edges[row["unit"]].append({"id": row["successor"] or None, "how": row["how"], "on": row["on"]})
    return [_unit(unit, rows, edges[unit]) for unit, rows in spans.items()]


def _unit(unit: str, rows: list[dict[str, str]], successors: list[Entry]) -> Entry:
    rows = sorted(rows, key=lambda row: row["valid_from"])
    last = rows[-1]
    return {
        "id": unit,
        "name": last["name"],
        "kind": last["kind"],
        "type_vi": last["type"],
        "parent": last["parent"] or None,
        "valid_from": rows[0]["valid_from"] or None,
        "valid_to": last["valid_to"] or None,
        "codes": _spans([({"scheme": SCHEME, "code": row["gso_code"]}, row) for row in rows if row["gso_code"]]),
        "names": _spans([({"name": row["name"], "type_vi": row["type"]}, row) for row in rows]),
        "parents": _spans([({"parent": row["parent"] or None}, row) for row in rows]),
        "successors": successors,
    }


def _spans(values: list[tuple[Entry, dict[str, str]]]) -> list[Entry]:
    """Return each value with its validity; a value that goes on into the next span is one entry."""
    result: list[Entry] = []
    for value, row in values:
        start, end = row["valid_from"] or None, row["valid_to"] or None
        if result and value.items() <= result[-1].items() and result[-1]["valid_to"] == start:
            result[-1]["valid_to"] = end
        else:
            result.append({**value, "valid_from": start, "valid_to": end})
    return result


def _indicator(row: dict[str, str]) -> Entry:
    breakdown = {"dimension": row["dimension"], "item": row["item"]} if row["dimension"] else None
    return {
        "id": row["id"],
        "name": row["name"],
        "measure": row["measure"],
        "value_type": row["value_type"],
        "rollup": row["rollup"],
        "formula": row["formula"] or None,
        "parent": row["parent"] or None,
        "breakdown": breakdown,
        "group": row["group"],
        "lead_agency": row["lead_agency"],
        "decimals": int(row["decimals"]),
    }
