"""Any packet of any kind, made from the same tables that build and read it."""

from __future__ import annotations

import unicodedata
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import strategies as st

from shared.canonical import decimal_text
from shared.packets import datatypes as types
from shared.packets.kind import Header, Kind, Part
from shared.packets.xml import Packet

WRITTEN = st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Cn", "Co")) | st.sampled_from("\t\n\r<&>\"'")


def _texts(longest: int) -> st.SearchStrategy[str]:
    made = st.text(WRITTEN, min_size=1, max_size=longest).map(lambda text: unicodedata.normalize("NFC", text))
    return made.filter(bool)


def _lines(longest: int) -> st.SearchStrategy[str]:
    return _texts(longest).map(lambda text: " ".join(text.split())).filter(bool)


PERIODS = st.sampled_from(["2026", "2026-9M", "2026-H2", "2026-Q3", "2026-07", "2024-02-29"])
BY_TYPE: dict[str, st.SearchStrategy[Any]] = {
    types.CODE.name: _lines(20),
    types.LINE.name: _lines(40),
    types.TEXT.name: _texts(60),
    types.DECIMAL.name: st.decimals(min_value=Decimal(-(10**19)), max_value=Decimal(10**19), places=4).map(
        decimal_text
    ),
    types.PERIOD.name: PERIODS,
    types.DAY.name: st.dates(date(1900, 1, 1), date(2199, 12, 31)),
    types.INSTANT.name: st.integers(-2 * 10**9, 7 * 10**9).map(lambda second: datetime.fromtimestamp(second, UTC)),
    types.COUNT.name: st.integers(0, 10**12 - 1),
    types.FLAG.name: st.booleans(),
    types.HASH.name: st.binary(min_size=32, max_size=32).map(bytes.hex),
    types.BYTES.name: st.binary(max_size=40),
}


def packets(kind: Kind) -> st.SearchStrategy[Packet[Any]]:
    """Return any packet of this kind."""
    return st.builds(Packet, structs(kind, Header), structs(kind, kind.content))


def structs(kind: Kind, of: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    """Return any Struct of this type."""
    unique = kind.unique if of is kind.content else {}
    return st.builds(of, **{part.field: _values(kind, part, unique.get(part.field)) for part in kind.shape(of)})


def _values(kind: Kind, part: Part, unique: tuple[str, ...] | None) -> st.SearchStrategy[Any]:
    if part.struct is not None:
        one = structs(kind, part.struct)
    elif part.datatype is not None:
        one = BY_TYPE[part.datatype.name]
    else:
        one = st.sampled_from(part.choices)
    if part.many:
        key = (lambda item: tuple(getattr(item, name) for name in unique)) if unique else None
        return st.lists(one, min_size=0 if part.optional else 1, max_size=3, unique_by=key).map(tuple)
    return one | st.none() if part.nothing or part.default is None else one
