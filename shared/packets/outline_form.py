"""Packet (3), the outline form: the sections of the narrative part (thuyết minh, Đ16.2) and what to write in each."""

from __future__ import annotations

from typing import Annotated

from msgspec import Struct

from shared.packets.datatypes import Code, Count, Flag, Line, PeriodKind, Text
from shared.packets.kind import HEADER, Kind, Names


class OutlineSection(Struct, frozen=True, kw_only=True):
    """A section, by its number (`2.1` stands below `2`)."""

    number: Annotated[Code, "its number"]
    title: Annotated[Line, "its heading"]
    guidance: Annotated[Text | None, "what to write"] = None
    required: Annotated[Flag, "whether it must be written"]
    max_letters: Annotated[Count | None, "how long it may be"] = None


class OutlineForm(Struct, frozen=True, kw_only=True):
    """An outline (đề cương báo cáo): what the narrative part of a report is to say."""

    id: Annotated[Code, "the outline's id"]
    name: Annotated[Line, "its name"]
    version: Annotated[Count, "the version that this is"]
    regime: Annotated[Code | None, "the regime it belongs to"] = None
    form: Annotated[Code | None, "the form whose narrative part it is"] = None
    period_kind: Annotated[PeriodKind, "of which kind its periods are"]
    decision: Annotated[Line | None, "the decision it rests on"] = None
    sections: Annotated[tuple[OutlineSection, ...], "its sections in order"] = ()


NAMES: Names = {
    **HEADER,
    OutlineForm: {
        "id": "id",
        "name": "name",
        "version": "version",
        "regime": "regime",
        "form": "form",
        "period_kind": "period_kind",
        "decision": "decision",
        "sections": "section",
    },
    OutlineSection: {
        "number": "number",
        "title": "title",
        "guidance": "guidance",
        "required": "required",
        "max_letters": "max_letters",
    },
}

KIND = Kind(
    number=3,
    id="outline-form",
    root="OutlineForm",
    title="Đề cương báo cáo",
    told="an outline: the sections of a report's narrative part",
    content=OutlineForm,
    names=NAMES,
    unique={"sections": ("number",)},
)
