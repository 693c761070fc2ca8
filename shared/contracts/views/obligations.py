"""Announcements, completeness and history of obligations as callers see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnouncementView:
    """What a command did to obligations. `act`: extended, waived, restored, opened, closed, urged. `changed` are the
    submissions it changed and whose agencies were told, `unchanged` counts those that were so already, `refused` says
    of others why not. `announcement` is None where nothing changed: nobody was told anything."""

    announcement: str | None
    act: str
    reason: str
    until: datetime | None
    changed: list[str]
    unchanged: int
    refused: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletenessRow:
    """How far what is owed has come, of one key (a unit with all below it, a form, a period or an agency).

    `actual` counts what is submitted or was approved, `on_time` and `late` divide it, `missing` is the rest, of which
    `overdue` is past its deadline; `waived` is not expected. `completeness` is actual, `timeliness` on_time, in percent
    of expected (decimal text, one place; None where nothing is expected).
    """

    key: str
    name: str | None
    expected: int
    actual: int
    on_time: int
    late: int
    missing: int
    overdue: int
    approved: int
    waived: int
    completeness: str | None
    timeliness: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletenessView:
    """Rows in order of their keys, and all of them together (each obligation once)."""

    by: str
    rows: list[CompletenessRow]
    total: CompletenessRow


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One thing that happened to a submission. `what`: entered (the current draft's figures of one author: how many,
    and the last moment), submitted, returned, withdrawn, approved, reopened, paper_confirmed, or the act of an
    announcement."""

    at: datetime
    by: str
    what: str
    round: int | None = None
    reason: str | None = None
    until: datetime | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionHistory:
    """Who did what when, oldest first (Đ17.4: times of update and of submission are recorded)."""

    submission_id: str
    entries: list[HistoryEntry]
