"""What may stand in an element: how a value is written, how it is read back, and what the schema says of it.

Every text is NFC (Đ4.2d). A decimal has the one spelling of `shared.canonical`; one that comes with zeros at its ends
is read as the same number. Values that a schema cannot judge (30 February) are judged here.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal as Number
from decimal import InvalidOperation
from typing import Annotated, Any, Literal

from shared.calendar import VIETNAM, Period
from shared.canonical import MAX_DIGITS, MAX_SCALE, decimal_text
from shared.errors import Invalid
from shared.text import nfc


@dataclass(frozen=True, slots=True)
class DataType:
    """A simple type: its name and facets in the schema, and the way from a value to its text and back.

    `write` and `read` raise Invalid for what the type does not hold.
    """

    name: str
    told: str
    base: str
    facets: tuple[tuple[str, str], ...]
    write: Callable[[Any], str]
    read: Callable[[str], Any]


_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _text(value: str) -> str:
    if found := _UNWRITABLE.search(value):
        raise _unfit(f"U+{ord(found.group()):04X} cannot stand in XML", "Văn bản có ký tự không hợp lệ.")
    return nfc(value)


def _line(value: str) -> str:
    return " ".join(_text(value).split())


def _unfit(message: str, detail: str) -> Invalid:
    return Invalid("packets.unfit_value", message, detail)


def _decimal(text: str) -> str:
    try:
        return decimal_text(Number(text.strip()))
    except InvalidOperation as error:
        raise _unfit(f"{text[:60]!r} is no number", "Giá trị không phải là số.") from error


def _period(text: str) -> str:
    return str(Period.parse(text.strip()))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise _unfit(f"{text!r} is no day", f"“{text}” không phải là ngày hợp lệ.") from error


def _instant(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text.strip()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _unfit(f"{text!r} is no instant", f"“{text}” không phải là thời điểm hợp lệ.") from error


def _instant_text(value: datetime) -> str:
    if value.tzinfo is None:
        raise _unfit(f"{value} has no zone", "Thời điểm thiếu múi giờ.")
    return value.astimezone(VIETNAM).isoformat()


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _unfit("is no base64", "Nội dung tệp không hợp lệ.") from error


def _flag(text: str) -> bool:
    return text.strip() in ("true", "1")


CODE = DataType(
    "Code",
    "An id or a code of a catalogue, of a message or of a party.",
    "xsd:token",
    (("minLength", "1"), ("maxLength", "100")),
    _line,
    _line,
)
LINE = DataType(
    "Line",
    "A name or another short text without line breaks; Unicode NFC.",
    "xsd:token",
    (("minLength", "1"), ("maxLength", "1000")),
    _line,
    _line,
)
TEXT = DataType(
    "Text",
    "A text of any number of lines; Unicode NFC.",
    "xsd:string",
    (("minLength", "1"), ("maxLength", "200000")),
    _text,
    nfc,
)
DECIMAL = DataType(
    "Decimal",
    f"A number, exact: at most {MAX_DIGITS} digits before the point and {MAX_SCALE} after it.",
    "xsd:decimal",
    (("pattern", rf"-?[0-9]{{1,{MAX_DIGITS}}}(\.[0-9]{{1,{MAX_SCALE}}})?"),),
    _decimal,
    _decimal,
)
PERIOD = DataType(
    "Period",
    "A reporting period: 2026, 2026-9M, 2026-H1, 2026-Q1, 2026-03 or 2026-03-25.",
    "xsd:token",
    (("pattern", r"[0-9]{4}(-(Q[1-4]|H[12]|9M|(0[1-9]|1[0-2])(-[0-9]{2})?))?"),),
    _period,
    _period,
)
DAY = DataType(
    "Day",
    "A day in Vietnam, without a zone.",
    "xsd:date",
    (("pattern", r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),),
    lambda value: value.isoformat(),
    _day,
)
INSTANT = DataType(
    "Instant",
    "A moment with its zone; the hub writes Vietnam's.",
    "xsd:dateTime",
    (("pattern", r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+\-][0-9]{2}:[0-9]{2})"),),
    _instant_text,
    _instant,
)
COUNT = DataType(
    "Count",
    "A whole number, not negative.",
    "xsd:nonNegativeInteger",
    (("maxInclusive", "999999999999"),),
    str,
    lambda text: int(text.strip()),
)
FLAG = DataType("Flag", "Yes or no.", "xsd:boolean", (), lambda value: "true" if value else "false", _flag)
HASH = DataType(
    "Hash",
    "SHA-256 in hexadecimal digits.",
    "xsd:token",
    (("pattern", "[0-9a-f]{64}"),),
    _line,
    lambda text: text.strip(),
)
BYTES = DataType(
    "Bytes", "A file's bytes in base64.", "xsd:base64Binary", (), lambda value: base64.b64encode(value).decode(), _bytes
)

DATATYPES = (CODE, LINE, TEXT, DECIMAL, PERIOD, DAY, INSTANT, COUNT, FLAG, HASH, BYTES)

Code = Annotated[str, CODE]
Line = Annotated[str, LINE]
Text = Annotated[str, TEXT]
Decimal = Annotated[str, DECIMAL]
PeriodText = Annotated[str, PERIOD]
Day = Annotated[date, DAY]
Instant = Annotated[datetime, INSTANT]
Count = Annotated[int, COUNT]
Flag = Annotated[bool, FLAG]
Hash = Annotated[str, HASH]
Bytes = Annotated[bytes, BYTES]

Status = Literal["estimate", "preliminary", "official"]
"""Ước tính, sơ bộ, chính thức."""

PeriodKind = Literal["year", "nine_months", "half", "quarter", "month", "day"]
Level = Literal["agency", "commune", "district", "province", "government"]
"""Levels of approval, lowest first (Đ24.1)."""
