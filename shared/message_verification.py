"""Checking a file of the message log offline: every changed, missing, reordered or doubled message is named.

What is found is found without any server or secret, because each entry names the hash before it and was hashed with it
and with its place. What nobody could find in the file alone: that all of it, from some place on, was written anew with
new hashes. Compare `LogReport.head` with a head noted elsewhere (the audit trail notes it with every export) to see it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import msgspec

from shared.chain import chained
from shared.message_log import FORMATS, Entry, Head, canonical, kept_digest, texts_of


@dataclass(frozen=True, slots=True)
class Fault:
    """One place that is not as it was sealed. `what`: changed, missing, reordered, doubled, header. `line` is in the
    file (None for what is missing); `number` is the message's place in the chain, up to `until` for several."""

    what: str
    line: int | None
    number: int | None
    why: str
    message: str | None = None
    until: int | None = None


@dataclass(frozen=True, slots=True)
class LogReport:
    """What checking a file found: how many entries it has, of how many the bodies were let go, from which number to
    which, and every fault in order."""

    entries: int
    bodiless: int
    first: int | None
    last: int | None
    head: str | None
    faults: list[Fault]

    @property
    def holds(self) -> bool:
        """Tell whether every message is as it was sealed."""
        return not self.faults


@dataclass(slots=True)
class _Line:
    """What is remembered of one line: enough to judge the order, small enough for many."""

    line: int
    number: int
    previous: str
    hash: str
    message: str


def verify(lines: Iterable[bytes], head: str | None = None) -> LogReport:
    """Check these lines, the first being the file's head; `head` is the last entry's hash as noted elsewhere."""
    faults: list[Fault] = []
    told: Head | None = None
    sound: list[_Line] = []
    unsound: list[_Line | int] = []
    count = bodiless = 0
    for place, raw in enumerate(lines, start=1):
        if place == 1:
            told, fault = _read_head(raw)
            faults += fault
            continue
        if not raw.strip():
            continue
        count += 1
        entry, why = _read(raw, told)
        if entry is None:
            unsound.append(place)
            faults.append(Fault("changed", place, None, why or "unreadable"))
            continue
        known = _Line(place, entry.number, entry.previous, entry.hash, entry.id)
        if why is None:
            sound.append(known)
            bodiless += entry.request is None and entry.request_kept is not None
        else:
            unsound.append(known)
            faults.append(Fault("changed", place, entry.number, why, entry.id))
    if told is None:
        return LogReport(count, bodiless, None, None, None, faults or [Fault("header", 1, None, "the file is empty")])
    faults += _order(told, sound, unsound)
    faults += _links(told, sound, head)
    faults.sort(key=lambda item: (item.number is None, item.number or 0, item.line or 0))
    return LogReport(count, bodiless, told.first, told.last, told.head, faults)


def _read_head(raw: bytes) -> tuple[Head | None, list[Fault]]:
    try:
        told = msgspec.json.decode(raw, type=Head)
    except msgspec.DecodeError as error:
        return None, [Fault("header", 1, None, f"not the first line of such a file: {error}")]
    if told.format not in FORMATS:
        return None, [Fault("header", 1, None, f"the format is {told.format}, not one of {', '.join(FORMATS)}")]
    return told, []


def _read(raw: bytes, head: Head | None) -> tuple[Entry | None, str | None]:
    """Return the entry of a line, and what is wrong with it."""
    try:
        entry = msgspec.json.decode(raw, type=Entry)
        wanted = bytes.fromhex(entry.hash)
        made = chained(bytes.fromhex(entry.previous), canonical(entry.number, texts_of(msgspec.structs.asdict(entry))))
    except ValueError as error:  # msgspec's errors are such, too
        return None, f"unreadable: {error}"
    if made != wanted:
        return entry, "its content is not what was sealed"
    for side in ("request", "response"):
        kept, body = getattr(entry, f"{side}_kept"), getattr(entry, side)
        if body is None:
            if kept is not None and head is not None and entry.at >= head.bodies_since:
                return entry, f"its {side} is gone"
            continue
        try:
            if kept_digest(body) != kept:
                return entry, f"its {side} is not what was kept"
        except ValueError as error:
            return entry, f"its {side} is unreadable: {error}"
    return entry, None


def _order(told: Head, sound: list[_Line], unsound: list[_Line | int]) -> list[Fault]:
    """Name what is doubled, out of place or missing. Only numbers of sound entries are believed: they were hashed."""
    faults: list[Fault] = []
    seen: dict[int, _Line] = {}
    sequence: list[_Line] = []
    for item in sound:
        if item.number in seen:
            what = "doubled" if item.hash == seen[item.number].hash else "changed"
            faults.append(Fault(what, item.line, item.number, "this number stands in the file before", item.message))
        elif not told.first <= item.number <= told.last:
            why = f"the file is of {told.first} to {told.last}"
            faults.append(Fault("header", item.line, item.number, why, item.message))
        else:
            seen[item.number] = item
            sequence.append(item)
    for item in _misplaced(sequence):
        faults.append(Fault("reordered", item.line, item.number, "it does not stand in its place", item.message))
    return faults + _missing(told, {item.line: item.number for item in sequence}, unsound)


def _missing(told: Head, at_line: dict[int, int], unsound: list[_Line | int]) -> list[Fault]:
    """Name the numbers that stand nowhere. An unsound entry that claims such a number, or stands where one should be,
    is changed and not missing."""
    there = set(at_line.values())
    for other in unsound:
        line = other.line if isinstance(other, _Line) else other
        number = other.number if isinstance(other, _Line) else told.last + 1
        if number in there or not told.first <= number <= told.last:
            number = at_line.get(line - 1, told.first - 1) + 1
        there.add(number)
        at_line[line] = number
    faults = []
    before = told.first - 1
    for number in [*sorted(item for item in there if told.first <= item <= told.last), told.last + 1]:
        if number > before + 1:
            until = number - 1 if number > before + 2 else None
            faults.append(Fault("missing", None, before + 1, "it was sealed and is not in the file", until=until))
        before = number
    return faults


def _misplaced(sequence: list[_Line]) -> list[_Line]:
    """Return the fewest entries that have to be moved for all to stand in order."""
    if all(one.number < other.number for one, other in pairwise(sequence)):
        return []
    tails: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for index, item in enumerate(sequence):
        place = bisect_left(tails, item.number)
        tails[place : place + 1] = [item.number]
        ends[place : place + 1] = [index]
        before.append(ends[place - 1] if place else -1)
    kept: set[int] = set()
    index = ends[-1]
    while index >= 0:
        kept.add(index)
        index = before[index]
    return [item for index, item in enumerate(sequence) if index not in kept]


def _links(told: Head, sound: list[_Line], head: str | None) -> list[Fault]:
    """Name entries that hold in themselves and are not those that their neighbours were chained to."""
    by_number = {item.number: item for item in sound}
    faults = []
    for item in by_number.values():
        following = by_number.get(item.number + 1)
        forged = following is not None and following.previous != item.hash
        forged = forged or (item.number == told.last and item.hash != told.head)
        if forged:
            why = "it is not the message that the next one was chained to"
            faults.append(Fault("changed", item.line, item.number, why, item.message))
        if item.number == told.first and item.previous != told.previous:
            faults.append(Fault("header", 1, item.number, "the file's head names another hash before the first"))
    if head is not None and head.lower() != told.head:
        faults.append(Fault("header", 1, told.last, "the last hash is not the one that was noted elsewhere"))
    return faults
