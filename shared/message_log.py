"""The message log's chain and its file: what of an entry enters its hash, and how entries are written for auditors.

A file is one JSON object per line. The first tells which part of the chain follows: numbers `first` to `last`, the
hash (`previous`) after which the first was chained and the hash (`head`) of the last, and since when entries have their
bodies (`bodies_since`: older ones were let go, their hashes stay). Each further line is one entry with its number,
the hash before it and its own. shared/message_verification.py reads such a file without any server.

integration writes the entries, the relay seals them, `hub log` exports and verifies them.
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from shared.canonical import encode
from shared.chain import Chain

FORMAT = "hub-message-log/2"
FORMATS = ("hub-message-log/1", FORMAT)
"""What can be verified; /1 knew neither `road` nor `client`."""

MAX_KEPT_BYTES = 64 * 1024 * 1024
"""No body is kept beyond this; what claims to be larger is not unpacked."""

TEXTS = ("partner", "direction", "kind", "at", "correlation_id", "endpoint", "outcome")
OPTIONAL = ("message_id", "form", "unit", "period", "error")
NUMBERS = ("microseconds", "status", "delivery", "attempt", "request_bytes", "response_bytes")
DIGESTS = ("request_digest", "request_kept", "response_digest", "response_kept")
LATER = ("road", "client")
FIELDS = ("id", *TEXTS, *OPTIONAL, *NUMBERS, *DIGESTS, *LATER)
"""The columns that enter the hash, in this order; those of `LATER` only where one of them is said, so that entries from
before they were known keep their hashes."""

_ALWAYS = FIELDS[: -len(LATER)]


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A body that is no UTF-8 text."""

    base64: str


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of the file: `number` is the place in the chain, `previous` the hash before, digests are hexadecimal;
    `request` and `response` what is kept of them: head, blank line, body."""

    number: int
    previous: str
    hash: str
    id: str
    partner: str
    direction: str
    kind: str
    at: str
    correlation_id: str
    endpoint: str
    outcome: str
    message_id: str | None
    form: str | None
    unit: str | None
    period: str | None
    error: str | None
    microseconds: int
    status: int | None
    delivery: int | None
    attempt: int | None
    request_bytes: int | None
    response_bytes: int | None
    request_digest: str | None
    request_kept: str | None
    response_digest: str | None
    response_kept: str | None
    request: str | Body | None = None
    response: str | Body | None = None
    road: str | None = None
    client: str | None = None


class Head(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first line of the file."""

    format: str
    exported_at: str
    since: str | None
    until: str | None
    first: int
    last: int
    previous: str
    head: str
    bodies_since: str


def instant(at: datetime) -> str:
    """Return the one text for this moment: UTC to the microsecond."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def canonical(place: int, texts: Mapping[str, str | None]) -> bytes:
    """Return the encoding of an entry at this place of the chain, all of its fields given as texts."""
    names = _ALWAYS if all(texts[name] is None for name in LATER) else FIELDS
    return encode((str(place), *(texts[name] for name in names)), as_is=True)


def texts_of(fields: Mapping[str, Any]) -> dict[str, str | None]:
    """Return an entry's fields as texts, from a row's values or from a line's."""
    return {name: _text(fields[name]) for name in FIELDS}


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return instant(value)
    return bytes(value).hex() if isinstance(value, bytes | bytearray | memoryview) else str(value)


def _encoded(place: int, *fields: Any) -> bytes:
    return canonical(place, texts_of(dict(zip(FIELDS, fields, strict=True))))


MESSAGES = Chain("messages", "uuid", ", ".join(FIELDS), _encoded, anchor="message_anchor", sealing="log.sealed")


def line_of(row: Mapping[str, Any], previous: bytes, request: bytes | None, response: bytes | None) -> bytes:
    """Return the line of a sealed row that follows the entry with hash `previous`; bodies as they are stored."""
    fields: dict[str, Any] = texts_of(row) | {name: row[name] for name in NUMBERS}
    entry = Entry(
        number=row["sealed_as"],
        previous=previous.hex(),
        hash=bytes(row["hash"]).hex(),
        request=_shown(request),
        response=_shown(response),
        **fields,
    )
    return msgspec.json.encode(entry) + b"\n"


def unpacked(packed: bytes) -> bytes:
    """Return what is kept of a body. Raises ValueError for what is none, or beyond the bound."""
    reader = zlib.decompressobj()
    try:
        raw = reader.decompress(packed, MAX_KEPT_BYTES)
    except zlib.error as error:
        raise ValueError(f"not a kept body: {error}") from error
    if not reader.eof:
        raise ValueError("a kept body that goes beyond the bound, or breaks off")
    return raw


def kept_digest(body: str | Body) -> str:
    """Return the hexadecimal SHA-256 of a body of the file. Raises ValueError for what is no base64."""
    raw = body.encode() if isinstance(body, str) else base64.b64decode(body.base64, validate=True)
    return hashlib.sha256(raw).hexdigest()


def _shown(packed: bytes | None) -> str | Body | None:
    if packed is None:
        return None
    raw = unpacked(bytes(packed))
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return Body(base64.b64encode(raw).decode())


def entry_id(text: str) -> UUID | None:
    """Return the id that this text spells, None if it spells none."""
    try:
        return UUID(text)
    except ValueError:
        return None
