"""Packet (7), report status: how far what is owed has come, as of one moment."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Struct

from shared.packets.datatypes import Code, Count, Flag, Hash, Instant, Line, PeriodText
from shared.packets.kind import HEADER, Kind, Names


class ReportState(Struct, frozen=True, kw_only=True):
    """Where one report stands."""

    report: Annotated[Code, "the submission's id at the hub"]
    form: Annotated[Code, "the form's id"]
    unit: Annotated[Code, "the unit it is about"]
    unit_name: Annotated[Line | None, "its name, for people"] = None
    agency: Annotated[Code, "the agency that owes it"]
    agency_name: Annotated[Line | None, "its name, for people"] = None
    period: Annotated[PeriodText, "the period"]
    state: Annotated[
        Literal["due", "draft", "submitted", "returned", "approved", "waived"],
        "chưa gửi, đang nhập, đã gửi, bị trả lại, đã duyệt, được miễn",
    ]
    round: Annotated[Count, "how often it was begun"]
    approved_round: Annotated[Count | None, "the newest round that was approved"] = None
    deadline: Annotated[Instant | None, "when it is due, extensions counted"] = None
    submitted_at: Annotated[Instant | None, "when the newest round was submitted"] = None
    on_time: Annotated[Flag | None, "whether that was in time"] = None
    late: Annotated[Flag, "whether it is owed and past its deadline"]
    content_hash: Annotated[Hash | None, "the hash of the newest round's content"] = None


class ReportStatus(Struct, frozen=True, kw_only=True):
    """The status of reports (trạng thái báo cáo)."""

    as_of: Annotated[Instant, "as of this moment"]
    reports: Annotated[tuple[ReportState, ...], "the reports"] = ()


NAMES: Names = {
    **HEADER,
    ReportStatus: {"as_of": "as_of", "reports": "report"},
    ReportState: {
        "report": "id",
        "form": "form",
        "unit": "unit",
        "unit_name": "unit_name",
        "agency": "agency",
        "agency_name": "agency_name",
        "period": "period",
        "state": "state",
        "round": "round",
        "approved_round": "approved_round",
        "deadline": "deadline",
        "submitted_at": "submitted_at",
        "on_time": "on_time",
        "late": "late",
        "content_hash": "content_hash",
    },
}

KIND = Kind(
    number=7,
    id="report-status",
    root="ReportStatus",
    title="Trạng thái báo cáo",
    told="the status of reports: state, round, deadline, lateness",
    content=ReportStatus,
    names=NAMES,
    unique={"reports": ("report",)},
)
