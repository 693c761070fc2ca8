"""Every event and direct message of the hub: what happened, who says so, and its payload.

An event's routing key is its `event` name on the topic exchange `hub.events`; which services take it stands in
`shared.topology`. Values are decimal strings in normal form (`shared.canonical.decimal_text`); None is
"không phát sinh" (nothing occurred), which is neither zero nor missing. Periods are texts such as `2016`, `2016-Q1`.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

import msgspec

from shared.contracts.event import EVERY_SERVICE, Event
from shared.contracts.federation_events import (
    AnsweredCall,
    CallsAnswered,
    DeliveryFailed,
    NewerKey,
    PartnerChanged,
    PartnerHoldsNewer,
    ReconciliationFinished,
    SecurityServerAnnounced,
    SourceDiffered,
)

__all__ = [
    "EVENTS",
    "EVERY_SERVICE",
    "AnsweredCall",
    "CallsAnswered",
    "CatalogueChanged",
    "CatalogueEntry",
    "CommandDone",
    "DeliveryFailed",
    "Event",
    "Figure",
    "FinalisedRequested",
    "NewerKey",
    "ObligationsAnnounced",
    "Observation",
    "ObservationsRecorded",
    "ObservationsRequested",
    "OwedItem",
    "Paper",
    "PartnerChanged",
    "PartnerHoldsNewer",
    "ProposalMoved",
    "PushAccepted",
    "PushCall",
    "Reason",
    "ReconciliationFinished",
    "SecurityServerAnnounced",
    "SourceDiffered",
    "SubmissionApproved",
    "SubmissionFinalised",
    "SubmissionReturned",
    "SubmissionSubmitted",
    "SubmissionWithdrawn",
]


class Figure(msgspec.Struct, frozen=True, omit_defaults=True):
    """One approved figure of a submission: indicator code, value (None: nothing occurred), status of the value, and
    what the reporter calls the row, of a figure in an open list."""

    indicator: str
    value: str | None
    status: str = "official"  # estimate | preliminary | official
    label: str | None = None


class PushCall(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a push came: by which road to which address, and size and SHA-256 (hexadecimal) of the whole request, where
    that is not the push's body itself (a SOAP message, a packet)."""

    road: str
    endpoint: str
    request_bytes: int | None = None
    request_sha256: str | None = None


class PushAccepted(Event, frozen=True, kw_only=True):
    """The gateway accepted a push: durable from here on. `body` is the client's JSON, checked for shape only.

    `accepted_at` decides timeliness and, with `tie_breaker`, which of two pushes for a cell is the newer. `origin` is
    `push`, or `pull` for what integration fetched from a source: client and partner are the source then. `call` tells
    how it came where that was not plain REST.
    """

    event: ClassVar[str] = "push_accepted"
    source: ClassVar[str] = "gateway"
    receipt_id: str
    client_id: str
    partner: str
    fingerprint: str
    accepted_at: datetime
    tie_breaker: str
    units: list[str]
    forms: list[str]
    body: msgspec.Raw
    origin: str = "push"
    call: PushCall | None = None

    @property
    def subject(self) -> str:
        return self.receipt_id


class CatalogueEntry(msgspec.Struct, frozen=True):
    """One catalogue record as others keep it: kind (unit, indicator, form, regime), id, and its body (None: gone)."""

    kind: str
    id: str
    body: dict[str, Any] | None


class CatalogueChanged(Event, frozen=True, kw_only=True):
    """The catalogue moved from `version - 1` to `version`. `entries` is the delta, or None when a reader must
    fetch the snapshot (`indicators.read_catalogue`)."""

    event: ClassVar[str] = "catalogue_changed"
    source: ClassVar[str] = "indicators"
    version: int
    entries: list[CatalogueEntry] | None

    @property
    def subject(self) -> str:
        return f"catalogue/{self.version}"


class _OfSubmission(Event, frozen=True, kw_only=True):
    submission_id: str
    round: int
    content_hash: str
    form: str
    unit: str
    agency: str
    period: str

    @property
    def subject(self) -> str:
        return f"{self.submission_id}/{self.round}"


class Paper(msgspec.Struct, frozen=True):
    """A round that had come on paper while the system could not be reached: when, under which document, who vouches
    for it (another than who submits), and why."""

    received_on: date
    document: str
    vouched_by: str
    reason: str


class SubmissionSubmitted(_OfSubmission, frozen=True, kw_only=True):
    """Round `round` was frozen with `content_hash` and waits for a decision. `level` is the level that an approval
    reaches, `approvers` are the agencies whose leaders decide (empty: the one that owes), `receivers` those that the
    approved submission is sent to (Đ10.1)."""

    event: ClassVar[str] = "submission_submitted"
    source: ClassVar[str] = "submissions"
    submitted_by: str
    authors: list[str]
    submitted_at: datetime
    figure_count: int
    level: str = ""
    approvers: list[str] = msgspec.field(default_factory=list)
    receivers: list[str] = msgspec.field(default_factory=list)
    paper: Paper | None = None


class Reason(msgspec.Struct, frozen=True):
    """Why a submission goes back: for one cell, or for the whole where `indicator` is None (Đ15.4a)."""

    text: str
    indicator: str | None = None


class SubmissionReturned(_OfSubmission, frozen=True, kw_only=True):
    """A leader sent the round back with reasons (Đ15.4a); submissions opens the next round."""

    event: ClassVar[str] = "submission_returned"
    source: ClassVar[str] = "approval"
    reasons: list[Reason]
    decided_by: str
    decided_at: datetime


class SubmissionWithdrawn(_OfSubmission, frozen=True, kw_only=True):
    """Its author took the round back before a decision; submissions opens the next round."""

    event: ClassVar[str] = "submission_withdrawn"
    source: ClassVar[str] = "approval"
    decided_by: str
    decided_at: datetime


