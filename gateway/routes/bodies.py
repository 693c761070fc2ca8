"""JSON bodies: strict, and telling the place of an error; raw ones are read fast."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, TypeVar

import msgspec
from pydantic import BaseModel, BeforeValidator, ConfigDict

from shared.calendar import FIRST_YEAR, LAST_YEAR
from shared.errors import Invalid

T = TypeVar("T")
MAX_DEPTH = 64


class Body(BaseModel):
    """What a request's body is: fields that are named, of the types that are named; nothing is converted."""

    model_config = ConfigDict(extra="forbid", strict=True)


def _instant(value: object) -> object:
    # In a strict body only the text itself tells that it is one; without its zone it would mean another instant.
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        raise ValueError("an instant is written YYYY-MM-DDTHH:MM:SS+07:00, with its zone")
    read = datetime.fromisoformat(value)
    if not FIRST_YEAR <= read.year <= LAST_YEAR:
        raise ValueError(f"years are {FIRST_YEAR} to {LAST_YEAR}")
    return read


def _day(value: object) -> object:
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
        raise ValueError("a day is written YYYY-MM-DD")
    return date.fromisoformat(value)


_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)", re.ASCII)
Moment = Annotated[datetime, BeforeValidator(_instant)]
"""An instant in a body or a query, written with its zone."""

WrittenDay = Annotated[date, BeforeValidator(_day)]
"""A day in a body, as YYYY-MM-DD and in no other way."""


def checked_json(body: bytes, shape: type[T]) -> T:
    """Return `body` decoded as `shape`. Raises Invalid("gateway.invalid_body") naming the place (`$.figures[3].value`),
    Invalid("gateway.nul_character") for text that PostgreSQL cannot store."""
    if b"\\u0000" in body:
        raise Invalid(
            "gateway.nul_character", "texts may not hold the NUL character", "Nội dung chứa ký tự không hợp lệ."
        )
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.DecodeError as error:
        message, _, place = str(error).partition(" - at ")
        place = place.strip("`") or "$"
        raise Invalid(
            "gateway.invalid_body",
            f"{message} at {place}",
            f"Nội dung không đúng định dạng tại {place}.",
            {"errors": [{"place": place, "code": "gateway.invalid_body", "message": message}]},
        ) from error


def free_json(body: bytes, shape: type[T]) -> T:
    """Return what `checked_json` does, for a shape that leaves some of it free. It may nest 64 deep: no entry of the
    catalogue comes near, and no decoder further on survives a thousand. Raises Invalid("gateway.too_deep")."""
    try:
        found = checked_json(body, shape)
    except RecursionError as error:
        raise _too_deep() from error
    if _nests_deeper(found, MAX_DEPTH):
        raise _too_deep()
    return found


def _nests_deeper(value: object, most: int) -> bool:
    level = [value]
    for _ in range(most):
        inside = (child for item in level for child in _children(item))
        level = [child for child in inside if isinstance(child, dict | list)]
    return bool(level)


def _children(item: object) -> Iterable[object]:
    if isinstance(item, dict):
        return item.values()
    if isinstance(item, msgspec.Struct):
        return msgspec.structs.asdict(item).values()
    return item if isinstance(item, list) else ()


def _too_deep() -> Invalid:
    return Invalid("gateway.too_deep", f"the body nests deeper than {MAX_DEPTH}", "Nội dung lồng nhau quá sâu.")
