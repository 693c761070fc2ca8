"""Versions of a form: what was asked for is never rewritten, a change of it is a new version. Pure.

A load brings the newest version. What stood before it stays under `earlier`, whether the load repeats it or not, with
the day until which pushes of that version are taken. That day is a decision and is never made up: a new version names
it as `"earlier": [{"version": 1, "accepted_until": "2026-12-31"}]`; the content of version 1 is what was stored.
"""

from __future__ import annotations

from typing import Any

import msgspec

from services.indicators.domain.faults import Fault
from shared.catalogue.entries import Form, FormContent

_CONTENT = ("indicators", "derived", "required")
_EMPTY: dict[str, Any] = {
    "indicators": [],
    "derived": [],
    "required": [],
    "open_lists": [],
    "rules": [],
    "layout": None,
}


def carry(stored: dict[str, Any], form_id: str, body: dict[str, Any]) -> tuple[dict[str, Any], list[Fault]]:
    """Return the form's body with its earlier versions as they were stored, and what is wrong with the change.

    `body` is in normal form, `stored` as it was written, perhaps before some fields were there. Texts (help, labels,
    notes) may change within a version, and a form without a layout may get one.
    """
    before = msgspec.to_builtins(msgspec.convert({"id": form_id, **stored}, Form))
    place, held, new = f"forms[{form_id}]", before["version"], body["version"]
    if new < held:
        return body, [_older(place, held)]
    if new == held and not _same(before, body):
        return body, [_changed(place, held)]
    given = {item["version"]: item for item in body["earlier"]}
    known = {item["version"]: item for item in before["earlier"]}
    if new > held:
        known[held] = {key: before[key] for key in FormContent.__struct_fields__}
    faults = [
        _rewritten(f"{place}.earlier[{number}]", number)
        for number, item in given.items()
        if number in known and not _empty(item) and not _same(known[number], item)
    ]
    return {**body, "earlier": _merged(known, given)}, faults


def _merged(known: dict[int, dict[str, Any]], given: dict[int, dict[str, Any]]) -> list[dict[str, Any]]:
    kept = []
    for number in sorted(known.keys() | given.keys()):
        content = known.get(number) or given[number]
        until = given.get(number, content)["accepted_until"] or content["accepted_until"]
        kept.append({**content, "accepted_until": until})
    return kept


def _empty(content: dict[str, Any]) -> bool:
    return all(content[key] == nothing for key, nothing in _EMPTY.items())


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Tell whether two bodies ask for the same. Order and texts do not count, nor a layout where there was none."""
    layouts = [content["layout"]["cells"] for content in (one, other) if content["layout"] is not None]
    moved = len(layouts) == 2 and layouts[0] != layouts[1]
    return not moved and _asked(one) == _asked(other)


def _asked(content: dict[str, Any]) -> tuple[Any, ...]:
    lists = sorted((item["id"], item["columns"], item["max_rows"]) for item in content["open_lists"])
    rules = sorted((item["id"], item["expression"], item["severity"]) for item in content["rules"])
    return (*(sorted(content[key]) for key in _CONTENT), lists, rules)


def _older(place: str, held: int) -> Fault:
    return Fault(
        f"{place}.version",
        "form_version",
        f"version {held} is in force; an older one cannot take its place",
        f"Phiên bản {held} đang có hiệu lực, không thể thay bằng phiên bản cũ hơn.",
    )


def _changed(place: str, held: int) -> Fault:
    return Fault(
        f"{place}.version",
        "form_changed",
        f"what version {held} asks for would change; give it version {held + 1}",
        f"Nội dung biểu mẫu thay đổi; hãy ghi thành phiên bản {held + 1}, không sửa phiên bản {held}.",
    )


def _rewritten(place: str, number: int) -> Fault:
    return Fault(
        place,
        "form_changed",
        f"version {number} asked for something else",
        f"Nội dung phiên bản {number} khác với nội dung đã lưu.",
    )
