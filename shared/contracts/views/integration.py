"""Partners, deliveries, reconciliations and dead letters as callers see them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerStanding:
    """How much is asked of a partner now. `circuit`: closed, open (it failed `failures` times in a row, lastly with
    `story`, and is left alone), half_open (one call probes). `hold` says what keeps deliveries waiting, and `until`
    until when: breaker, pause (it asked for one), budget (the hour's repeats are used up; what is new goes out).
    `repeats_left` this hour; None: any number."""

    circuit: str = "closed"
    failures: int = 0
    story: str | None = None
    hold: str | None = None
    until: datetime | None = None
    repeats_left: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerView:
    """A partner and how the hub stands with it: whether anything may pass today, until which day its permission holds,
    and in Vietnamese why it is not called now (`held`: permission, suspension, quiet hours); deliveries by state, the
    age of the oldest that is not settled, differences neither repaired nor accepted by class. `for_a_person`:
    deliveries and differences that nothing but a person takes further. `suspended`: a person has switched the
    connection off, so that what waits is late for nobody."""

    id: str
    name: str
    protocol: str  # soap | rest
    endpoint: str
    deliveries: dict[str, int]
    last_proof_at: datetime | None = None
    last_scrub_at: datetime | None = None
    standing: PartnerStanding = field(default_factory=PartnerStanding)
    permitted: bool = True
    suspended: bool = False
    held: str | None = None
    permitted_to: date | None = None
    oldest_open_seconds: float = 0.0
    open_differences: dict[str, int] = field(default_factory=dict)
    for_a_person: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryView:
    """What a partner is due for one (form, unit, period) at one version.

    `state`: planned, sending, acknowledged, rejected, waiting, in_doubt, superseded, dead. `next_attempt_at` minds the
    partner's timetable, permission and quiet hours; `held` says in Vietnamese why it does not leave although it is due.
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
    held: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptView:
    """One try of a delivery: when, how long (seconds), what came back, and its entries in the message log by id."""

    number: int
    started_at: datetime
    seconds: float
    outcome: str
    error: str | None = None
    messages: list[str] = field(default_factory=list)


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
    """One difference, as one comparison found it. `kind`: see `KnownDifferenceView`. `state`: new, accepted, task (its
    owner has to act), repairing, repaired, unrepaired."""

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
    """One comparison. `state`: running, equal, different, repairing, repaired, failed, incomparable (the partner cannot
    be read; then `equal` is null).

    `method`: groups, keys (digests, below keys or not), listing. `equal` is proven over `entries` entries;
    `bytes_compared` (queries and bodies, without headers and compression) and `calls` say what the proof cost;
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
    direction: str = "receiver"  # receiver | warehouse | source
    method: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconciliationPage:
    """Reconciliations, newest first."""

    reconciliations: list[ReconciliationView]
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterEvent:
    """What happened to a dead letter. `what`: died, replayed, discarded; `reason` is the error it died of or why it was
    discarded, `job` the one that did it."""

    at: datetime
    what: str
    by: str | None = None
    reason: str | None = None
    attempts: int | None = None
    job: str | None = None


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
    history: list[DeadLetterEvent] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterPage:
    """Dead letters, newest first, and how many match in all."""

    dead_letters: list[DeadLetterView]
    total: int
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterJobView:
    """A replay or discarding of many dead letters. `action`: replay, discard; `state`: running, finished, stopped.

    Of the letters that `matched` when it began, `done` were replayed or discarded, `skipped` were settled by someone
    else meanwhile, `left` are still to come (or stay, if it was stopped); `died_again` of the replayed are dead again.
    """

    id: str
    action: str
    state: str
    filter: dict[str, str]
    reason: str | None = None
    requested_by: str
    rate: int
    started_at: datetime
    finished_at: datetime | None = None
    stopped_by: str | None = None
    matched: int = 0
    done: int = 0
    skipped: int = 0
    left: int = 0
    died_again: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterJobPage:
    """Jobs over dead letters, newest first."""

    jobs: list[DeadLetterJobView]
    next: str | None = None
