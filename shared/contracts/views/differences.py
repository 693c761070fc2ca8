"""Differences through time, as callers see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownDifferenceView:
    """One entry in which the hub and another system differ, from when it was first seen until it is settled.

    `direction`: receiver (our ledger against what the partner holds), warehouse, source. `kind`: duplicate,
    mapping_gap, missing_there, stale_there, missing_here, older_version, status, unit_scale, rounding, value. `state`:
    new, repairing, repaired, accepted, recurring. `task`: the hub may not repair it, its owner has to act.
    `age_seconds` runs from `first_seen` until it is settled.
    """

    id: str
    direction: str
    partner: str
    form: str
    unit: str
    period: str
    indicator: str
    kind: str
    state: str
    expected: str | None
    found: str | None
    owner: str
    task: bool
    first_seen: datetime
    last_seen: datetime
    times_seen: int
    recurrences: int
    failed_repairs: int
    age_seconds: float
    reconciliation: str
    accepted_by: str | None = None
    accepted_reason: str | None = None
    accepted_until: date | None = None
    settled_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownDifferencePage:
    """Differences, the one first seen longest ago first."""

    differences: list[KnownDifferenceView]
    next: str | None = None
