"""How rows and documents become the catalogue's entries, each field with the place it was read from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Container, Iterator
from pathlib import Path
from typing import Any

from catalogue.documents import read_document
from catalogue.sources import Fault, Places, Source
from catalogue.tables import Columns, Row, find_table, read_table

SCHEME = "gso"  # the General Statistics Office's code scheme

Entry = dict[str, Any]
Headers = dict[str, str]
"""Field of an entry to the header of the column it is read from."""

UNITS = Columns(
    required=("id", "kind", "type", "name", "parent"),
    optional=("gso_code", "valid_from", "valid_to"),
    filled=("id", "kind", "name"),
    days=("valid_from", "valid_to"),
    key=("id", "valid_from"),
)
SUCCESSIONS = Columns(
    required=("unit", "successor", "how", "on"),
    optional=("share",),
    filled=("unit", "how", "on"),
    days=("on",),
    key=("unit", "successor"),
)
CODES = Columns(
    required=("unit", "scheme", "code"),
    optional=("valid_from", "valid_to"),
    filled=("unit", "scheme", "code"),
    days=("valid_from", "valid_to"),
    key=("unit", "scheme", "code", "valid_from"),
)
MEASURES = Columns(
    required=("id", "name", "dimension", "factor"),
    optional=("aliases",),
    filled=("id", "name", "dimension", "factor"),
    key=("id",),
)
INDICATORS = Columns(
    required=("id", "name", "measure", "value_type"),
    optional=(
        "rollup", "over_time", "formula", "parent", "dimension", "item", "group", "lead_agency", "decimals", "minimum",
        "maximum", "max_change_percent", "concept", "method", "source_table",
    ),
    filled=("id", "name", "measure", "value_type"),
    numbers=("decimals", "max_change_percent"),
    key=("id",),
)  # fmt: skip
CALENDAR = Columns(required=("day", "off", "name", "decision"), filled=("day", "off", "name", "decision"),
                   days=("day",), key=("day",))  # fmt: skip


def tabular(folder: Path, section: str, places: Places, faults: list[Fault]) -> list[Entry]:
    """Return a section's entries from its tables."""
    if section == "units":
        return _units(folder, places, faults)
    columns, make, headers = _SIMPLE[section]
    entries = []
    for path in find_table(folder, section, faults):
        for row in read_table(path, columns, faults):
            entry = make(row)
            _remember(places, f"{section}[{entry['id']}]", row, headers)
            entries.append(entry)
    return entries


def documents(folder: Path, section: str, places: Places, faults: list[Fault]) -> list[Entry]:
    """Return a section's entries from `section`.json and `section`-….json, each holding an object with that list."""
    entries: list[Entry] = []
    for path in sorted([*folder.glob(f"{section}.json"), *folder.glob(f"{section}-*.json")]):
        before = len(faults)
        document, located = read_document(path, faults)
        if len(faults) > before:
            continue
        found = document.get(section) if isinstance(document, dict) else None
        if not isinstance(found, list) or document.keys() != {section}:
            message = f"must be an object with the one list {section!r}"
            detail = f"Tệp phải là một đối tượng có đúng một danh sách “{section}”."
            faults.append(Fault(Source(path.name, 1, 1), "shape", message, detail))
            continue
        for position, entry in enumerate(found):
            pointer = f"/{section}/{position}"
            entry_id = entry.get("id") if isinstance(entry, dict) else None
            # The catalogue names an entry without an id by its position.
            name = entry_id if isinstance(entry_id, str) else len(entries)
            for place, at in _walk(entry, f"{section}[{name}]", pointer):
                places.put(place, located[at])
            entries.append(entry)
    return entries


def _walk(value: Any, place: str, pointer: str) -> Iterator[tuple[str, str]]:
    """Yield (place, JSON pointer) of a value and all that it holds."""
    yield place, pointer
    if isinstance(value, dict):
        for key, item in value.items():
            escaped = key.replace("~", "~0").replace("/", "~1")
            yield from _walk(item, f"{place}.{key}", f"{pointer}/{escaped}")
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _walk(item, f"{place}[{position}]", f"{pointer}/{position}")


def _remember(places: Places, place: str, row: Row, headers: Headers) -> None:
    places.put(place, row.source())
    for field, header in headers.items():
        places.put(f"{place}.{field}", row.source(header))


# -- measures, indicators, calendar ----------------------------------------------------------------------------------


def _measure(row: Row) -> Entry:
    aliases = [alias for part in row["aliases"].split(";") if (alias := part.strip())]
    return {key: row[key] for key in ("id", "name", "dimension", "factor")} | {"aliases": aliases}


def _indicator(row: Row) -> Entry:
    entry: Entry = {key: row[key] for key in ("id", "name", "measure", "value_type", "group", "concept", "method")}
    entry |= {key: row[key] or None for key in ("formula", "parent", "lead_agency", "minimum", "maximum")}
    entry |= {"rollup": row["rollup"] or "none", "over_time": row["over_time"] or "none"}
    entry["decimals"] = _number(row["decimals"] or "0")
    entry["max_change_percent"] = _number(row["max_change_percent"]) if row["max_change_percent"] else None
    entry["breakdown"] = None
    if row["dimension"] or row["item"]:
        entry["breakdown"] = {"dimension": row["dimension"], "item": row["item"]}
    return entry


def _day(row: Row) -> Entry:
    off: Any = {"off": True, "worked": False}.get(row["off"], row["off"])
    return {"id": row["day"], "off": off, "name": row["name"], "decision": row["decision"]}


