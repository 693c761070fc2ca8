"""Versions of an indicator's definition: what it measured is never rewritten, a change of it is a new version. Pure.

A load brings the newest version with the day from which it holds. Those before it stay under `earlier`, whether the
load repeats them or not, each ending where the next begins; figures of their time keep their meaning (Đ4.2c).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import msgspec

from services.indicators.domain.faults import Fault
from shared.catalogue.entries import Definition, Indicator

Body = dict[str, Any]
_FIELDS = tuple(Definition.__struct_fields__)
_OWN = ("parent", "breakdown")
_MAY_CHANGE = ("valid_to", "max_change_percent")
"""Fields that say nothing of what was measured: when a version ends, and from when on a change is asked about."""
_FILLED_LATER = ("concept", "method", "over_time", "minimum", "maximum", "valid_from")
_EMPTY = (None, "", "none")
"""Fields that may be filled in where they were empty, and what counts as that."""
_ID = re.compile(r"[A-Za-z][A-Za-z0-9_.\-]{0,63}")


def carry(stored: Body, code: str, body: Body) -> tuple[Body, list[Fault]]:
    """Return the indicator's body with the versions that stand, and what is wrong with the change.

    `body` is in normal form, `stored` as it was written, perhaps before some fields were there.
    """
    before = msgspec.to_builtins(msgspec.convert({"id": code, **stored}, Indicator))
    place, held = f"indicators[{code}]", before["version"]
    if body["version"] < held:
        return body, [_older(place, held)]
    known = {item["version"]: item for item in [*before["earlier"], before]}
    given = {item["version"]: item for item in [*body["earlier"], body]}
    faults = [
        fault
        for number, item in given.items()
        if number in known
        for fault in _changes(place if item is body else f"{place}.earlier[{number}]", number, known[number], item)
    ]
    if body["version"] == held:
        moved = [name for name in _OWN if before[name] != body[name] and not _spelled_freely(before[name])]
        faults += [_changed(place, held, name) for name in moved]
    earlier = {number: item for number, item in {**known, **given}.items() if item is not body}
    return {**body, "earlier": _ended([*(earlier[number] for number in sorted(earlier)), body])}, faults


def _ended(items: list[Body]) -> list[Body]:
    """Return all but the last as versions of their own; one that had no end ends where the next begins."""
    return [
        {**{name: item[name] for name in _FIELDS}, "valid_to": item["valid_to"] or following["valid_from"]}
        for item, following in pairwise(items)
    ]


def _changes(place: str, number: int, before: Body, after: Body) -> Iterator[Fault]:
    for name in _FIELDS:
        filled = name in _FILLED_LATER and before[name] in _EMPTY
        if before[name] != after[name] and name not in _MAY_CHANGE and not filled:
            yield _changed(place, number, name)


def _spelled_freely(own: Any) -> bool:
    """Tell whether a breakdown was taken as it was, before there were dimensions to name: it may get its dimension."""
    return isinstance(own, dict) and not _ID.fullmatch(own["dimension"])


def _changed(place: str, number: int, name: str) -> Fault:
    return Fault(
        f"{place}.{name}",
        "definition_changed",
        f"{name} of version {number} would change; a change of meaning is a new version with its valid_from",
        f"“{name}” của phiên bản {number} bị thay đổi; hãy ghi thành phiên bản mới, kèm ngày có hiệu lực.",
    )


def _older(place: str, held: int) -> Fault:
    return Fault(
        f"{place}.version",
        "definition_version",
        f"version {held} is in force; an older one cannot take its place",
        f"Phiên bản {held} đang có hiệu lực, không thể thay bằng phiên bản cũ hơn.",
    )
