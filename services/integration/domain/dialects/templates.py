"""Requests as JSON with placeholders. What is no placeholder stands for itself.

{"$": "unit"}                                     the name's text; nothing is null, and leaves a query's field out
{"$": "period", "as": "integer"}                  as a whole number; "number" as a decimal one
{"$": "status", "words": {"official": "CT"}}      in the partner's own words
{"$": "value", "optional": true}                  the field is left out where nothing stands
{"$text": "LC/{form}/{period}"}                   a text with names in it
{"$rows": {"ma": {"$": "indicator"}, …}}          a list: one item per value of the packet
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import quote

from services.integration.domain.dialects.pointers import MISSING

PACKET = frozenset(
    {"message_id", "sender", "form", "unit", "period", "version", "content_hash", "period_start", "period_end", "count"}
)
ROW = frozenset({"indicator", "value", "status", "base"})
"""Of a value: `base` is its indicator without the parts of dimensions, `part.sex` the part of the dimension `sex`."""

PAGE = frozenset({"page", "cursor", "limit"})
KEY = ("form", "unit", "period")

_NAME = re.compile(r"\{([a-z_]+)\}")
_PART = re.compile(r"part\.\w+")
_OPTIONS = {"$", "as", "words", "optional"}
_KINDS = ("text", "integer", "number")
_DEEPEST = 16


class Unsayable(Exception):
    """What should be said does not fit the template: nothing was sent."""


def faults(template: Any, names: frozenset[str], place: str, *, rows: bool = False, depth: int = 0) -> Iterator[str]:
    """Yield what is wrong with a template, each with its place; `rows` tells whether `$rows` may stand in it."""
    if depth > _DEEPEST:
        yield f"{place}: nested too deeply"
    elif isinstance(template, list):
        for number, item in enumerate(template):
            yield from faults(item, names, f"{place}[{number}]", rows=rows, depth=depth + 1)
    elif isinstance(template, dict) and "$" in template:
        yield from _placeholder_faults(template, names, place)
    elif isinstance(template, dict) and "$text" in template:
        text = template["$text"]
        if len(template) > 1 or not isinstance(text, str):
            yield f"{place}: $text stands alone, with a text"
        else:
            yield from text_faults(text, names, place)
    elif isinstance(template, dict) and "$rows" in template:
        if len(template) > 1 or not rows:
            yield f"{place}: $rows stands alone, once, in what submits values"
        yield from faults(template["$rows"], names | ROW, f"{place}.$rows", depth=depth + 1)
    elif isinstance(template, dict):
        for key, item in template.items():
            if key.startswith("$"):
                yield f"{place}: unknown placeholder {key!r}"
            yield from faults(item, names, f"{place}.{key}", rows=rows, depth=depth + 1)


def text_faults(text: str, names: frozenset[str], place: str) -> Iterator[str]:
    """Yield what is wrong with a text that has names in braces."""
    for name in _NAME.findall(text):
        if not _known(name, names):
            yield f"{place}: there is no {name!r} here, only {', '.join(sorted(names))}"
    if set(_NAME.sub("", text)) & {"{", "}"}:
        yield f"{place}: braces hold one name of small letters"


def _placeholder_faults(template: Mapping[str, Any], names: frozenset[str], place: str) -> Iterator[str]:
    name, words = template["$"], template.get("words", {})
    if not isinstance(name, str) or not _known(name, names):
        yield f"{place}: there is no {name!r} here, only {', '.join(sorted(names))}"
    for key in template.keys() - _OPTIONS:
        yield f"{place}: unknown option {key!r} of a placeholder"
    if template.get("as", "text") not in _KINDS:
        yield f"{place}.as: one of {', '.join(_KINDS)}"
    if not isinstance(words, dict) or not all(isinstance(word, str) for word in words.values()):
        yield f"{place}.words: texts by our words"
    if not isinstance(template.get("optional", False), bool):
        yield f"{place}.optional: true or false"


def _known(name: str, names: frozenset[str]) -> bool:
    return name in names or ("base" in names and _PART.fullmatch(name) is not None)


def named(template: Any) -> set[str]:
    """Return the names that a template uses, those of its rows too."""
    if isinstance(template, str):
        return set()
    if isinstance(template, list):
        return {name for item in template for name in named(item)}
    if not isinstance(template, dict):
        return set()
    if "$" in template:
        return {str(template["$"])}
    if "$text" in template:
        return set(_NAME.findall(str(template["$text"])))
    return {name for item in template.values() for name in named(item)}


def names_in(text: str) -> set[str]:
    """Return the names that stand in braces in a text."""
    return set(_NAME.findall(text))


def rendered(template: Any, names: Mapping[str, Any], rows: Sequence[Mapping[str, Any]] = ()) -> Any:
    """Return what the template says of these names and rows. Raises Unsayable."""
    if isinstance(template, list):
        items = [rendered(item, names, rows) for item in template]
        return [item for item in items if item is not MISSING]
    if not isinstance(template, dict):
        return template
    if "$" in template:
        return _put(template, names)
    if "$text" in template:
        return _NAME.sub(lambda match: _text(match[1], names), template["$text"])
    if "$rows" in template:
        return [rendered(template["$rows"], {**names, **row}) for row in rows]
    fields = {key: rendered(item, names, rows) for key, item in template.items()}
    return {key: item for key, item in fields.items() if item is not MISSING}


def _put(template: Mapping[str, Any], names: Mapping[str, Any]) -> Any:
    name = template["$"]
    found = names.get(name)
    if found is None:
        return MISSING if template.get("optional") else None
    words, kind = template.get("words"), template.get("as")
    if words:
        found = words.get(str(found), found)
    if kind is None:
        return found
    if kind == "text":
        return str(found)
    try:
        return int(str(found)) if kind == "integer" else Decimal(str(found))
    except (ValueError, InvalidOperation) as error:
        raise Unsayable(f"{name} {found!r} is no {kind}") from error


def _text(name: str, names: Mapping[str, Any]) -> str:
    found = names.get(name)
    if found is None:
        raise Unsayable(f"there is no {name} to say")
    return str(found)


def path_of(template: str, names: Mapping[str, Any]) -> str:
    """Return a path with names in it, each as one step that cannot lead elsewhere. Raises Unsayable."""

    def step(match: re.Match[str]) -> str:
        text = _text(match[1], names)
        if text in ("", ".", ".."):
            raise Unsayable(f"{match[1]} {text!r} cannot stand in a path")
        return quote(text, safe="")

    return _NAME.sub(step, template)
