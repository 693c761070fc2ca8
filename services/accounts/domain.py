"""Roles and the rights they carry, what a token says, and how long failed attempts lock. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Literal

from shared.calendar import VIETNAM, local_date
from shared.contracts.actor import RIGHTS
from shared.contracts.views.partners import PartnerPermit
from shared.errors import Forbidden, Invalid

Kind = Literal["person", "client"]

ROLES: dict[str, frozenset[str]] = {
    # Đ10.1: configures, follows processing and reconciliation, assigns accounts; holds no right to decide by itself.
    "quan_tri": frozenset(
        {
            "catalogue.read",
            "catalogue.manage",
            "catalogue.propose",
            "catalogue.review",
            "catalogue.publish",
            "status.read",
            "submissions.read",
            "obligations.manage",
            "observations.load",
            "observations.publish",
            "observations.read",
            "deliveries.read",
            "deliveries.manage",
            "partners.manage",
            "reconciliations.read",
            "reconciliations.run",
            "digests.read",
            "dead_letters.read",
            "dead_letters.replay",
            "messages.read",
            "inbox.read",
        }
    ),
    # Đ10.1: the aggregator follows data and reconciliation, and changes neither; reviews what others propose.
    "tong_hop": frozenset(
        {
            "catalogue.read",
            "catalogue.review",
            "status.read",
            "submissions.read",
            "observations.read",
            "deliveries.read",
            "reconciliations.read",
            "digests.read",
            "messages.read",
            "inbox.read",
        }
    ),
    # Đ4.2e, Đ14.3: an agency's administrator designs thematic and ad hoc regimes of its own with the same means,
    # proposes others, and follows and urges (Đ19) those who report to it.
    "quan_tri_don_vi": frozenset(
        {
            "catalogue.read",
            "catalogue.propose",
            "catalogue.review",
            "catalogue.publish",
            "submissions.read",
            "obligations.manage",
            "observations.read",
            "inbox.read",
        }
    ),
    # Đ10.2a: approves data, follows progress.
    "lanh_dao": frozenset(
        {"catalogue.read", "cases.read", "cases.decide", "submissions.read", "observations.read", "inbox.read"}
    ),
    # Đ10.2b: enters data on the forms in its charge.
    "nhap_lieu": frozenset(
        {
            "catalogue.read",
            "submissions.read",
            "submissions.edit",
            "submissions.submit",
            "cases.read",
            "observations.read",
            "inbox.read",
        }
    ),
}
"""What each role may do. Scopes (units, forms) bound where."""

OPERATIONS = "van-hanh"
"""The partner of the hub's own tools: they are no other system, and nobody permits them."""

FREE_ATTEMPTS = 5
MAX_LOCK = timedelta(minutes=15)
FORGET_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A person or a client as the hub knows it. `login` is the user name or client id; `id` never changes."""

    kind: Kind
    id: str
    login: str
    name: str
    rights: tuple[str, ...]
    units: tuple[str, ...]
    forms: tuple[str, ...]
    agency: str | None
    partner: str | None
    secret_hash: str
    active: bool


def rights_of(roles: Iterable[str]) -> tuple[str, ...]:
    """Return the rights these roles carry together, sorted. Raises Invalid("accounts.unknown_role")."""
    rights: set[str] = set()
    for role in roles:
        if role not in ROLES:
            raise Invalid("accounts.unknown_role", f"there is no role {role}", f"Không có vai trò {role}.")
        rights |= ROLES[role]
    return tuple(sorted(rights))


def check_rights(rights: Iterable[str]) -> None:
    """Raise Invalid("accounts.unknown_right") if one of these is no right of the hub."""
    unknown = sorted(set(rights) - RIGHTS.keys())
    if unknown:
        raise Invalid("accounts.unknown_right", f"there is no right {', '.join(unknown)}", "Quyền không tồn tại.")


def narrowed(rights: tuple[str, ...], scope: str | None) -> tuple[str, ...]:
    """Return the rights asked for by an OAuth scope (names separated by blanks; None or empty asks for all).

    Raises Invalid("accounts.scope_not_granted") if the account does not hold one of them (RFC 6749 §5.2).
    """
    wanted = set((scope or "").split())
    if not wanted:
        return rights
    if not wanted <= set(rights):
        raise Invalid(
            "accounts.scope_not_granted",
            f"the account does not hold {', '.join(sorted(wanted - set(rights)))}",
            "Tài khoản không có quyền được yêu cầu.",
        )
    return tuple(right for right in rights if right in wanted)


def admitted_until(standing: PartnerPermit | None, at: datetime) -> datetime | None:
    """Return when the admission of a partner's systems ends (None: it has no end), judged at `at` by days of Vietnam.

    Raises Forbidden("accounts.partner_unknown", "accounts.partner_suspended", "accounts.partner_not_permitted"): no
    system has a token without the province's permission (Đ14.4).
    """
    if standing is None:
        raise Forbidden(
            "accounts.partner_unknown", "the client's partner is not known", "Hệ thống này chưa được đăng ký kết nối."
        )
    if not standing.active:
        raise Forbidden(
            "accounts.partner_suspended", f"{standing.partner} is suspended", "Kết nối của hệ thống đang bị tạm dừng."
        )
    today = local_date(at)
    ends = standing.valid_to
    if standing.valid_from is None or today < standing.valid_from or (ends is not None and ends <= today):
        raise Forbidden(
            "accounts.partner_not_permitted",
            f"{standing.partner} has no permission that holds today",
            "Hệ thống không có văn bản cho phép kết nối còn hiệu lực.",
        )
    return None if ends is None else datetime.combine(ends, time(), VIETNAM)


def lock_after(failures: int) -> timedelta:
    """Return how long an account is locked after its `failures`-th failure in a row: not at all for the first five,
    then 1 s, 2 s, 4 s … up to 15 minutes. The cap bounds what a stranger can do to someone else's account."""
    if failures <= FREE_ATTEMPTS:
        return timedelta()
    return min(timedelta(seconds=2 ** min(failures - FREE_ATTEMPTS - 1, 20)), MAX_LOCK)


def claims(
    account: Account,
    rights: tuple[str, ...],
    *,
    issuer: str,
    audience: str,
    at: datetime,
    life_seconds: int,
    token_id: str,
    signs: bool = False,
) -> dict[str, object]:
    """Return what the account's token says: who, until when (Unix seconds), which rights, over what, and
    whether what it pushes must be signed."""
    issued = int(at.timestamp())
    return {
        "iss": issuer,
        "aud": audience,
        "sub": account.id,
        "iat": issued,
        "exp": issued + life_seconds,
        "jti": token_id,
        "kind": account.kind,
        "name": account.name,
        "rights": list(rights),
        "units": list(account.units),
        "forms": list(account.forms),
        "agency": account.agency,
        "partner": account.partner,
        "signs": signs,
    }
