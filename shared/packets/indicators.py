"""Packet (9), the catalogue of indicators: what is measured, how, in which unit of measure, and broken down by what."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Struct

from shared.packets.datatypes import Code, Count, Day, Decimal, Line, Text
from shared.packets.kind import HEADER, Kind, Names


class OtherCode(Struct, frozen=True, kw_only=True):
    """The indicator's code in another system, for a time."""

    scheme: Annotated[Code, "the other system"]
    code: Annotated[Code, "its code there"]
    valid_from: Annotated[Day | None, "from this day on"] = None
    valid_to: Annotated[Day | None, "before this day"] = None


class Indicator(Struct, frozen=True, kw_only=True):
    """An indicator with one definition: one concept, one method, one unit of measure (Đ4.2c)."""

    code: Annotated[Code, "the indicator's code"]
    name: Annotated[Line, "its name"]
    version: Annotated[Count, "the definition's version"]
    group: Annotated[Code | None, "the code of its group (packet 11)"] = None
    measure: Annotated[Line, "its unit of measure"]
    value_type: Annotated[Literal["integer", "decimal"], "whole numbers, or any"]
    decimals: Annotated[Count, "to how many places it is published"]
    parent: Annotated[Code | None, "the indicator of which it is a part"] = None
    disaggregation: Annotated[Code | None, "by what the parent is broken down (packet 12)"] = None
    item: Annotated[Code | None, "which part it is"] = None
    concept: Annotated[Text | None, "what it means"] = None
    method: Annotated[Text | None, "how it is collected or computed"] = None
    formula: Annotated[Line | None, "how it is computed from others"] = None
    rollup: Annotated[Line, "how units add up: sum, weighted:CODE, last, derived, none"]
    over_time: Annotated[Literal["sum", "last", "none"], "how shorter periods make a longer one"]
    minimum: Annotated[Decimal | None, "the least that may be entered"] = None
    maximum: Annotated[Decimal | None, "the most that may be entered"] = None
    lead_agency: Annotated[Code | None, "the agency in charge"] = None
    valid_from: Annotated[Day | None, "from this day on"] = None
    valid_to: Annotated[Day | None, "before this day"] = None
    codes: Annotated[tuple[OtherCode, ...], "its codes elsewhere"] = ()


class Indicators(Struct, frozen=True, kw_only=True):
    """A catalogue of indicators (danh mục chỉ tiêu)."""

    as_of: Annotated[Day | None, "as they were defined on this day; absent: the newest definitions"] = None
    indicators: Annotated[tuple[Indicator, ...], "the indicators"] = ()


NAMES: Names = {
    **HEADER,
    Indicators: {"as_of": "as_of", "indicators": "indicator"},
    Indicator: {
        "code": "code",
        "name": "name",
        "version": "version",
        "group": "group",
        "measure": "measure",
        "value_type": "value_type",
        "decimals": "decimals",
        "parent": "parent",
        "disaggregation": "disaggregation",
        "item": "item",
        "concept": "concept",
        "method": "method",
        "formula": "formula",
        "rollup": "rollup",
        "over_time": "over_time",
        "minimum": "minimum",
        "maximum": "maximum",
        "lead_agency": "lead_agency",
        "valid_from": "valid_from",
        "valid_to": "valid_to",
        "codes": "other_code",
    },
    OtherCode: {"scheme": "scheme", "code": "code", "valid_from": "valid_from", "valid_to": "valid_to"},
}

KIND = Kind(
    number=9,
    id="indicators",
    root="Indicators",
    title="Danh mục chỉ tiêu",
    told="the catalogue of indicators with their definitions",
    content=Indicators,
    names=NAMES,
    unique={"indicators": ("code",)},
)
