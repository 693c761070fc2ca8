"""Agency identification codes (mã định danh), read and written in both orders that live in the wild. Pure.

Decision 20/2020/QĐ-TTg puts the code of level 1 leftmost ("H49.24"), QCVN 102:2016 rightmost and fills the unused
levels with zeros ("000.00.24.H49"). The two name the same agency. Which order a text is in is told by the end that has
the form of level 1: one letter A-Y and two digits. Where both ends have it, or neither, nobody can tell, and it is
refused rather than guessed.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from shared.errors import Invalid

Order = Literal["qd20", "qcvn102"]
SCHEMES: frozenset[str] = frozenset({"qd20", "qcvn102"})
"""Schemes of codes whose values are such identifiers; either may hold either order."""

MAX_LENGTH = 35
_TEXT = re.compile(rf"[0-9A-Z.]{{1,{MAX_LENGTH}}}")
_LEVEL_1 = re.compile(r"[A-Y][0-9]{2}")
_PADDING = ("000", "00", "00")  # QCVN 102 always writes four levels: 3 characters, 2, 2 and level 1


class Identifier(NamedTuple):
    """An agency's identifier in one canonical form: its groups from level 1 down, unused levels left out."""

    groups: tuple[str, ...]

    def __str__(self) -> str:
        return ".".join(self.groups)


def read(text: str) -> Identifier:
    """Return the identifier that `text` names in either order.

    Raises Invalid("catalogue.identifier") if it is none, Invalid("catalogue.identifier_order") if its order cannot be
    told.
    """
    groups = tuple(text.split("."))
    if not _TEXT.fullmatch(text) or not all(groups):
        raise Invalid(
            "catalogue.identifier",
            f"{text!r} is no identifier: at most {MAX_LENGTH} of 0-9, A-Z and dots between groups",
            f"“{text[:60]}” không phải mã định danh: tối đa {MAX_LENGTH} ký tự 0-9, A-Z, các nhóm cách nhau dấu chấm.",
        )
    found = _from_level_1(groups) or _from_level_1(groups[::-1])
    if found is None:
        raise _unclear(text, "neither end has", "không đầu nào có")
    if len(found) > 1 and _LEVEL_1.fullmatch(found[-1]):
        raise _unclear(text, "both ends have", "cả hai đầu đều có")
    return Identifier(found)


def write(identifier: Identifier, order: Order) -> str:
    """Return the identifier as text in this order. Raises Invalid("catalogue.identifier") where it would be longer than
    35 characters with the zeros that QCVN 102 asks for."""
    if order == "qd20":
        return str(identifier)
    padding = _PADDING[: max(0, len(_PADDING) + 1 - len(identifier.groups))]
    text = ".".join((*padding, *identifier.groups[::-1]))
    if len(text) > MAX_LENGTH:
        raise Invalid(
            "catalogue.identifier",
            f"{identifier} has no room for the zeros of QCVN 102 in {MAX_LENGTH} characters",
            f"Mã {identifier} dài quá {MAX_LENGTH} ký tự khi viết theo QCVN 102.",
        )
    return text


def code_key(code: str) -> str:
    """Return the one spelling of a unit's code (`scheme:value`): identifiers of both schemes and orders fall together,
    other schemes stay as written, and so does what is no identifier (the catalogue's check tells of it)."""
    scheme, _, value = code.partition(":")
    if scheme not in SCHEMES:
        return code
    try:
        return f"qd20:{read(value)}"
    except Invalid:
        return code


def respell(code: str, scheme: str) -> str:
    """Return a code's value as `scheme` writes it: an identifier in the scheme's order, any other as it is."""
    match scheme:
        case "qd20" | "qcvn102":
            try:
                return write(read(code), scheme)
            except Invalid:
                return code
        case _:
            return code


def _from_level_1(groups: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the groups without the zeros of unused levels if the first one is of level 1, else None."""
    used = len(groups)
    while used and not groups[used - 1].strip("0"):
        used -= 1
    return groups[:used] if used and _LEVEL_1.fullmatch(groups[0]) else None


def _unclear(text: str, which: str, which_vi: str) -> Invalid:
    return Invalid(
        "catalogue.identifier_order",
        f"the order of {text!r} cannot be told: {which} the form of level 1 (a letter A-Y and two digits)",
        f"Không xác định được thứ tự của mã “{text}”: {which_vi} dạng mã cấp 1 (một chữ cái A-Y và hai chữ số).",
    )
