"""Security servers (Đ11) as callers see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityServerView:
    """A security server as it stands on a day: its owner (a unit), address, purpose, the SHA-256 fingerprint of its
    certificate, and the days it stands (`valid_to` not included)."""

    id: str
    owner: str
    address: str
    purpose: str
    fingerprint: str
    valid_from: date
    valid_to: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityServerChange:
    """An announced change: from `effective_on` the server is `becomes` (None: it stands no more)."""

    number: int
    server: str
    effective_on: date
    becomes: SecurityServerView | None
    announced_at: datetime
    announced_by: str
    emergency: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityServers:
    """The servers that stand on a day, the changes announced for later days, and the first day for which a change may
    be announced today."""

    on: date
    standing: list[SecurityServerView]
    announced: list[SecurityServerChange]
    earliest: date
