"""Bounds and cursors that every paged question has in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shared.errors import Invalid

MAX_PAGE = 5_000


def bounded(limit: int) -> int:
    """Return how many entries a page has: what was asked for, within 1 and 5,000."""
    return max(1, min(limit, MAX_PAGE))


def following(views: Sequence[Any], limit: int) -> str | None:
    """Return the cursor of the page after this one, which was read one entry too long; None at the end."""
    return str(views[limit - 1].id) if len(views) > limit else None


def cursor_number(after: str | None) -> int | None:
    """Return a cursor that is a row's number. Raises Invalid("indicators.bad_cursor")."""
    if after is None:
        return None
    # ASCII digits that fit a bigint: int() also takes other scripts' digits, PostgreSQL refuses longer ones.
    if not (after.isascii() and after.isdecimal() and len(after) <= 18):
        raise Invalid("indicators.bad_cursor", f"{after!r} is no cursor", "Con trỏ trang không hợp lệ.")
    return int(after)


def cursor_key(after: str | None) -> tuple[str, str, str] | None:
    """Return a cursor that is a value's key: unit|period|indicator. Raises Invalid("indicators.bad_cursor")."""
    if after is None:
        return None
    parts = after.split("|")
    if len(parts) != 3:
        raise Invalid("indicators.bad_cursor", f"{after!r} is no cursor", "Con trỏ trang không hợp lệ.")
    return parts[0], parts[1], parts[2]
