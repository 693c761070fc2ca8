"""Approval cases as callers see them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseView:
    """One approval case: exactly one round of one submission. `state`: open, approved, returned, withdrawn.
    `paper` says of a round that had come on paper when, under which document, who vouches for it, and why."""

    id: str
    submission_id: str
    round: int
    content_hash: str
    form: str
    unit: str
    agency: str
    period: str
    state: str
    submitted_by: str
    submitted_at: datetime
    decided_by: str | None = None
    decided_at: datetime | None = None
    reasons: list[dict[str, Any]] = field(default_factory=list)
    paper: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CasePage:
    """Cases, newest first."""

    cases: list[CaseView]
    next: str | None = None
