"""Workbooks from outside: what is read, and what is refused however it is damaged."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from shared.workbooks import MAX_PARTS, MAX_UNPACKED, NoWorkbook, TooLarge, opened

SHEET = "xl/worksheets/sheet1.xml"
DOCTYPE = '<?xml version="1.0" encoding="{}"?><!DOCTYPE a [<!ENTITY b "c">]>'


def packed(change: Callable[[bytes], bytes] = bytes) -> bytes:
    """Return a workbook of three rows, its sheet's part changed."""
    book, plain, made = Workbook(), BytesIO(), BytesIO()
    for row in (["Mã", "Tên"], ["A", "=1+1"], ["B", 2]):
        book.worksheets[0].append(row)
    book.save(plain)
    with zipfile.ZipFile(plain) as before, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as after:
        for part in before.infolist():
            content = before.read(part)
            after.writestr(part.filename, change(content) if part.filename == SHEET else content)
    return made.getvalue()


def cells(file: bytes, *, formulas: bool = False) -> list[tuple[object, ...]]:
    with opened(file, formulas=formulas) as book:
        return list(book.worksheets[0].iter_rows(values_only=True))


def test_a_workbook_is_read_and_formulas_only_if_asked() -> None:
    assert cells(packed()) == [("Mã", "Tên"), ("A", None), ("B", 2)]
    assert cells(packed(), formulas=True)[1] == ("A", "=1+1")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_document_type_is_refused_in_whatever_encoding(encoding: str) -> None:
    def declare(part: bytes) -> bytes:
        _, _, content = part.decode().partition("?>") if part.startswith(b"<?xml") else ("", "", part.decode())
        return (DOCTYPE.format(encoding.upper()) + content).encode(encoding)

    with pytest.raises(NoWorkbook, match="document type"):
        cells(packed(declare))


def test_xml_that_breaks_off_is_told_though_it_is_met_only_while_reading() -> None:
    with pytest.raises(NoWorkbook, match="damaged"):
        cells(packed(lambda part: part[: len(part) // 2]))


def test_what_unpacks_to_too_much_is_refused_before_it_is_unpacked() -> None:
    with pytest.raises(TooLarge):
        cells(packed(lambda part: part + b" " * MAX_UNPACKED))
    many = BytesIO()
    with zipfile.ZipFile(many, "w") as package:
        for number in range(MAX_PARTS + 1):
            package.writestr(str(number), b"")
    with pytest.raises(TooLarge):
        cells(many.getvalue())


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=8))
def test_however_bytes_are_damaged_it_is_read_or_refused(damage: list[tuple[int, int]]) -> None:
    file = bytearray(WHOLE)
    for place, byte in damage:
        file[place % len(file)] = byte
    try:
        cells(bytes(file))
    except NoWorkbook as refused:
        assert str(refused)


WHOLE = packed()
