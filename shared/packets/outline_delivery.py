"""Packet (6), outline delivery: the narrative part as it was written, by sections, with the documents it comes in."""

from __future__ import annotations

from typing import Annotated

from msgspec import Struct

from shared.packets.datatypes import Bytes, Code, Count, Hash, Instant, Line, PeriodText, Text
from shared.packets.kind import HEADER, Kind, Names


class WrittenSection(Struct, frozen=True, kw_only=True):
    """What was written in a section."""

    number: Annotated[Code, "the section's number in the outline"]
    title: Annotated[Line | None, "its heading"] = None
    text: Annotated[Text, "what was written"]


class Document(Struct, frozen=True, kw_only=True):
    """A document that belongs to it (Đ16.2), whole or by its hash alone."""

    name: Annotated[Line, "the file's name"]
    media_type: Annotated[Code, "application/pdf, …"]
    sha256: Annotated[Hash, "the hash of its bytes"]
    content: Annotated[Bytes | None, "its bytes; absent: they are sent by another way"] = None


class OutlineDelivery(Struct, frozen=True, kw_only=True):
    """A narrative part (phần thuyết minh, đánh giá, kiến nghị) about one unit and period."""

    outline: Annotated[Code, "the outline's id"]
    outline_version: Annotated[Count | None, "its version"] = None
    form: Annotated[Code | None, "the form whose narrative part it is"] = None
    unit: Annotated[Code, "the unit it is about"]
    agency: Annotated[Code | None, "the agency that wrote it"] = None
    period: Annotated[PeriodText, "the period"]
    written_at: Annotated[Instant | None, "when it was approved"] = None
    sections: Annotated[tuple[WrittenSection, ...], "what was written"] = ()
    documents: Annotated[tuple[Document, ...], "documents that belong to it"] = ()


NAMES: Names = {
    **HEADER,
    OutlineDelivery: {
        "outline": "outline",
        "outline_version": "outline_version",
        "form": "form",
        "unit": "unit",
        "agency": "agency",
        "period": "period",
        "written_at": "written_at",
        "sections": "section",
        "documents": "document",
    },
    WrittenSection: {"number": "number", "title": "title", "text": "text"},
    Document: {"name": "name", "media_type": "media_type", "sha256": "sha256", "content": "content"},
}

KIND = Kind(
    number=6,
    id="outline-delivery",
    root="OutlineDelivery",
    title="Thuyết minh báo cáo theo đề cương",
    told="an outline delivery: a narrative part as it was written, with its documents",
    content=OutlineDelivery,
    names=NAMES,
    unique={"sections": ("number",), "documents": ("name",)},
)
