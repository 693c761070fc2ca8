"""Receipts, submissions and their figures as callers see them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
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
class CommentView:
    """What somebody said to a warning (`code`) about a figure, or about the whole where `indicator` is None. `about`
    are the figures it explains ("GD01=10"): when they change, the comment no longer counts. `detail` is what the
    warning said (Vietnamese), as the leader reads it beside the comment."""

    code: str
    indicator: str | None
    about: str
    text: str
    by: str
    at: datetime
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingView:
    """One result of validation. `severity`: error blocks submitting, warning does not, but one that `wants_comment`
    must be explained first; `comment` is the explanation that holds for the figures as they are."""

    code: str
    severity: str
    indicator: str | None
    message: str
    detail: str
    wants_comment: bool = False
    comment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureView:
    """One cell of a draft or round: its value and its provenance. `conflict` shows a value that came by another road
    (`origin`), did not overwrite this one and waits for a person. `converted` tells (in Vietnamese) that a hand entry
    just given in another unit of measure was converted, `findings` are those that this figure takes part in; both are
    told to whoever just entered it, rounds and lists leave them out."""

    indicator: str
    value: str | None
    status: str
    origin: str  # push | hand | rollup
    by: str
    at: datetime
    receipt_id: str | None = None
    version: int = 1
    conflict: dict[str, Any] | None = None
    label: str | None = None
    converted: str | None = None
    findings: list[FindingView] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionView:
    """A submission without its figures. `state`: due, draft, submitted, returned, approved, waived.

    `deadline` is the regime's, `extended_to` what was granted instead; `on_time` tells of the current round, `late`
    also of what is owed and past its deadline. `intake`: open, closed, not_open (yet); `opens_at` and `closes_at` are
    its schedule. `received_on` is the day on which the round had come on paper, once confirmed. The
    names are those that unit and agency bore at the period's end."""

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
    unit_name: str | None = None
    agency_name: str | None = None
    late: bool = False
    extended_to: datetime | None = None
    intake: str = "open"
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    received_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionDetail:
    """A submission with the figures of its current (or asked) round, findings, comments on them, and reasons it was
    returned for."""

    submission: SubmissionView
    figures: list[FigureView]
    findings: list[FindingView]
    reasons: list[dict[str, Any]]
    missing: list[str]
    comments: list[CommentView] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingList:
    """What validation finds about a draft. `submittable`: no errors, and no warning left that wants a comment."""

    findings: list[FindingView]
    submittable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedDraft:
    """What a draft would be found to be with the figures that were checked."""

    submission_id: str
    unit: str
    period: str
    findings: list[FindingView]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckView:
    """What a push would come to: each figure that would not simply be taken, and the findings of each draft."""

    counts: dict[str, int]
    outcomes: list[FigureOutcome]
    drafts: list[CheckedDraft]


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionPage:
    """Submissions (obligations included: `state` due) in key order."""

    submissions: list[SubmissionView]
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContributionView:
    """What an approved round of a submission below gives to an indicator. `note` says why a value is not `used`:
    no_weight, did_not_occur, not_additive; without a note another rule took another one (the last approved)."""

    submission_id: str
    unit: str
    period: str
    round: int
    value: str | None
    status: str
    weight: str | None = None
    used: bool = True
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RolledView:
    """What became of an indicator. `rule`: sum, weighted:CODE, last, derived, none. `outcome`: accepted, unchanged,
    conflict (a figure of another origin stands), removed (nobody gives a value any more), not_additive, derived,
    nothing, too_large. `rounded`: the exact mean has more than four places. `contributed` of `expected` submissions
    below gave a value."""

    indicator: str
    rule: str
    outcome: str
    value: str | None
    status: str | None
    rounded: bool
    contributed: int
    expected: int
    contributions: list[ContributionView] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class LowerView:
    """A submission that is owed below. `round` is the approved round that was taken, `approved_round` the one that is
    approved now."""

    submission_id: str
    unit: str
    name: str | None
    period: str
    state: str
    round: int | None
    approved_round: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RollupView:
    """A roll-up into a draft from the form below: what became of each indicator, and of which submissions below
    nothing was taken (`missing`). `covered` of `expected` gave their approved round."""

    submission: SubmissionView
    form: str
    by: str
    at: datetime
    covered: int
    expected: int
    missing: list[LowerView]
    results: list[RolledView]
