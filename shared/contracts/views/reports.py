"""The report of a reconciliation: one model, shown as JSON, HTML, a workbook or a paper (PDF).

Texts that people read (`verdict`, `done`, what ends in `_words`) are Vietnamese; codes stay codes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportClass:
    """Differences of one class: how many were found, and how many of them are left."""

    kind: str
    kind_words: str
    found: int
    left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportScope:
    """One form in one period: entries that were compared, and those of them that still differ."""

    form: str
    form_name: str | None
    period: str
    period_words: str
    entries: int
    differing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportDifference:
    """One difference: what it is and why, since when (`age_seconds` at the report's time), whose it is, how it stands.

    `ours` and `theirs` are as they are read ("3.507,6", "không phát sinh"), None where that side has nothing. `times`
    is in how many reconciliations it was found; `note` says what was done, or why it was accepted.
    """

    kind: str
    kind_words: str
    form: str
    form_name: str | None
    unit: str
    unit_name: str | None
    period: str
    period_words: str
    indicator: str
    indicator_name: str | None
    ours: str | None
    theirs: str | None
    state: str
    state_words: str
    owner: str | None
    owner_name: str | None
    since: datetime | None
    age_seconds: float | None
    times: int
    note: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportTrend:
    """An earlier reconciliation with the same partner in the same direction."""

    reconciliation_id: str
    at: datetime
    state: str
    state_words: str
    entries: int
    found: int
    left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportProof:
    """What the verdict rests on: what was read again and when, what that cost, and how old the last recomputations of
    the hub's own digests (`scrubbed_at`) and of what it knows of the warehouse (`warehouse_checked_at`) are."""

    read_at: datetime | None
    entries: int
    groups: int
    calls: int
    bytes_compared: int
    pending: int
    scrubbed_at: datetime | None
    scrub_age_seconds: float | None
    warehouse_checked_at: datetime | None
    reread: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportView:
    """A reconciliation, for people. `tone`: good, attention, bad, open. `share` is the part that matches in per cent,
    rounded down, so that it is 100 only where nothing is left. `omitted` differences are not listed here."""

    reconciliation_id: str
    made_at: datetime
    partner: str
    partner_name: str
    direction: str
    direction_words: str
    ours_words: str
    theirs_words: str
    state: str
    state_words: str
    tone: str
    verdict: str
    done: str
    started_at: datetime
    finished_at: datetime | None
    equal: bool | None
    entries: int
    matched: int
    share: str | None
    found: int
    repaired: int
    accepted: int
    left: int
    classes: list[ReportClass]
    scopes: list[ReportScope]
    differences: list[ReportDifference]
    omitted: int
    trend: list[ReportTrend]
    proof: ReportProof
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFile:
    """A report as a file: its name, and its bytes in base64."""

    name: str
    content: str
