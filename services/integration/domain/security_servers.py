"""The registry of security servers (Đ11): what stands on a day, and when an announced change may take effect. Pure.

A change is announced at least three working days ahead and takes effect on its day; only an emergency, with its reason,
does so sooner. Nothing is overwritten: what stands on a day is what was announced last for that day or before.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from shared.calendar import WorkingCalendar
from shared.errors import Invalid

AHEAD_WORKING_DAYS = 3
"""How many working days before its day a change is announced (Đ11)."""

_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityServer:
    """A security server: the unit that owns it, its address, what it is for, the SHA-256 fingerprint of its certificate
    (64 hexadecimal digits), and the days it stands (`valid_to` not included)."""

    id: str
    owner: str
    address: str
    purpose: str
    fingerprint: str
    valid_from: date
    valid_to: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """An announced change, by which the server is as said from `effective_on`; None: it stands no more."""

    number: int
    server: str
    effective_on: date
    becomes: SecurityServer | None


def standing(changes: Iterable[Change], day: date) -> dict[str, SecurityServer]:
    """Return the servers that stand on this day, by id."""
    found: dict[str, SecurityServer] = {}
    for change in sorted(changes, key=lambda change: (change.effective_on, change.number)):
        if change.effective_on > day:
            continue
        if change.becomes is None:
            found.pop(change.server, None)
        else:
            found[change.server] = change.becomes
    return {
        name: server
        for name, server in found.items()
        if server.valid_from <= day and (server.valid_to is None or day < server.valid_to)
    }


def earliest(today: date, calendar: WorkingCalendar) -> date:
    """Return the first day on which a change that is announced today may take effect."""
    return calendar.add_working_days(today, AHEAD_WORKING_DAYS)


def check_announcement(
    today: date, effective_on: date, calendar: WorkingCalendar, *, emergency: bool, reason: str
) -> None:
    """Raise Invalid("integration.announced_late") for a change that comes too soon and is no emergency,
    Invalid("integration.no_reason") for an emergency without a reason, Invalid("integration.effective_before") for a
    day that is over."""
    if effective_on < today:
        raise Invalid(
            "integration.effective_before", f"{effective_on} is over", "Ngày có hiệu lực không được ở trong quá khứ."
        )
    if emergency and not reason.strip():
        raise Invalid("integration.no_reason", "an emergency has its reason", "Thay đổi khẩn cấp phải ghi rõ lý do.")
    first = earliest(today, calendar)
    if effective_on < first and not emergency:
        raise Invalid(
            "integration.announced_late",
            f"announced today, a change takes effect {AHEAD_WORKING_DAYS} working days later: {first} at the earliest",
            f"Thay đổi máy chủ bảo mật phải thông báo trước {AHEAD_WORKING_DAYS} ngày làm việc: sớm nhất từ ngày "
            f"{first:%d/%m/%Y}.",
            {"earliest": first.isoformat()},
        )


def check(server: SecurityServer, units: Iterable[str]) -> None:
    """Raise Invalid("integration.bad_security_server") naming the first field at fault."""
    faults = {
        "id": not _ID.fullmatch(server.id),
        "owner": server.owner not in set(units),
        "address": not server.address.strip(),
        "purpose": not server.purpose.strip(),
        "fingerprint": not _FINGERPRINT.fullmatch(server.fingerprint),
        "valid_to": server.valid_to is not None and server.valid_to <= server.valid_from,
    }
    for place, wrong in faults.items():
        if wrong:
            raise Invalid(
                "integration.bad_security_server",
                f"{server.id}: {place} cannot be {getattr(server, place)!r}",
                f"Khai báo máy chủ bảo mật chưa hợp lệ tại {place}.",
                {"errors": [{"place": place, "code": "integration.bad_security_server", "message": "cannot be"}]},
            )
