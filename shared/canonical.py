"""One spelling for every value, and hashes over it.

Two figures are the same when their canonical encodings are: text in NFC, decimals without exponent or trailing zeros,
each field preceded by its length so that no concatenation of other fields can equal it ("1"+"11" is not "11"+"1").
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable
from decimal import Decimal

from shared.errors import Invalid

MAX_DIGITS = 20
MAX_SCALE = 4


def decimal_text(value: Decimal) -> str:
    """Return the one text for this number: no exponent, no trailing zeros, no negative zero ("3507.6").

    Raises Invalid("value.out_of_range") beyond 20 digits before or 4 after the point: the warehouse is NUMERIC(24,4)
    and nothing is ever rounded unseen.
    """
    if not value.is_finite():
        raise Invalid("value.not_finite", f"{value} is not a number", "Giá trị không phải là số.")
    if value == 0:
        return "0"
    if not -MAX_SCALE <= value.adjusted() < MAX_DIGITS:  # before spelling it out: 1e999999999 is short only so
        raise _out_of_range(value)
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    if len(text.partition(".")[2]) > MAX_SCALE:
        raise _out_of_range(value)
    return text


def _out_of_range(value: Decimal) -> Invalid:
    return Invalid(
        "value.out_of_range",
        f"{value!s:.60} has more than {MAX_DIGITS} digits before or {MAX_SCALE} after the point",
        f"Giá trị có quá {MAX_DIGITS} chữ số phần nguyên hoặc {MAX_SCALE} chữ số thập phân.",
    )


def encode(fields: Iterable[str | None], *, as_is: bool = False) -> bytes:
    """Return the length-prefixed encoding of these fields: 4 bytes big-endian length and UTF-8 of the NFC text (with
    `as_is` of the text letter by letter); an absent field (None) is the length 0xFFFFFFFF alone, so it differs from the
    empty text."""
    parts: list[bytes] = []
    for item in fields:
        if item is None:
            parts.append(b"\xff\xff\xff\xff")
        else:
            raw = (item if as_is or item.isascii() else unicodedata.normalize("NFC", item)).encode()
            parts.append(len(raw).to_bytes(4, "big") + raw)
    return b"".join(parts)


def content_hash(header: Iterable[str | None], rows: Iterable[tuple[str | None, ...]]) -> str:
    """Return the SHA-256 (hex) of a document: its header fields, then its rows in sorted order, each row encoded as
    one length-prefixed field so that rows cannot run into one another."""
    digest = hashlib.sha256(_framed(encode(header)))
    for raw in sorted(encode(row) for row in rows):
        digest.update(_framed(raw))
    return digest.hexdigest()


def _framed(raw: bytes) -> bytes:
    return len(raw).to_bytes(4, "big") + raw
