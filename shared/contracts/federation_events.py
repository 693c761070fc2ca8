"""Events of integration about partners, deliveries and comparisons; named, like all, in `shared.contracts.events`."""

from __future__ import annotations

from datetime import date, datetime
from typing import ClassVar

import msgspec

from shared.contracts.event import Event


class AnsweredCall(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A call of another system as the gateway answered it: who asked for what by which road, about what, and how that
    ended. `status` is the HTTP status, `code` what a refusal names; unit, form and period are as the caller wrote them.
    Sizes (bytes) and SHA-256 (hexadecimal) are of the whole bodies."""

    id: str
    client_id: str
    partner: str
    road: str
    kind: str
    at: datetime
    correlation_id: str
    endpoint: str
    outcome: str
    microseconds: int
    status: int
    code: str | None = None
    message_id: str | None = None
    form: str | None = None
    unit: str | None = None
    period: str | None = None
    store: str | None = None
    request_bytes: int = 0
    request_sha256: str = ""
    response_bytes: int = 0
    response_sha256: str = ""


class CallsAnswered(Event, frozen=True, kw_only=True):
    """The gateway answered these calls of other systems, each to be kept in the message log. Accepted pushes are not
    among them: `push_accepted` tells of those."""

    event: ClassVar[str] = "calls_answered"
    source: ClassVar[str] = "gateway"
    calls: list[AnsweredCall]


class DeliveryFailed(Event, frozen=True, kw_only=True):
    """A delivery was rejected, used up its attempts, or is in doubt with nobody to ask; a person must look."""

    event: ClassVar[str] = "delivery_failed"
    source: ClassVar[str] = "integration"
    delivery_id: str
    partner: str
    form: str
    unit: str
    agency: str
    period: str
    state: str
    error: str
    attempts: int

    @property
    def subject(self) -> str:
        return self.delivery_id


class ReconciliationFinished(Event, frozen=True, kw_only=True):
    """A comparison with a partner ended: equal, or with this many differences by class. `direction`: receiver (what it
    is to hold) or source (what was received from it)."""

    event: ClassVar[str] = "reconciliation_finished"
    source: ClassVar[str] = "integration"
    reconciliation_id: str
    partner: str
    equal: bool
    differences: dict[str, int]
    direction: str = "receiver"

    @property
    def subject(self) -> str:
        return self.reconciliation_id


class PartnerChanged(Event, frozen=True, kw_only=True):
    """A partner is, from its `version` on, active or suspended, and permitted on these days (Đ14.4b; `valid_to` not
    included, `valid_from` None: not at all), and may have to sign what it pushes (`signs`). Whoever admits its clients
    goes by the newest version it has seen."""

    event: ClassVar[str] = "partner_changed"
    source: ClassVar[str] = "integration"
    partner: str
    version: int
    active: bool
    valid_from: date | None
    valid_to: date | None
    signs: bool = False

    @property
    def subject(self) -> str:
        return f"{self.partner}/{self.version}"


class SecurityServerAnnounced(Event, frozen=True, kw_only=True):
    """A change of a security server was announced (Đ11): from `effective_on` it is at `address`, or stands no more."""

    event: ClassVar[str] = "security_server_announced"
    source: ClassVar[str] = "integration"
    number: int
    server: str
    address: str
    effective_on: date
    retired: bool
    emergency: bool
    reason: str

    @property
    def subject(self) -> str:
        return f"{self.server}/{self.number}"


class NewerKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that a partner holds under a newer version (`theirs`) than `ours`."""

    form: str
    unit: str
    period: str
    ours: int
    theirs: int


class PartnerHoldsNewer(Event, frozen=True, kw_only=True):
    """A reconciliation found that a partner holds figures under a newer version than the hub's, so that it refuses what
    the hub sends: `agency` has to act. Told once for each difference and each time it comes back. `differences` counts
    those it is told of, `keys` names up to 20 keys that are held so."""

    event: ClassVar[str] = "partner_holds_newer"
    source: ClassVar[str] = "integration"
    reconciliation_id: str
    partner: str
    partner_name: str
    agency: str
    differences: int
    keys: list[NewerKey]

    @property
    def subject(self) -> str:
        return f"{self.reconciliation_id}/{self.agency}"


class SourceDiffered(Event, frozen=True, kw_only=True):
    """A comparison found that a source holds other figures than were received from it or approved, and that it is for
    `agency` to act: as the entry desk of figures that it owes (`task_of` entry_desk) or as the agency that answers for
    the source (source). `differences` counts these by class."""

    event: ClassVar[str] = "source_differed"
    source: ClassVar[str] = "integration"
    reconciliation_id: str
    partner: str
    partner_name: str
    agency: str
    task_of: str
    differences: dict[str, int]

    @property
    def subject(self) -> str:
        return f"{self.reconciliation_id}/{self.agency}/{self.task_of}"
