"""JSON bodies: strict, and telling the place of an error; raw ones are read fast."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from pydantic import BaseModel, ConfigDict

from shared.errors import Invalid

T = TypeVar("T")


class Body(BaseModel):
    """What a request's body is: fields that are named, of the types that are named; nothing is converted."""

    model_config = ConfigDict(extra="forbid", strict=True)


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
