"""Pulls from sources as callers see them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PullView:
    """One pull from a source. `state`: running, succeeded, failed. `since` is the mark it asked from, as the source
    writes it.

    Of the rows `read`, `new` went on in `pushes`, `unchanged` were known, `unmapped` and `refused` are among the
    errors, and `deleted` are gone at the source.
    """

    id: str
    partner: str
    state: str
    requested_by: str
    started_at: datetime
    finished_at: datetime | None = None
    since: str | None = None
    pages: int = 0
    read: int = 0
    new: int = 0
    unchanged: int = 0
    unmapped: int = 0
    refused: int = 0
    deleted: int = 0
    pushes: int = 0
    tries: int = 0
    error_code: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PullErrorView:
    """A row that was not sent on. `kind`: unmapped, refused, deleted; `place` is the path in the row, `row` the row
    itself, cut to 300 characters."""

    page: int | None
    position: int | None
    kind: str
    place: str
    code: str
    message: str
    row: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PullReceiptView:
    """A push that a pull became; its receipt tells what became of each figure."""

    receipt_id: str
    form: str
    unit: str
    period: str
    figures: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PullDetail:
    """A pull with its first 1,000 errors and receipts."""

    pull: PullView
    errors: list[PullErrorView] = field(default_factory=list)
    receipts: list[PullReceiptView] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class PullPage:
    """Pulls from one source, newest first, and how far it was pulled."""

    pulls: list[PullView]
    watermark: str | None = None
    last_good_at: datetime | None = None
    failures: int = 0
    next: str | None = None
