"""The routes by subject. Each is a few lines: shape in, one call, answer out; rules live in the services.

A service's answer passes through as the bytes it came in: it is already the JSON that the contract names.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated

import msgspec
from fastapi import Query
from pydantic import BeforeValidator, Field, StringConstraints
from starlette.responses import Response


def reply(result: msgspec.Raw, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a service's result as the answer, byte for byte."""
    return Response(bytes(result), status, headers, media_type="application/json")


def plain_text(max_length: int = 4000, min_length: int = 1) -> object:
    """Return the constraint for a text in a body or query: bounded, and without NUL, which PostgreSQL cannot store."""
    return StringConstraints(min_length=min_length, max_length=max_length, pattern=r"^[^\x00]*$")


Id = Annotated[str, plain_text(200)]
"""An id or code in a path, a query or a body."""


def _written_out(value: object) -> object:
    # pydantic would take "0" for a day, too: so many seconds since 1970.
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
        raise ValueError("a day is written YYYY-MM-DD")
    return value


Day = Annotated[date, BeforeValidator(_written_out)]
"""A day in a query, as YYYY-MM-DD and in no other way."""

Round = Annotated[int, Field(ge=1, le=1_000_000)]
"""The number of a submission's round, in a path, a query or a body."""

AsOf = Annotated[
    Annotated[str, plain_text(40)] | None,
    Query(description="a batch's number, a day (2026-03-01: its end in Vietnam) or an instant with its zone"),
]
"""As of when the warehouse is read; the answer never changes later."""

After = Annotated[Id | None, Query(description="`next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=1000, description="entries on a page")]
