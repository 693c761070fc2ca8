"""Packet (11), the catalogue of indicator groups."""

from __future__ import annotations

from typing import Annotated

from msgspec import Struct

from shared.packets.datatypes import Code, Count, Line
from shared.packets.kind import HEADER, Kind, Names


class IndicatorGroup(Struct, frozen=True, kw_only=True):
    """A group of indicators."""

    code: Annotated[Code, "the group's code"]
    name: Annotated[Line, "its name"]
    parent: Annotated[Code | None, "the group above it"] = None
    count: Annotated[Count | None, "how many indicators it has"] = None


class IndicatorGroups(Struct, frozen=True, kw_only=True):
    """A catalogue of groups (danh mục nhóm chỉ tiêu)."""

    groups: Annotated[tuple[IndicatorGroup, ...], "the groups"] = ()


NAMES: Names = {
    **HEADER,
    IndicatorGroups: {"groups": "group"},
    IndicatorGroup: {"code": "code", "name": "name", "parent": "parent", "count": "count"},
}

KIND = Kind(
    number=11,
    id="indicator-groups",
    root="IndicatorGroups",
    title="Danh mục nhóm chỉ tiêu",
    told="the catalogue of indicator groups",
    content=IndicatorGroups,
    names=NAMES,
    unique={"groups": ("code",)},
)
