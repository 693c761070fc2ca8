"""Places in a document, as JSON pointers (RFC 6901): "/ket_qua/ma", "/dong/0", "" for the whole."""

from __future__ import annotations

import re
from typing import Any

_SHAPE = re.compile(r"(/([^~/]|~[01])*)*")


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING: Any = _Missing()
"""What stands where nothing stands; `None` is a null that stands there."""


def is_pointer(text: str) -> bool:
    """Tell whether this is a pointer."""
    return _SHAPE.fullmatch(text) is not None


def at(document: Any, pointer: str) -> Any:
    """Return what stands there, MISSING if nothing does."""
    found = document
    for part in pointer.split("/")[1:]:
        step = part.replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict):
            found = found.get(step, MISSING)
        elif isinstance(found, list) and step.isascii() and step.isdecimal():
            found = found[int(step)] if int(step) < len(found) else MISSING
        else:
            return MISSING
    return found


def spelled(found: Any) -> str | None:
    """Return a plain thing as the word it is: 0 as "0", true as "true"; None for null, nothing, lists and objects."""
    if isinstance(found, bool):
        return "true" if found else "false"
    if found is None or found is MISSING or isinstance(found, (dict, list)):
        return None
    return str(found).strip()
