"""Loads of history as callers see them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryDifference:
    """A published figure of a computed indicator that lies more than 2 % from the computed one."""

    row: int
    indicator: str
    unit: str
    period: str
    published: str | None
    computed: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryResult:
    """What a load of history brought. `figures` in all: `recorded` are new or correct an earlier load, `unchanged`
    were there; `published` figures of computed indicators, of which `compared` could be computed, and so many lie
    `within` 2 %. `repeated`: this very load was recorded before. `dry_run`: nothing was kept."""

    id: str
    source: str
    decision: str
    figures: int
    recorded: int
    unchanged: int
    batches: int
    published: int = 0
    compared: int = 0
    within: int = 0
    differences: list[HistoryDifference] = field(default_factory=list)
    repeated: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryLoadView:
    """A load of history that was recorded."""

    id: str
    source: str
    decision: str
    loaded_at: datetime
    loaded_by: str
    result: HistoryResult
