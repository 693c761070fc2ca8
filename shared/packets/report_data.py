"""Packet (4), report data: the whole content of one (form, unit, period) at one version.

A figure that is not listed is missing, and a receiver that held one drops it; "không phát sinh" (nothing occurred) is a
figure with an element of its own. A row of an open list is a figure, too (`DA01.R7`), with its label.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Struct

from shared.canonical import content_hash
from shared.packets.datatypes import Code, Count, Decimal, Hash, Level, Line, PeriodText, Status
from shared.packets.kind import HEADER, Kind, Names


class Figure(Struct, frozen=True, kw_only=True):
    """One figure; `value` None: nothing occurred."""

    indicator: Annotated[Code, "the indicator's code"]
    name: Annotated[Line | None, "its name, for people"] = None
    measure: Annotated[Line | None, "the unit of measure that the value is in"] = None
    value: Annotated[Decimal | None, "the value"]
    status: Annotated[Status, "ước tính, sơ bộ, chính thức"]
    label: Annotated[Line | None, "of a row of an open list: what the row is"] = None


class ReportData(Struct, frozen=True, kw_only=True):
    """Report data (dữ liệu báo cáo)."""

    form: Annotated[Code, "the form's id"]
    form_version: Annotated[Count | None, "the version of the form that the sender knows"] = None
    unit: Annotated[Code, "the unit that the figures are about"]
    unit_name: Annotated[Line | None, "its name, for people"] = None
    agency: Annotated[Code | None, "the agency that reported"] = None
    period: Annotated[PeriodText, "the period"]
    level: Annotated[Level | None, "the level that approved it"] = None
    version: Annotated[Count | None, "the content's version: of two, the higher one counts"] = None
    content_hash: Annotated[Hash | None, "over form, unit, period, version and figures (docs/packets.md)"] = None
    figures: Annotated[tuple[Figure, ...], "all figures"] = ()


def hash_of(data: ReportData) -> str:
    """Return what `content_hash` is to be: over form, unit, period, version ("0" if there is none) and figures."""
    place = (data.form, data.unit, data.period, str(data.version or 0))
    return content_hash(place, [(item.indicator, item.value, item.status) for item in data.figures])


NAMES: Names = {
    **HEADER,
    ReportData: {
        "form": "form",
        "form_version": "form_version",
        "unit": "unit",
        "unit_name": "unit_name",
        "agency": "agency",
        "period": "period",
        "level": "level",
        "version": "version",
        "content_hash": "content_hash",
        "figures": "figure",
    },
    Figure: {
        "indicator": "indicator",
        "name": "name",
        "measure": "measure",
        "value": ("value", "nothing_occurred"),
        "status": "status",
        "label": "label",
    },
}

KIND = Kind(
    number=4,
    id="report-data",
    root="ReportData",
    title="Dữ liệu báo cáo",
    told="report data: the whole content of one form, unit and period",
    content=ReportData,
    names=NAMES,
    unique={"figures": ("indicator",)},
)
