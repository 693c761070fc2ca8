"""What a source holds against what was received from it, as callers and services see it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedView:
    """One cell of a draft or approved submission in which a source may have a part. `sent`: the clients that were asked
    about pushed its value; `removed`: a person emptied it; `waiting`: these clients' value is kept beside it as a
    conflict (`waiting_value`, `waiting_status`). `accepted_at` is when the newest push for it was accepted."""

    form: str
    unit: str
    period: str
    indicator: str
    value: str | None
    status: str
    origin: str  # push | hand | rollup
    sent: bool
    removed: bool
    accepted_at: datetime | None
    waiting: bool
    waiting_value: str | None
    waiting_status: str
    submission_id: str
    state: str
    agency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedPage:
    """Cells in order of form, unit, period, indicator."""

    cells: list[ReceivedView]
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedDigest:
    """The digest of one group of what a source holds, in its codes; 64 hexadecimal digits. What lies above the level is
    None."""

    count: int
    digest: str
    period: str | None = None
    form: str | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedValue:
    """One value that a source holds, in its codes, and when it last changed it, if it says so."""

    indicator: str
    value: str | None
    status: str = "official"
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceGroup:
    """A group (a level's) in which the source's digest is not that of what was received from it; in the source's
    codes. What lies above the level is None."""

    period: str | None
    form: str | None
    unit: str | None
    received: int
    stated: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceDifference:
    """One figure that differs, in the hub's codes: what the hub received or approved, what the source holds, and what
    is to be done about it (Vietnamese)."""

    kind: str
    form: str
    unit: str
    period: str
    indicator: str
    received: str | None
    stated: str | None
    owner: str
    todo: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceComparisonView:
    """How comparing what a source holds with what was received from it stands.

    `state`: reading (the hub sums up what it received; ask again in a moment), digests (post the digests of `level`
    below the groups in `differing`), values (post the values of the groups in `differing`), comparing (ask again), or
    how it ended: equal, different, failed. `pending` groups were received and wait for an approval.
    """

    id: str
    state: str
    level: str | None = None
    differing: list[SourceGroup] = field(default_factory=list)
    more: int = 0
    equal: bool | None = None
    entries: int = 0
    pending: int = 0
    differences: list[SourceDifference] = field(default_factory=list)
    omitted: int = 0
    error: str | None = None
