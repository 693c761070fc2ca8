"""What RPC methods answer and take: frozen dataclasses, so that msgspec carries them and FastAPI documents them.

Values are decimal strings in normal form or None (nothing occurred). Lists are paged: `next` is the cursor for the
following page, None at the end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.contracts.events import CatalogueEntry

# -- indicators ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CataloguePage:
    """One page of the catalogue's snapshot at `version`; pages of different versions must not be mixed."""

    version: int
    entries: list[CatalogueEntry]
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadResult:
    """What loading a catalogue changed."""

    version: int
    added: int
    changed: int
    unchanged: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitView:
    """A unit as it was on the asked date (without one: as it was last). Dates are ISO texts, `valid_to` exclusive,
    None: unknown or open. `codes` are those valid then; `successors` say what it became."""

    id: str
    name: str
    kind: str  # province | district | commune | agency
    type_vi: str
    parent: str | None
    valid_from: str | None
    valid_to: str | None
    codes: list[dict[str, Any]] = field(default_factory=list)
    successors: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitPage:
    """Units in order of id."""

    units: list[UnitView]
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IndicatorView:
    """An indicator: `measure` is its unit of measure, `decimals` to how many places it is shown or computed."""

    id: str
    name: str
    measure: str
    value_type: str  # integer | decimal
    rollup: str
    formula: str | None
    parent: str | None
    breakdown: dict[str, str] | None
    group: str
    lead_agency: str | None
    decimals: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IndicatorPage:
    """Indicators in order of code."""

    indicators: list[IndicatorView]
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FormView:
    """A form: the codes entered and computed, and who owes it (a list of unit and agency, or each unit of a kind)."""

    id: str
    name: str
    regime: str
    period_kind: str
    indicators: list[str]
    derived: list[str]
    required: list[str]
    owed_by: Any
    periods: dict[str, int]
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FormPage:
    """Forms in order of id."""

    forms: list[FormView]
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservationView:
    """One warehouse value with where it comes from. `batch` is the recorded batch, in commit order."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservationPage:
    """Observations in key order."""

    observations: list[ObservationView]
    next: str | None = None


# -- submissions -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureOutcome:
    """What became of one pushed figure. `outcome`: accepted, unchanged, refused, superseded, conflict."""

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
    overwrite a hand entry and waits for a person."""

    indicator: str
    value: str | None
    status: str
    origin: str  # push | hand
    by: str
    at: datetime
    receipt_id: str | None = None
    version: int = 1
    conflict: dict[str, Any] | None = None


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


# -- approval --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseView:
    """One approval case: exactly one round of one submission. `state`: open, approved, returned, withdrawn."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class CasePage:
    """Cases, newest first."""

    cases: list[CaseView]
    next: str | None = None


# -- integration -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerView:
    """A partner and how the hub stands with it."""

    id: str
    name: str
    protocol: str  # soap | rest
    endpoint: str
    deliveries: dict[str, int]
    last_proof_at: datetime | None = None
    last_scrub_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryView:
    """What a partner is due for one (form, unit, period) at one version.

    `state`: planned, sending, acknowledged, rejected, waiting, in_doubt, superseded, dead.
    """

    id: str
    partner: str
    form: str
    unit: str
    period: str
    version: int
    kind: str  # release | repair
    state: str
    attempts: int
    created_at: datetime
    updated_at: datetime
    next_attempt_at: datetime | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptView:
    """One try of a delivery: when, how long (seconds), what came back."""

    number: int
    started_at: datetime
    seconds: float
    outcome: str
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryDetail:
    """A delivery with its history."""

    delivery: DeliveryView
    attempts: list[AttemptView]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryPage:
    """Deliveries, newest first."""

    deliveries: list[DeliveryView]
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceView:
    """One difference. `kind`: missing_there, stale_there, different. `state`: new, repairing, repaired, unrepaired."""

    form: str
    unit: str
    period: str
    indicator: str
    kind: str
    expected: str | None
    found: str | None
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconciliationView:
    """One comparison with a partner. `state`: running, equal, different, repairing, repaired, failed.

    `equal` is proven by digests over `entries` entries; `bytes_compared` and `calls` say what the proof cost;
    `scrub_age_seconds` says how old the last recomputation of our own digests is. `pending` keys differ only because
    their deliveries are under way: they are no differences, but keep `equal` from being true.
    """

    id: str
    partner: str
    state: str
    started_at: datetime
    finished_at: datetime | None = None
    equal: bool | None = None
    entries: int = 0
    buckets: int = 0
    pending: int = 0
    calls: int = 0
    bytes_compared: int = 0
    scrub_age_seconds: float | None = None
    differences: list[DifferenceView] = field(default_factory=list)
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconciliationPage:
    """Reconciliations, newest first."""

    reconciliations: list[ReconciliationView]
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterView:
    """A message that no retry can help, with cause and history. `state`: dead, replayed, discarded."""

    id: str
    queue: str
    event: str
    message_id: str
    correlation_id: str
    subject: str
    error: str
    attempts: int
    died_at: datetime
    state: str
    replays: int = 0
    body: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterPage:
    """Dead letters, newest first, and how many match in all."""

    dead_letters: list[DeadLetterView]
    total: int
    next: str | None = None


# -- notifications, accounts, every service --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxEntry:
    """One notification in a person's inbox, in Vietnamese. `subject` names what it is about, `link` where to look."""

    id: str
    at: datetime
    title: str
    text: str
    subject: str
    link: str
    read: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxPage:
    """Notifications, newest first."""

    entries: list[InboxEntry]
    unread: int
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenView:
    """A signed access token and its life in seconds (RFC 6749 §5.1)."""

    access_token: str
    token_type: str
    expires_in: int
    scope: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStatus:
    """How one service's backbone is doing; the same numbers are metrics."""

    service: str
    outbox_unsent: int
    outbox_oldest_seconds: float
    unsealed_audit: int
    unsealed_oldest_seconds: float
    incomplete_chunk_sets: int
    incomplete_oldest_seconds: float
