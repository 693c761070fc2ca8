"""Cursors, sizes and ids as callers give them."""

from __future__ import annotations

from shared.errors import Invalid

MAX_PAGE = 200


def id_of(text: str) -> int:
    """Return the row's number that this id names; -1, which no row has, if it is none."""
    return int(text) if text.isdecimal() and len(text) < 19 else -1


def number_of(cursor: str | None) -> int | None:
    """Return the number in a page's cursor. Raises Invalid("integration.bad_filter")."""
    if cursor is None:
        return None
    if not cursor.isdecimal() or len(cursor) > 18:
        raise bad_filter(f"after {cursor!r}")
    return int(cursor)


def size_of(limit: int) -> int:
    """Return how long a page may be."""
    return max(1, min(limit, MAX_PAGE))


def bad_filter(what: str) -> Invalid:
    """Return the refusal of a filter."""
    return Invalid("integration.bad_filter", what, "Điều kiện lọc không hợp lệ.")
