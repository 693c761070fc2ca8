"""Packet (8), the catalogue of periods: the periods of a year, and of a regime their data windows and deadlines."""

from __future__ import annotations

from typing import Annotated

from msgspec import Struct

from shared.packets.datatypes import Code, Day, Instant, Line, PeriodKind, PeriodText
from shared.packets.kind import HEADER, Kind, Names


class LevelDeadline(Struct, frozen=True, kw_only=True):
    """When the units of a level owe a period."""

    level: Annotated[Code, "commune, department, agency, …"]
    at: Annotated[Instant, "their deadline"]


class ReportingPeriod(Struct, frozen=True, kw_only=True):
    """A period."""

    code: Annotated[PeriodText, "its code"]
    name: Annotated[Line, "its name"]
    kind: Annotated[PeriodKind, "of which kind it is"]
    first_day: Annotated[Day, "its first day"]
    last_day: Annotated[Day, "its last day"]
    window_from: Annotated[Day, "the first day whose data belong to it"]
    window_to: Annotated[Day, "the last day whose data belong to it"]
    deadline: Annotated[Instant | None, "of a regime: when it is due, days off taken into account"] = None
    deadlines: Annotated[tuple[LevelDeadline, ...], "of a regime: when the levels with a step of their own owe it"] = ()
    opens_at: Annotated[Instant | None, "of a regime: when its intake opens"] = None


class Periods(Struct, frozen=True, kw_only=True):
    """A catalogue of periods (danh mục kỳ báo cáo)."""

    regime: Annotated[Code | None, "the regime whose periods these are; absent: all kinds of periods"] = None
    year: Annotated[PeriodText, "the year"]
    periods: Annotated[tuple[ReportingPeriod, ...], "the periods"] = ()


NAMES: Names = {
    **HEADER,
    Periods: {"regime": "regime", "year": "year", "periods": "period"},
    ReportingPeriod: {
        "code": "code",
        "name": "name",
        "kind": "kind",
        "first_day": "first_day",
        "last_day": "last_day",
        "window_from": "window_from",
        "window_to": "window_to",
        "deadline": "deadline",
        "deadlines": "level_deadline",
        "opens_at": "opens_at",
    },
    LevelDeadline: {"level": "level", "at": "at"},
}

KIND = Kind(
    number=8,
    id="periods",
    root="Periods",
    title="Danh mục kỳ báo cáo",
    told="the catalogue of periods: days, data windows, deadlines",
    content=Periods,
    names=NAMES,
    unique={"periods": ("code",)},
)
