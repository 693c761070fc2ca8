"""What makes a kind of packet: its content's Structs, the table of its element names, and the shape both give.

A table names the element of every field: `"unit": "unit"`. It may also say

- `"@code"`: an attribute instead of an element (for one value);
- `"periods/period"`: a wrapper around the elements of a list;
- `("value", "nothing_occurred")`: for a value that may be None: the element with the value, or the empty one that says
  that nothing occurred (không phát sinh). A figure that is missing has no element at all.

Elements stand in the order of the Struct's fields. A field with a default is left out where it has that value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from shared.packets.datatypes import Code, DataType, Instant

Element = str | tuple[str, str]
Names = Mapping[type[msgspec.Struct], Mapping[str, Element]]


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """Who sends which message when; every packet begins with it."""

    message_id: Annotated[Code, "names this message among all of its sender's"]
    sender: Annotated[Code, "the system that sends"]
    receiver: Annotated[Code | None, "the system it is meant for"] = None
    created_at: Annotated[Instant, "when the packet was made"]


HEADER: Names = {
    Header: {"message_id": "message_id", "sender": "sender", "receiver": "receiver", "created_at": "created_at"}
}
"""The names of the header; a packet's own table may say others."""


@dataclass(frozen=True)
class Kind:
    """One of the thirteen. `title` is its Vietnamese name, `told` what it carries; `unique` names lists (fields of the
    content) and the fields of which no two entries may have the same."""

    number: int
    id: str
    root: str
    title: str
    told: str
    content: type[msgspec.Struct]
    names: Names
    unique: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    header: str = "header"
    version: int = 1
    namespace: str = ""

    def __post_init__(self) -> None:
        if not self.namespace:
            object.__setattr__(self, "namespace", f"urn:laichau:qcvn125:{self.version}:{self.id}")

    def __hash__(self) -> int:
        return hash((self.id, self.root, self.namespace))

    @property
    def module(self) -> str:
        """The name of the packet's module, which its schema bears, too."""
        return self.id.replace("-", "_")

    def shape(self, of: type[msgspec.Struct]) -> tuple[Part, ...]:
        """Return how this Struct's fields stand in XML. Raises TypeError where the table does not fit the Struct."""
        return _shape(self, of)


@dataclass(frozen=True, slots=True)
class Part:
    """One field in XML. Exactly one of `datatype`, `choices` and `struct` says what it holds; `many`: a list of them.
    `nothing` is the element that stands for None, `wrapper` the one around a list."""

    field: str
    element: str
    told: str
    datatype: DataType | None
    choices: tuple[str, ...]
    struct: type[msgspec.Struct] | None
    many: bool
    default: Any
    nothing: str = ""
    wrapper: str = ""
    attribute: bool = False

    @property
    def optional(self) -> bool:
        """Whether it may be left out."""
        return self.default is not msgspec.NODEFAULT


@lru_cache(maxsize=256)
def _shape(kind: Kind, of: type[msgspec.Struct]) -> tuple[Part, ...]:
    table = kind.names.get(of) or HEADER.get(of)
    hints = get_type_hints(of, include_extras=True)
    fields = msgspec.structs.fields(of)
    if table is None or set(table) != {item.name for item in fields}:
        raise TypeError(f"packet {kind.id}: the table of {of.__name__} does not name its fields")
    parts = []
    for item in fields:
        default = item.default
        if item.default_factory is not msgspec.NODEFAULT:
            default = item.default_factory()
        parts.append(_part(item.name, table[item.name], hints[item.name], default))
    # Attributes stand before elements, whatever the order of fields.
    return tuple(sorted(parts, key=lambda part: not part.attribute))


def _part(name: str, element: Element, hint: Any, default: Any) -> Part:
    told, datatype, inner, many, none = "", None, hint, False, False
    while True:
        origin = get_origin(inner)
        if origin is Annotated:
            inner, *extras = get_args(inner)
            told = next((extra for extra in extras if isinstance(extra, str)), told)
            datatype = next((extra for extra in extras if isinstance(extra, DataType)), datatype)
        elif origin in (Union, UnionType):
            none = NoneType in get_args(inner)
            [inner] = [part for part in get_args(inner) if part is not NoneType]
        elif origin is tuple:
            many, inner = True, get_args(inner)[0]
        else:
            break
    choices = tuple(get_args(inner)) if get_origin(inner) is Literal else ()
    struct = inner if isinstance(inner, type) and issubclass(inner, msgspec.Struct) else None
    spelled, nothing = element if isinstance(element, tuple) else (element, "")
    wrapper, _, last = spelled.rpartition("/")
    if bool(nothing) != (none and default is msgspec.NODEFAULT):
        raise TypeError(f"{name}: a value that may be None wants a default, or an element that says so")
    if (datatype is None) == (struct is None and not choices) or (wrapper and not many):
        raise TypeError(f"{name}: {hint} cannot be told in XML as {element!r}")
    return Part(
        field=name,
        element=last.removeprefix("@"),
        told=told,
        datatype=datatype,
        choices=choices,
        struct=struct,
        many=many,
        default=default,
        nothing=nothing,
        wrapper=wrapper,
        attribute=last.startswith("@"),
    )
