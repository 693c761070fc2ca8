"""Packet (12), the catalogue of disaggregations: the ways of breaking figures down, each with its code list."""

from __future__ import annotations

from typing import Annotated

from msgspec import Struct

from shared.packets.datatypes import Code, Day, Line
from shared.packets.kind import HEADER, Kind, Names


class DisaggregationItem(Struct, frozen=True, kw_only=True):
    """One code of the list, with its validity."""

    code: Annotated[Code, "the item's code"]
    name: Annotated[Line, "its name"]
    valid_from: Annotated[Day | None, "from this day on"] = None
    valid_to: Annotated[Day | None, "before this day"] = None


class Disaggregation(Struct, frozen=True, kw_only=True):
    """A way of breaking figures down (phân tổ), such as by sex."""

    code: Annotated[Code, "its code"]
    name: Annotated[Line, "its name"]
    items: Annotated[tuple[DisaggregationItem, ...], "its code list"] = ()


class Disaggregations(Struct, frozen=True, kw_only=True):
    """A catalogue of disaggregations (danh mục phân tổ)."""

    disaggregations: Annotated[tuple[Disaggregation, ...], "the disaggregations"] = ()


NAMES: Names = {
    **HEADER,
    Disaggregations: {"disaggregations": "disaggregation"},
    Disaggregation: {"code": "code", "name": "name", "items": "item"},
    DisaggregationItem: {"code": "code", "name": "name", "valid_from": "valid_from", "valid_to": "valid_to"},
}

KIND = Kind(
    number=12,
    id="disaggregations",
    root="Disaggregations",
    title="Danh mục phân tổ",
    told="the catalogue of disaggregations with their code lists",
    content=Disaggregations,
    names=NAMES,
    unique={"disaggregations": ("code",)},
)