class SubmissionApproved(_OfSubmission, frozen=True, kw_only=True):
    """A leader approved exactly this content. `level` is the level of approval reached (agency, commune, district,
    province), `receivers` are the agencies that the form names to be sent it."""

    event: ClassVar[str] = "submission_approved"
    source: ClassVar[str] = "approval"
    level: str
    decided_by: str
    decided_at: datetime
    receivers: list[str] = msgspec.field(default_factory=list)


class SubmissionFinalised(_OfSubmission, frozen=True, kw_only=True):
    """The frozen figures of an approved round, in chunks of at most 5,000. All chunks together are the whole content
    of (form, unit, period): what an earlier round had and this one lacks is withdrawn from the warehouse."""

    event: ClassVar[str] = "submission_finalised"
    source: ClassVar[str] = "submissions"
    level: str
    approved_at: datetime
    index: int
    total: int
    figures: list[Figure]


class FinalisedRequested(Event, frozen=True, kw_only=True):
    """indicators lacks chunks of a finalised round for too long and asks for all of them again."""

    event: ClassVar[str] = "finalised_requested"
    source: ClassVar[str] = "indicators"
    submission_id: str
    round: int

    @property
    def subject(self) -> str:
        return f"{self.submission_id}/{self.round}"


class Observation(msgspec.Struct, frozen=True, omit_defaults=True):
    """One current warehouse value. `value` None: nothing occurred. `withdrawn`: the key no longer has a value."""

    indicator: str
    value: str | None
    status: str = "official"
    derived: bool = False
    withdrawn: bool = False
    label: str | None = None


class ObservationsRecorded(Event, frozen=True, kw_only=True):
    """The warehouse now holds exactly these values for (form, unit, period), as of recorded batch `batch`.

    In chunks of at most 5,000 sharing `batch` and `content_hash` (over all of them). `version` rises with each batch
    of the same (form, unit, period); readers ignore older versions.
    """

    event: ClassVar[str] = "observations_recorded"
    source: ClassVar[str] = "indicators"
    batch: int
    version: int
    form: str
    unit: str
    agency: str
    period: str
    level: str
    submission_id: str
    round: int
    content_hash: str
    index: int
    total: int
    observations: list[Observation]

    @property
    def subject(self) -> str:
        return f"{self.form}/{self.unit}/{self.period}/{self.version}"


class ObservationsRequested(Event, frozen=True, kw_only=True):
    """integration lacks chunks of a recorded batch, or found its ledger behind the warehouse, and asks again."""

    event: ClassVar[str] = "observations_requested"
    source: ClassVar[str] = "integration"
    form: str
    unit: str
    period: str

    @property
    def subject(self) -> str:
        return f"{self.form}/{self.unit}/{self.period}"


class OwedItem(msgspec.Struct, frozen=True):
    """One obligation that an announcement is about; `due_by` is its deadline in force (None: it has none)."""

    submission_id: str
    form: str
    unit: str
    period: str
    due_by: datetime | None


class ObligationsAnnounced(Event, frozen=True, kw_only=True):
    """Somebody extended, waived, restored, opened, closed or urged obligations of one agency (Đ17.4, Đ19), at most 500
    in one event. `until` is the new deadline, or the end of an opening or closing (None: until further notice)."""

    event: ClassVar[str] = "obligations_announced"
    source: ClassVar[str] = "submissions"
    announcement: str
    act: str
    agency: str
    by: str
    at: datetime
    reason: str
    until: datetime | None
    index: int
    obligations: list[OwedItem]

    @property
    def subject(self) -> str:
        return f"{self.announcement}/{self.agency}/{self.index}"


class ProposalMoved(Event, frozen=True, kw_only=True):
    """A proposal of a change of the catalogue moved (Đ14.2): `moved` says how, `by` whom; `text` is the opinion of a
    reviewer, the reason of a return or rejection, or the decision of a publication."""

    event: ClassVar[str] = "proposal_moved"
    source: ClassVar[str] = "indicators"
    proposal_id: str
    title: str
    owner: str | None
    round: int
    moved: str  # submitted | reviewed | returned | published | rejected | withdrawn
    by: str
    agrees: bool | None = None
    text: str = ""

    @property
    def subject(self) -> str:
        return f"{self.proposal_id}/{self.round}/{self.moved}" + (f"/{self.by}" if self.moved == "reviewed" else "")


class CommandDone(Event, frozen=True, kw_only=True):
    """A call by an actor changed something in `service`: `method` with `arguments` by name, begun at `at`. The journal
    that integration keeps has it, so that a service restored from an older copy can be healed; nobody acts upon it."""

    event: ClassVar[str] = "command_done"
    source: ClassVar[str] = EVERY_SERVICE
    service: str
    method: str
    arguments: msgspec.Raw
    at: datetime
    done_at: datetime

    @property
    def subject(self) -> str:
        return f"{self.service}.{self.method}"


EVENTS: tuple[type[Event], ...] = (
    PushAccepted,
    CatalogueChanged,
    SubmissionSubmitted,
    SubmissionReturned,
    SubmissionWithdrawn,
    SubmissionApproved,
    SubmissionFinalised,
    FinalisedRequested,
    ObservationsRecorded,
    ObservationsRequested,
    ObligationsAnnounced,
    ProposalMoved,
    PartnerChanged,
    SecurityServerAnnounced,
    DeliveryFailed,
    ReconciliationFinished,
    SourceDiffered,
    PartnerHoldsNewer,
    CommandDone,
    CallsAnswered,
)
"""All of them; AsyncAPI, the topology and the tests are generated from this tuple."""
