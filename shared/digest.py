"""Digests of sets of entries that can be kept up to date by adding and removing, and compared level by level.

An entry's hash is SHA-256 over (form, unit, period, indicator, value, status) in canonical encoding, read as eight
lanes of 32 bits. A digest is the count of its entries and the lane-wise sum modulo 2**32: adding and removing commute,
a digest of digests is their sum, and two equal sets have equal digests in whatever order they were built. This guards
against accident, not against rows crafted to collide; signatures and the audit chain guard against those.

Where a difference is looked for, not equality proven, a digest travels in brief: its count and first two lanes. What is
looked through is divided into shares by the hash of a code, so that both sides divide alike without agreeing on more
than how many there are.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shared.canonical import encode

LANES = 8
_MASK = 0xFFFFFFFF
_UNPACK = struct.Struct(">8I").unpack
_ZERO = (0,) * LANES


@dataclass(frozen=True, slots=True)
class Digest:
    """The digest of a set: how many entries, and their eight lanes. `Digest()` is the empty set's."""

    count: int = 0
    lanes: tuple[int, ...] = _ZERO

    def __add__(self, other: Digest) -> Digest:
        return Digest(
            self.count + other.count,
            tuple((a + b) & _MASK for a, b in zip(self.lanes, other.lanes, strict=True)),
        )

    def __sub__(self, other: Digest) -> Digest:
        return Digest(
            self.count - other.count,
            tuple((a - b) & _MASK for a, b in zip(self.lanes, other.lanes, strict=True)),
        )

    @property
    def brief(self) -> Brief:
        """The digest in brief."""
        return Brief.of(self.count, self.lanes)

    @property
    def text(self) -> str:
        """The lanes as 64 hexadecimal digits, first lane first: how a digest travels."""
        return "".join(f"{lane:08x}" for lane in self.lanes)

    @classmethod
    def parse(cls, count: int, text: str) -> Digest:
        """Read what `text` wrote. Raises ValueError if it is not 64 hexadecimal digits."""
        return cls(count, _UNPACK(bytes.fromhex(text)))


def entry_hash(form: str, unit: str, period: str, indicator: str, value: str | None, status: str) -> bytes:
    """Return the 32-byte hash of one entry. `value` is a decimal text in normal form or None (nothing occurred)."""
    return hashlib.sha256(encode((form, unit, period, indicator, value, status))).digest()


def of_hash(raw: bytes) -> Digest:
    """Return the digest of the set that holds just the entry with this hash."""
    return Digest(1, _UNPACK(raw))


@dataclass(frozen=True, slots=True)
class Brief:
    """A digest in brief: how many entries, and their first two lanes as 16 hexadecimal digits."""

    count: int = 0
    text: str = "0" * 16

    @classmethod
    def of(cls, count: int, lanes: Sequence[int]) -> Brief:
        """Return what the first two of these lanes make."""
        return cls(count, f"{lanes[0]:08x}{lanes[1]:08x}")

    @classmethod
    def parse(cls, count: int, text: str) -> Brief:
        """Read what `text` says. Raises ValueError if it is not 16 hexadecimal digits."""
        if len(bytes.fromhex(text)) != 8:
            raise ValueError(f"{text!r} is not 16 hexadecimal digits")
        return cls(count, text.lower())


def share_of(code: str, shares: int) -> int:
    """Return in which of so many shares, 0 the first, a code falls: the first 32 bits of the SHA-256 of its canonical
    encoding (big-endian), modulo their number."""
    return int.from_bytes(hashlib.sha256(encode((code,))).digest()[:4], "big") % shares


def total(digests: Iterable[Digest]) -> Digest:
    """Return the digest of the union of disjoint sets."""
    result = Digest()
    for digest in digests:
        result = result + digest
    return result