def _number(text: str) -> int | str:
    """Return a number, or the text as it is: the fault is told already."""
    return int(text) if text.isascii() and text.isdigit() else text


_SIMPLE: dict[str, tuple[Columns, Callable[[Row], Entry], Headers]] = {
    "measures": (MEASURES, _measure, {key: key for key in ("id", "name", "dimension", "factor", "aliases")}),
    "indicators": (
        INDICATORS,
        _indicator,
        {key: key for key in (*INDICATORS.required, *INDICATORS.optional) if key not in ("dimension", "item")}
        | {"breakdown": "dimension", "breakdown.dimension": "dimension", "breakdown.item": "item"},
    ),
    "calendar": (CALENDAR, _day, {"id": "day", "off": "off", "name": "name", "decision": "decision"}),
}


# -- units -----------------------------------------------------------------------------------------------------------


def _units(folder: Path, places: Places, faults: list[Fault]) -> list[Entry]:
    spans: dict[str, list[Row]] = defaultdict(list)
    for path in find_table(folder, "units", faults):
        for row in read_table(path, UNITS, faults):
            spans[row["id"]].append(row)
    edges = _beside(folder, "successions", SUCCESSIONS, spans, faults)
    codes = _beside(folder, "codes", CODES, spans, faults)
    return [_unit(unit, rows, edges[unit], codes[unit], places, faults) for unit, rows in spans.items()]


def _beside(
    folder: Path, table: str, columns: Columns, units: Container[str], faults: list[Fault]
) -> dict[str, list[Row]]:
    """Return the rows of a table that tells more of units, by unit."""
    found: dict[str, list[Row]] = defaultdict(list)
    for path in find_table(folder, table, faults):
        for row in read_table(path, columns, faults):
            if row["unit"] not in units:
                message, detail = f"{row['unit']} is no unit of units.csv", f"Không có đơn vị “{row['unit']}”."
                faults.append(Fault(row.source("unit"), "unknown", message, detail, cell=True))
            found[row["unit"]].append(row)
    return found


def _unit(unit: str, rows: list[Row], edges: list[Row], codes: list[Row], places: Places, faults: list[Fault]) -> Entry:
    rows = sorted(rows, key=lambda row: row["valid_from"])
    first, last = rows[0], rows[-1]
    place = f"units[{unit}]"
    for row in rows:
        if row["kind"] != last["kind"]:
            message = f"{unit} is of one kind for ever: {row['kind']} here, {last['kind']} in its last row"
            detail = f"Đơn vị {unit} chỉ thuộc một loại: ở đây ghi {row['kind']}, dòng cuối ghi {last['kind']}."
            faults.append(Fault(row.source("kind"), "kind", message, detail, cell=True))
    _remember(places, place, last, {"id": "id", "name": "name", "kind": "kind", "type_vi": "type", "parent": "parent"})
    places.put(f"{place}.valid_from", first.source("valid_from"))
    places.put(f"{place}.valid_to", last.source("valid_to"))
    _succeeding(place, edges, places)
    return {
        "id": unit,
        "name": last["name"],
        "kind": last["kind"],
        "type_vi": last["type"],
        "parent": last["parent"] or None,
        "valid_from": first["valid_from"] or None,
        "valid_to": last["valid_to"] or None,
        "codes": _codes(place, rows, codes, places),
        "names": _spans(
            [({"name": row["name"], "type_vi": row["type"]}, row) for row in rows],
            f"{place}.names", {"name": "name", "type_vi": "type"}, places,
        ),
        "parents": _spans(
            [({"parent": row["parent"] or None}, row) for row in rows], f"{place}.parents", {"parent": "parent"}, places
        ),
        "successors": [
            {"id": row["successor"] or None, "how": row["how"], "on": row["on"]}
            | ({"share": row["share"]} if row["share"] else {})
            for row in edges
        ],
    }  # fmt: skip


def _codes(place: str, rows: list[Row], further: list[Row], places: Places) -> list[Entry]:
    own = [({"scheme": SCHEME, "code": row["gso_code"]}, row) for row in rows if row["gso_code"]]
    entries = _spans(own, f"{place}.codes", {"code": "gso_code"}, places)
    for row in further:
        headers = {name: name for name in ("scheme", "code", "valid_from", "valid_to")}
        _remember(places, f"{place}.codes[{len(entries)}]", row, headers)
        days = {day: row[day] or None for day in ("valid_from", "valid_to")}
        entries.append({"scheme": row["scheme"], "code": row["code"], **days})
    return entries


def _succeeding(place: str, edges: list[Row], places: Places) -> None:
    if edges:
        places.put(f"{place}.successors", edges[0].source("successor"))
    for position, row in enumerate(edges):
        headers = {"id": "successor", "how": "how", "on": "on", "share": "share"}
        _remember(places, f"{place}.successors[{position}]", row, headers)


def _spans(values: list[tuple[Entry, Row]], place: str, headers: Headers, places: Places) -> list[Entry]:
    """Return each value with its validity; a value that goes on into the next span is one entry."""
    result: list[Entry] = []
    for value, row in values:
        start, end = row["valid_from"] or None, row["valid_to"] or None
        if result and value.items() <= result[-1].items() and result[-1]["valid_to"] == start:
            result[-1]["valid_to"] = end
        else:
            spans = {**headers, "valid_from": "valid_from", "valid_to": "valid_to"}
            _remember(places, f"{place}[{len(result)}]", row, spans)
            places.put(place, row.source(next(iter(headers.values()))))
            result.append({**value, "valid_from": start, "valid_to": end})
    return result
