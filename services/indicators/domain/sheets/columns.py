"""One column of a sheet, and how its values are written and read. A text in a cell is the value, exactly."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Write = Callable[[Any], str]
Read = Callable[[str], Any]
_WHOLE = re.compile(r"-?\d{1,18}", re.ASCII)
_YEAR = re.compile(r"\d{4}", re.ASCII)
YES, NO = "có", "không"


class Unreadable(ValueError):
    """A cell that cannot be read: in English, and in Vietnamese."""

    def __init__(self, message: str, detail: str) -> None:
        super().__init__(message)
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Column:
    """A column: the field it holds, its heading, what it means, and how its values are written and read."""

    name: str
    heading: str
    help: str = ""
    write: Write = str
    read: Read = str
    choices: tuple[str, ...] = field(default=())


def text(name: str, heading: str, help: str = "") -> Column:
    """Return a column of texts as they are."""
    return Column(name, heading, help)


def whole(name: str, heading: str, help: str = "") -> Column:
    """Return a column of whole numbers."""
    return Column(name, heading, help or "số nguyên", str, _whole)


def flag(name: str, heading: str, help: str = "") -> Column:
    """Return a column of yes and no."""
    return Column(name, heading, help or f"{YES} hoặc {NO}", lambda value: YES if value else NO, _flag, (YES, NO))


def several(name: str, heading: str, help: str = "") -> Column:
    """Return a column of several codes or names in one cell, separated by semicolons."""
    return Column(name, heading, help or "cách nhau bằng dấu chấm phẩy", "; ".join, _several)


def choice(name: str, heading: str, words: Mapping[str, str]) -> Column:
    """Return a column of values with Vietnamese words; the values themselves are read too."""
    back = {**{word.casefold(): value for value, word in words.items()}, **{value: value for value in words}}

    def read(given: str) -> str:
        found = back.get(given.casefold())
        if found is None:
            allowed = ", ".join(words.values())
            raise Unreadable(f"{given!r} is none of {', '.join(words)}", f"“{given}” không thuộc: {allowed}.")
        return found

    return Column(name, heading, ", ".join(words.values()), words.__getitem__, read, tuple(words.values()))


def bound(name: str, heading: str, help: str = "") -> Column:
    """Return a column of numbers that stay exact: a whole one is a number, any other its text."""
    return Column(name, heading, help or "số", str, lambda given: int(given) if _WHOLE.fullmatch(given) else given)


def year_or_period(name: str, heading: str, help: str = "") -> Column:
    """Return a column of bounds of periods: four digits are a year, anything else the text of a period."""
    return Column(name, heading, help, str, lambda given: int(given) if _YEAR.fullmatch(given) else given)


def _whole(given: str) -> int:
    if not _WHOLE.fullmatch(given):
        raise Unreadable(f"{given!r} is no whole number", f"“{given}” không phải là số nguyên.")
    return int(given)


def _flag(given: str) -> bool:
    known = {YES: True, "x": True, "true": True, "1": True, NO: False, "false": False, "0": False}
    if given.casefold() not in known:
        raise Unreadable(f"{given!r} is neither yes nor no", f"Ghi “{YES}” hoặc “{NO}”, không phải “{given}”.")
    return known[given.casefold()]


def _several(given: str) -> list[str]:
    return [part.strip() for part in given.split(";") if part.strip()]
