"""Opening workbooks (XLSX) that somebody sent. A file from outside is not trusted.

Its unpacked size is bounded before anything is unpacked, and document types (and so entities) are refused in whatever
encoding. openpyxl is imported at the first file, because it costs a process 25 MB.
"""

from __future__ import annotations

import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openpyxl import Workbook

MAX_PARTS = 200
MAX_UNPACKED = 32 * 1024 * 1024
_UTF_16 = (b"\xff\xfe", b"\xfe\xff", b"<\x00", b"\x00<")
_PACKAGE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError, ValueError, RuntimeError)
# openpyxl tells a damaged part by whatever it stumbled over; malformed XML is a SyntaxError.
_DAMAGE = (*_PACKAGE, SyntaxError, LookupError, TypeError, AttributeError, ArithmeticError)


class NoWorkbook(Exception):
    """The file is no workbook, or a damaged one."""


class TooLarge(NoWorkbook):
    """The file unpacks to more than anybody writes by hand."""


@contextmanager
def opened(packed: bytes, *, formulas: bool = False) -> Iterator[Workbook]:
    """Yield the workbook for reading, row by row; its cells show their last value or, if asked, their `formulas`.

    Raises NoWorkbook also where a damaged part is met only while reading.
    """
    _check(packed)
    from openpyxl import load_workbook

    try:
        book = load_workbook(BytesIO(packed), read_only=True, data_only=not formulas, keep_links=False)
        yield book
        book.close()
    except _DAMAGE as error:
        raise NoWorkbook(f"the workbook is damaged: {error}") from error


def _check(packed: bytes) -> None:
    try:
        with zipfile.ZipFile(BytesIO(packed)) as package:
            parts = package.infolist()
            if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED:
                raise TooLarge(f"the workbook unpacks to more than {MAX_UNPACKED} bytes or {MAX_PARTS} parts")
            # A part never yields more than the size it declares, so the sum above bounds this too.
            typed = any(_may_declare(package.read(part)) for part in parts)
    except _PACKAGE as error:
        raise NoWorkbook(f"is no workbook: {error}") from error
    if typed:
        raise NoWorkbook("the workbook declares a document type, or may: it is not written in UTF-8")


def _may_declare(part: bytes) -> bool:
    return b"<!DOCTYPE" in part or part.startswith(_UTF_16)
