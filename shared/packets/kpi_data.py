"""Packet (13), KPI data: the values of computed indicators of one unit and period."""

from __future__ import annotations

from typing import Annotated

from msgspec import Struct

from shared.packets.datatypes import Code, Count, Decimal, Line, PeriodText, Status
from shared.packets.kind import HEADER, Kind, Names


class KpiValue(Struct, frozen=True, kw_only=True):
    """The value of a KPI; None: nothing occurred. One that could not be computed is not listed."""

    code: Annotated[Code, "the KPI's code"]
    name: Annotated[Line | None, "its name, for people"] = None
    measure: Annotated[Line | None, "its unit of measure"] = None
    value: Annotated[Decimal | None, "the value"]
    status: Annotated[Status, "ước tính, sơ bộ, chính thức: the least certain of what it was computed from"]
    form: Annotated[Code | None, "the form it was computed for"] = None
    version: Annotated[Count | None, "the version of that form's content"] = None


class KpiData(Struct, frozen=True, kw_only=True):
    """KPI data (dữ liệu chỉ số)."""

    set: Annotated[Code, "the set's id (packet 10)"]
    unit: Annotated[Code, "the unit that the values are about"]
    unit_name: Annotated[Line | None, "its name, for people"] = None
    period: Annotated[PeriodText, "the period"]
    values: Annotated[tuple[KpiValue, ...], "the values"] = ()


NAMES: Names = {
    **HEADER,
    KpiData: {"set": "set", "unit": "unit", "unit_name": "unit_name", "period": "period", "values": "kpi"},
    KpiValue: {
        "code": "code",
        "name": "name",
        "measure": "measure",
        "value": ("value", "nothing_occurred"),
        "status": "status",
        "form": "form",
        "version": "version",
    },
}

KIND = Kind(
    number=13,
    id="kpi-data",
    root="KpiData",
    title="Dữ liệu chỉ số (KPI)",
    told="KPI data: values of computed indicators",
    content=KpiData,
    names=NAMES,
    unique={"values": ("code",)},
)
