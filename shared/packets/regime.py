"""Packet (1), the reporting regime: on which decision it rests, when it is due, and which forms belong to it."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Struct

from shared.packets.datatypes import Code, Count, Day, Flag, Line, PeriodKind
from shared.packets.kind import HEADER, Kind, Names


class Deadline(Struct, frozen=True, kw_only=True):
    """The day and hour (Vietnam) by which a period's figures are due."""

    day: Annotated[Count, "1 to 31; a day that the month lacks is its last one"]
    hour: Annotated[Count, "0 to 23"]
    minute: Annotated[Count, "0 to 59"] = 0
    month: Annotated[Count | None, "counted from January of the period's year; absent: the period's last month"] = None
    months_after: Annotated[Count, "so many months after the period's last one"] = 0


class Step(Struct, frozen=True, kw_only=True):
    """The deadline of the units of one level."""

    level: Annotated[Code, "commune, department, agency, …"]
    deadline: Annotated[Deadline, "their deadline"]


class Window(Struct, frozen=True, kw_only=True):
    """Which days' data belong to a period (thời gian chốt số liệu)."""

    from_day: Annotated[Count, "the first day"]
    from_months: Annotated[Count, "in the month so many before the period's first one"]
    to_day: Annotated[Count, "the last day"]
    to_months: Annotated[Count, "in the month so many before the period's last one"]


class RegimeForm(Struct, frozen=True, kw_only=True):
    """A form of the regime, by its id and its newest version."""

    id: Annotated[Code, "the form's id"]
    name: Annotated[Line, "its name"]
    version: Annotated[Count, "its newest version"]


class Regime(Struct, frozen=True, kw_only=True):
    """A reporting regime (chế độ báo cáo)."""

    id: Annotated[Code, "the regime's id"]
    name: Annotated[Line, "its name"]
    kind: Annotated[Literal["periodic", "thematic", "ad_hoc"], "định kỳ, chuyên đề, đột xuất"]
    decision: Annotated[Line, "the decision it rests on"]
    period_kind: Annotated[PeriodKind, "of which kind its periods are"]
    level: Annotated[Code, "the level up to which it is reported"]
    owner: Annotated[Code | None, "the unit that set it up; absent: the province's Office"] = None
    deadline: Annotated[Deadline, "when it is due, but for the levels with a step of their own"]
    steps: Annotated[tuple[Step, ...], "the ladder: a deadline per level"] = ()
    window: Annotated[Window | None, "absent: the windows of decree 09/2019/NĐ-CP, article 12"] = None
    opens_days_before: Annotated[Count | None, "the intake opens so many days before the window ends"] = None
    closes_days_after: Annotated[Count | None, "and closes so many days after the deadline"] = None
    moves: Annotated[Flag, "whether a deadline on a day off moves to the next working day"]
    signature: Annotated[Flag, "whether what is sent must be signed"]
    valid_from: Annotated[Day | None, "from this day on"] = None
    valid_to: Annotated[Day | None, "before this day"] = None
    forms: Annotated[tuple[RegimeForm, ...], "its forms"] = ()


NAMES: Names = {
    **HEADER,
    Regime: {
        "id": "id",
        "name": "name",
        "kind": "kind",
        "decision": "decision",
        "period_kind": "period_kind",
        "level": "level",
        "owner": "owner",
        "deadline": "deadline",
        "steps": "step",
        "window": "window",
        "opens_days_before": "opens_days_before",
        "closes_days_after": "closes_days_after",
        "moves": "moves",
        "signature": "signature",
        "valid_from": "valid_from",
        "valid_to": "valid_to",
        "forms": "form",
    },
    Deadline: {"day": "day", "hour": "hour", "minute": "minute", "month": "month", "months_after": "months_after"},
    Step: {"level": "level", "deadline": "deadline"},
    Window: {
        "from_day": "from_day",
        "from_months": "from_months",
        "to_day": "to_day",
        "to_months": "to_months",
    },
    RegimeForm: {"id": "id", "name": "name", "version": "version"},
}

KIND = Kind(
    number=1,
    id="regime",
    root="Regime",
    title="Chế độ báo cáo",
    told="a reporting regime: its decision, deadlines, data window and forms",
    content=Regime,
    names=NAMES,
    unique={"steps": ("level",), "forms": ("id",)},
)
