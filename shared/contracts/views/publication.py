"""What is published, and what everyone may read, as callers see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicationView:
    """Figures of a form published by decision (Đ5.4). `units` or `indicators` None: all of the form's."""

    id: str
    form: str
    period_from: str
    period_to: str
    units: list[str] | None
    indicators: list[str] | None
    decision: str
    decided_on: date
    published_at: datetime
    published_by: str
    withdrawn_at: datetime | None = None
    withdrawn_by: str | None = None
    withdrawal_decision: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicationPage:
    """Publications in order of id."""

    publications: list[PublicationView]
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicView:
    """A publication in force as everyone sees it: what it covers, and the decision."""

    form: str
    period_from: str
    period_to: str
    units: list[str] | None
    indicators: list[str] | None
    decision: str
    decided_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedView:
    """A published value. `version` and `recorded_at` tell a correction made after the publication."""

    indicator: str
    unit: str
    period: str
    form: str
    value: str | None
    status: str
    derived: bool
    version: int
    recorded_at: datetime
    label: str | None = None
    basis: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedPage:
    """Published values in key order."""

    observations: list[PublishedView]
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicPage:
    """Publications in force, in order of id."""

    publications: list[PublicView]
    next: str | None = None
