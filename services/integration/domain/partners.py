"""What a partner is: by whose permission, over which road, when, within which limits, and what it is due. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from services.integration.domain.mapping import CodeMapping
from shared.calendar import VIETNAM

LEVELS = ("agency", "commune", "district", "province", "government")
"""Levels of approval, lowest first (Đ24.1)."""

ZONE = VIETNAM


@dataclass(frozen=True, slots=True, kw_only=True)
class Signatures:
    """How what a partner pushes is to be signed (XAdES): at all (`required`), and by whom: by `certificates` that are
    pinned, or by the `holder` (a subject as RFC 4514 writes it) of what `authorities` issued; `revocations` are lists
    (CRL) of what they took back. All but the holder name files of the secrets."""

    required: bool = False
    certificates: tuple[str, ...] = ()
    authorities: tuple[str, ...] = ()
    holder: str = ""
    revocations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """The province's leave to be connected (Đ14.4b): the decision it rests on, the agency that answers for it (a unit's
    id), the days it holds, `valid_to` not included, and how what comes from there is to be signed."""

    decision: str
    focal_agency: str
    valid_from: date
    valid_to: date | None = None
    signatures: Signatures | None = None

    def holds(self, day: date) -> bool:
        """Tell whether it holds on this day."""
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """The road to a partner: `plain` (http on the loopback and private networks only, unless a setting says otherwise;
    an https address is spoken TLS to all the same), `tls`, `mutual_tls` or `xroad`.

    `authority`, `certificate` and `private_key` name files of the secrets, never hold them. `xroad` says how the
    security server is asked: see domain/xroad.py.
    """

    kind: str = "plain"
    authority: str = ""
    certificate: str = ""
    private_key: str = ""
    xroad: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """Hours of the day, in Asia/Ho_Chi_Minh, in which a partner is not called; `until` may lie on the next day."""

    start: str
    until: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a partner can bear: calls per second (0: any), calls at once (0: the service's own setting), figures per
    packet (0: any), repeats of failed attempts per hour (0: any), and quiet hours."""

    calls_per_second: float = 0.0
    parallel: int = 0
    batch: int = 0
    repeats_per_hour: int = 0
    quiet: tuple[Quiet, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Timetable:
    """When deliveries leave: `release` (as soon as approved), `schedule` (at the moments of `cron`, five fields in
    Asia/Ho_Chi_Minh; with `working_days` one that falls on a day off moves to the next working day), or `demand`
    (when somebody says so)."""

    when: str = "release"
    cron: str = ""
    working_days: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Partner:
    """Another system that the hub exchanges figures with.

    `max_processing_seconds`: by its own word the partner has applied a packet by then or never will (but for resends);
    only then an unclear delivery is asked about. `min_level`: the lowest level of approval it may be given.
    `comparing` is how its store can be read: `digest` (level by level), `listing` (page by page) or `none`; `deletes`
    tells whether it may be told to drop what it should not hold. `dialect` maps the protocol of a partner that does not
    speak ours (domain/dialects.py), or says that it takes packets of QCVN 125 (domain/packets.py); `source` says how it
    is pulled from (domain/pull_source.py). Empty: it speaks ours, and is not pulled from. A partner of the protocol
    `push` calls the hub and is never called. Not `active`: suspended, for the reason `suspension`; what it is due is
    planned on, and leaves when it is resumed (domain/timetable.py).
    """

    id: str
    name: str
    protocol: str
    endpoint: str = ""
    credential: str = ""
    forms: tuple[str, ...] = ()
    max_processing_seconds: float = 2.0
    min_level: str = "province"
    mapping: CodeMapping = field(default_factory=CodeMapping)
    active: bool = True
    permission: Permission | None = None
    transport: Transport = field(default_factory=Transport)
    limits: Limits = field(default_factory=Limits)
    timetable: Timetable = field(default_factory=Timetable)
    comparing: str = "digest"
    deletes: bool = True
    dialect: Mapping[str, Any] = field(default_factory=dict)
    source: Mapping[str, Any] = field(default_factory=dict)
    suspension: str = ""

    @property
    def refuses_older(self) -> bool:
        """Tell whether this partner never lets an older version of a key replace a newer one: our own protocol asks
        that of it, a dialect says so (`versions`)."""
        return not self.dialect or "packets" in self.dialect or self.dialect.get("versions") is True

    def permitted(self, at: datetime) -> bool:
        """Tell whether anything may pass between this partner and the hub at this moment."""
        return self.active and self.permission is not None and self.permission.holds(at.astimezone(ZONE).date())

    @property
    def signs(self) -> bool:
        """Tell whether only signed packets are taken from this partner."""
        signatures = None if self.permission is None else self.permission.signatures
        return signatures is not None and signatures.required

    def takes(self, form: str, level: str) -> bool:
        """Tell whether this partner is due contents of this form approved at this level."""
        if form not in self.forms or level not in LEVELS:
            return False
        return LEVELS.index(level) >= LEVELS.index(self.min_level)
