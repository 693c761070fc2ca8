"""Where in which file something stands, and what is wrong there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_LAST = re.compile(r"(\.[^.\[\]]+|\[[^\[\]]*\])$")


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """A place in a file: row and column from 1, as spreadsheets and editors count them; 0 is the file as a whole.
    `field` is the column's header in a table, the JSON pointer in a document."""

    file: str
    row: int = 0
    column: int = 0
    field: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that could not be read: where, which kind, in English and in Vietnamese. `cell`: a row or a cell is
    concerned, the rest of the file was read."""

    source: Source
    code: str
    message: str
    detail: str
    cell: bool = False


class Places:
    """From the catalogue's places (`forms[GD-NAM].indicators[2]`) to the files they were read from."""

    def __init__(self) -> None:
        self._sources: dict[str, Source] = {}

    def put(self, place: str, source: Source) -> None:
        """Remember where a place was read; what is remembered first stays."""
        self._sources.setdefault(place, source)

    def find(self, place: str) -> Source | None:
        """Return where `place`, or else the nearest place around it, was read."""
        while place not in self._sources:
            around = _LAST.sub("", place)
            if around == place:
                return None
            place = around
        return self._sources[place]

    def __iter__(self) -> Iterator[tuple[str, Source]]:
        return iter(self._sources.items())
