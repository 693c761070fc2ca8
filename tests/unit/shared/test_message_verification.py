"""A file of the message log: whatever is changed, removed, moved or doubled in it is found and named."""

from __future__ import annotations

import hashlib
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.canonical import encode
from shared.chain import START, chained
from shared.message_log import FIELDS, FORMAT, FORMATS, LATER, Head, canonical, instant, line_of, texts_of
from shared.message_verification import LogReport, verify

BEGINS = datetime(2026, 7, 1, tzinfo=UTC)
FIRST, COUNT = 41, 7


def made(count: int = COUNT) -> list[bytes]:
    """A file of `count` entries from number 41 on, as an export writes it."""
    previous, lines = hashlib.sha256(b"before").digest(), []
    begins = previous
    for number in range(FIRST, FIRST + count):
        raw = f"POST https://x\r\n\r\n\r\n<v>số {number}</v>".encode() + (b"\xff" if number % 2 else b"")
        row: dict[str, Any] = {
            "id": UUID(int=number),
            "partner": "quoc-gia",
            "direction": "out",
            "kind": "submit",
            "at": BEGINS + timedelta(seconds=number),
            "correlation_id": f"c{number}",
            "endpoint": "https://x",
            "outcome": "answered",
            "message_id": None,
            "form": "GD-NAM",
            "unit": "LC",
            "period": "2026",
            "error": None if number % 3 else "",
            "microseconds": number * 10,
            "status": 200,
            "delivery": number,
            "attempt": 1,
            "request_bytes": len(raw),
            "response_bytes": None,
            "request_digest": hashlib.sha256(b"whole").digest(),
            "request_kept": hashlib.sha256(raw).digest(),
            "response_digest": None,
            "response_kept": None,
            "road": "soap" if number % 2 else None,
            "client": "client:csdl" if number % 4 == 1 else None,
            "sealed_as": number,
        }
        row["hash"] = chained(previous, canonical(number, texts_of(row)))
        lines.append(line_of(row, previous, zlib.compress(raw), None))
        previous = row["hash"]
    head = Head(
        format=FORMAT,
        exported_at=instant(BEGINS),
        since=None,
        until=None,
        first=FIRST,
        last=FIRST + count - 1,
        previous=begins.hex(),
        head=previous.hex(),
        bodies_since=instant(BEGINS),
    )
    return [msgspec.json.encode(head) + b"\n", *lines]


def named(report: LogReport) -> set[tuple[str, int | None]]:
    return {
        (fault.what, number)
        for fault in report.faults
        for number in ([None] if fault.number is None else range(fault.number, (fault.until or fault.number) + 1))
    }


def test_what_was_exported_holds() -> None:
    report = verify(made())
    assert report.holds and (report.entries, report.first, report.last) == (COUNT, 41, 47)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_changed_field_of_any_message_is_found_and_the_message_named(data: st.DataObject) -> None:
    lines = made()
    place = data.draw(st.integers(1, COUNT))
    fields = msgspec.json.decode(lines[place])
    name = data.draw(st.sampled_from(sorted(fields)))
    other: Any = st.one_of(st.none(), st.integers(-5, 2**40), st.text(max_size=80))
    value = data.draw(other.filter(lambda value: value != fields[name]))
    lines[place] = msgspec.json.encode(fields | {name: value}) + b"\n"
    report = verify(lines)
    assert [fault for fault in report.faults if fault.what == "changed" and fault.line == place + 1]
    assert {fault.what for fault in report.faults} == {"changed"}


@settings(max_examples=100, deadline=None)
@given(st.sets(st.integers(0, COUNT - 1), min_size=1))
def test_any_removed_messages_are_named_and_no_other(gone: set[int]) -> None:
    lines = made()
    left = [line for index, line in enumerate(lines[1:]) if index not in gone]
    assert named(verify([lines[0], *left])) == {("missing", FIRST + index) for index in gone}


@settings(max_examples=100, deadline=None)
@given(st.permutations(range(COUNT)))
def test_any_other_order_is_found_and_putting_the_named_back_restores_it(order: list[int]) -> None:
    lines = made()
    report = verify([lines[0], *(lines[1 + index] for index in order)])
    assert {fault.what for fault in report.faults} <= {"reordered"}
    moved = {fault.number for fault in report.faults}
    stayed = [FIRST + index for index in order if FIRST + index not in moved]
    assert stayed == sorted(stayed) and report.holds == (list(order) == sorted(order))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, COUNT), st.integers(1, COUNT))
def test_a_doubled_message_is_named(which: int, where: int) -> None:
    lines = made()
    lines.insert(where + 1, lines[which])
    assert ("doubled", FIRST + which - 1) in named(verify(lines))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, COUNT))
def test_a_message_that_was_hashed_anew_is_not_the_one_the_next_was_chained_to(place: int) -> None:
    lines = made()
    fields = msgspec.json.decode(lines[place]) | {"outcome": "refused"}
    entry = canonical(fields["number"], texts_of(fields))
    fields["hash"] = chained(bytes.fromhex(fields["previous"]), entry).hex()
    lines[place] = msgspec.json.encode(fields) + b"\n"
    assert named(verify(lines)) == {("changed", FIRST + place - 1)}


def test_a_file_written_anew_is_found_out_by_the_head_that_was_noted() -> None:
    lines = made()
    noted = msgspec.json.decode(lines[0])["head"]
    assert verify(lines, noted).holds
    shorter = made(COUNT - 1)
    assert verify(shorter).holds
    assert named(verify(shorter, noted)) == {("header", FIRST + COUNT - 2)}


@pytest.mark.parametrize("head", [b"", b"{}", b"\xff", START])
def test_what_is_no_such_file_is_refused_in_words(head: bytes) -> None:
    report = verify([head, *made()[1:]])
    assert not report.holds and report.faults[0].what == "header"


def test_a_body_that_was_let_go_is_counted_and_one_that_was_taken_away_is_named() -> None:
    lines = made()
    fields = msgspec.json.decode(lines[3])
    lines[3] = msgspec.json.encode(fields | {"request": None}) + b"\n"
    assert named(verify(lines)) == {("changed", FIRST + 2)}
    told = msgspec.json.decode(lines[0]) | {"bodies_since": instant(BEGINS + timedelta(days=1))}
    report = verify([msgspec.json.encode(told), *lines[1:]])
    assert report.holds and report.bodiless == 1


def test_an_entry_from_before_roads_were_told_keeps_its_hash_and_a_road_cannot_be_added_to_it() -> None:
    texts: dict[str, str | None] = dict.fromkeys(FIELDS, "x")
    old = texts | dict.fromkeys(LATER)
    assert canonical(7, old) == encode(("7", *(old[name] for name in FIELDS if name not in LATER)), as_is=True)
    assert len({canonical(7, texts | {"road": road, "client": client}) for road in (None, "", "soap")
                for client in (None, "", "soap")}) == 9  # fmt: skip


def test_a_file_of_the_format_before_is_verified() -> None:
    head, *lines = made()
    older = head.replace(FORMAT.encode(), FORMATS[0].encode())
    assert verify([older, *lines]).holds
    assert [fault.what for fault in verify([head.replace(b"log/2", b"log/9"), *lines]).faults] == ["header"]
