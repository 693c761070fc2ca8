"""JSON documents whose values know their line: the reader of the standard library tells values only."""

from __future__ import annotations

import json
import re
from json.decoder import scanstring  # type: ignore[attr-defined] # it is public, typeshed leaves it out
from pathlib import Path
from typing import Any

from catalogue.sources import Fault, Source
from catalogue.tables import read_text

_BLANK = re.compile(r"[ \t\n\r]*")
_SCALAR = re.compile(r"-?\d[\d.eE+\-]*|true|false|null")
_STEP = re.compile(r"~|/")

Located = dict[str, Source]
"""JSON pointer to where its value begins."""


def read_document(path: Path, faults: list[Fault]) -> tuple[Any, Located]:
    """Return a document and where each of its values stands; None and a fault if it is no JSON."""
    text = read_text(path, faults)
    if text is None:
        return None, {}
    try:
        value = json.loads(text, parse_constant=_refused)
    except ValueError as error:
        row, column = (error.lineno, error.colno) if isinstance(error, json.JSONDecodeError) else (0, 0)
        reason = getattr(error, "msg", str(error))
        faults.append(
            Fault(Source(path.name, row, column), "json", f"is no JSON: {reason}", "Tệp sai cú pháp JSON ở vị trí này.")
        )
        return None, {}
    locator = _Locator(path.name, text)
    faults.extend(locator.faults)
    return value, locator.found


def _refused(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON value")


class _Locator:
    """Walks through a text that is known to be JSON and notes where each value begins."""

    def __init__(self, file: str, text: str) -> None:
        self.found: Located = {}
        self.faults: list[Fault] = []
        self._file, self._text = file, text
        self._lines = [0, *(match.end() for match in re.finditer("\n", text))]
        self._line = 0
        self._value(0, "")

    def _value(self, at: int, pointer: str) -> int:
        """Note the value that begins at or after `at`; return where it ends."""
        at = self._skip(at)
        while self._line + 1 < len(self._lines) and self._lines[self._line + 1] <= at:
            self._line += 1
        self.found[pointer] = Source(self._file, self._line + 1, at - self._lines[self._line] + 1, pointer)
        opening = self._text[at]
        if opening == '"':
            return int(scanstring(self._text, at + 1, True)[1])
        if opening in "[{":
            return self._members(at + 1, pointer, named=opening == "{")
        match = _SCALAR.match(self._text, at)
        return match.end() if match else at + 1

    def _members(self, at: int, pointer: str, *, named: bool) -> int:
        position = 0
        at = self._skip(at)
        while self._text[at] not in "]}":
            step = str(position)
            if named:
                step, at = scanstring(self._text, at + 1, True)
                at = self._skip(at) + 1  # past the colon
            place = f"{pointer}/{_STEP.sub(_escaped, step)}"
            twice = place in self.found
            at = self._skip(self._value(at, place))
            if twice:
                self._tell_twice(place, step)
            position += 1
            if self._text[at] == ",":
                at = self._skip(at + 1)
        return at + 1

    def _tell_twice(self, place: str, name: str) -> None:
        # The standard reader keeps the last of them; what the first one said would be lost unseen.
        message, detail = f"{name!r} stands twice in one object", f"“{name}” xuất hiện hai lần trong cùng một mục."
        self.faults.append(Fault(self.found[place], "twice", message, detail))

    def _skip(self, at: int) -> int:
        match = _BLANK.match(self._text, at)
        return match.end() if match else at


def _escaped(match: re.Match[str]) -> str:
    return "~0" if match[0] == "~" else "~1"
