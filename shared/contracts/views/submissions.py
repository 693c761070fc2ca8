"""Receipts, submissions and their figures as callers see them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureOutcome:
    """What became of one pushed figure. `outcome`: accepted, unchanged, refused, superseded, conflict. An accepted
    one is listed only if it was converted from another unit of measure (code V153)."""

    position: int
    indicator: str
    unit: str | None
    period: str | None
    outcome: str
    code: str | None = None
    message: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptView:
    """A push as the hub knows it. `state`: accepted (not processed yet), processed, conflict (the key was used for
    another body). `outcomes` lists every figure that was not simply accepted or unchanged."""

    receipt_id: str
    state: str
    fingerprint: str | None = None
    accepted_at: datetime | None = None
    processed_at: datetime | None = None
    counts: dict[str, int] = field(default_factory=dict)
    outcomes: list[FigureOutcome] = field(default_factory=list)
    submissions: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureView:
    """One cell of a draft or round: its value and its provenance. `conflict` shows a pushed value that did not
    overwrite a hand entry and waits for a person, `converted` tells (in Vietnamese) that a hand entry just given in
    another unit of measure was converted."""

    indicator: str
    value: str | None
    status: str
    origin: str  # push | hand
    by: str
    at: datetime
    receipt_id: str | None = None
    version: int = 1
    conflict: dict[str, Any] | None = None
    converted: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingView:
    """One result of validation. `severity`: error blocks submitting, warning does not."""

    code: str
    severity: str
    indicator: str | None
    message: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionView:
    """A submission without its figures. `state`: due, draft, submitted, returned, approved."""

    id: str
    form: str
    unit: str
    agency: str
    period: str
    state: str
    round: int
    content_hash: str | None
    deadline: datetime | None
    submitted_at: datetime | None = None
    approved_round: int | None = None
    on_time: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionDetail:
    """A submission with the figures of its current (or asked) round, findings and reasons it was returned for."""

    submission: SubmissionView
    figures: list[FigureView]
    findings: list[FindingView]
    reasons: list[dict[str, Any]]
    missing: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionPage:
    """Submissions (obligations included: `state` due) in key order."""

    submissions: list[SubmissionView]
    next: str | None = None
