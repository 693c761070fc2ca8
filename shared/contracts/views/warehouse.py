"""The warehouse as callers see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservationView:
    """One warehouse value with where it comes from. `batch` is the recorded batch, in commit order; `label` names the
    row of an open list, `basis` tells of a value that rests on other units' figures."""

    indicator: str
    unit: str
    period: str
    form: str
    value: str | None
    status: str
    derived: bool
    level: str
    batch: int
    version: int
    recorded_at: datetime
    submission_id: str
    round: int
    label: str | None = None
    basis: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservationPage:
    """Observations in key order."""

    observations: list[ObservationView]
    next: str | None = None
