"""Packet (10), a KPI set: indicators that are computed from others, with their formulas. To the hub a KPI is a derived
indicator of its catalogue; it knows no targets of its own, so `target` stays empty unless a sender fills it.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Struct

from shared.packets.datatypes import Code, Count, Decimal, Line, Text
from shared.packets.kind import HEADER, Kind, Names


class Kpi(Struct, frozen=True, kw_only=True):
    """A KPI (chỉ số)."""

    code: Annotated[Code, "the indicator's code"]
    name: Annotated[Line, "its name"]
    measure: Annotated[Line, "its unit of measure"]
    decimals: Annotated[Count, "to how many places it is published"]
    formula: Annotated[Line, "how it is computed"]
    inputs: Annotated[tuple[Code, ...], "the codes that the formula reads"] = ()
    group: Annotated[Code | None, "the code of its group (packet 11)"] = None
    concept: Annotated[Text | None, "what it means"] = None
    target: Annotated[Decimal | None, "what is aimed at"] = None


class KpiSet(Struct, frozen=True, kw_only=True):
    """A set of KPIs (bộ chỉ số)."""

    id: Annotated[Code, "the set's id: the form or the regime it belongs to, or ALL"]
    name: Annotated[Line, "its name"]
    decision: Annotated[Line | None, "the decision it rests on"] = None
    kpis: Annotated[tuple[Kpi, ...], "the KPIs"] = ()


NAMES: Names = {
    **HEADER,
    KpiSet: {"id": "id", "name": "name", "decision": "decision", "kpis": "kpi"},
    Kpi: {
        "code": "code",
        "name": "name",
        "measure": "measure",
        "decimals": "decimals",
        "formula": "formula",
        "inputs": "input",
        "group": "group",
        "concept": "concept",
        "target": "target",
    },
}

KIND = Kind(
    number=10,
    id="kpi-set",
    root="KpiSet",
    title="Bộ chỉ số (KPI)",
    told="a KPI set: indicators computed from others, with their formulas",
    content=KpiSet,
    names=NAMES,
    unique={"kpis": ("code",)},
)
