"""The accounts service as the gateway sees it: a secret in, a signed token out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import uuid4

from services.accounts import storage
from services.accounts.domain import OPERATIONS, Account, Kind, admitted_until, claims, narrowed
from services.accounts.keys import SigningKeys
from services.accounts.passwords import Passwords
from services.accounts.settings import AccountsSettings
from shared.contracts.actor import Actor
from shared.contracts.views.everyday import TokenView
from shared.contracts.views.partners import PartnerPermit
from shared.entrypoints import Described, Remote, rpc
from shared.errors import NotFound, TooMany, Unauthenticated
from shared.storage import UnitOfWork

MAX_SECRET_LENGTH = 1_000


@lru_cache(maxsize=1)
def process_settings() -> AccountsSettings:
    """Return this process's settings, read once."""
    return AccountsSettings.read()


@lru_cache(maxsize=1)
def process_keys() -> SigningKeys:
    """Return this process's signing keys."""
    return SigningKeys(process_settings().signing_keys)


@lru_cache(maxsize=1)
def process_passwords() -> Passwords:
    """Return this process's hasher."""
    return Passwords()


class AccountsService(Described):
    """Authenticates people and clients and issues their tokens."""

    name = "accounts"
    unit = UnitOfWork()
    remote = Remote("integration")
    settings: Callable[[], AccountsSettings] = staticmethod(process_settings)
    keys: Callable[[], SigningKeys] = staticmethod(process_keys)
    passwords: Callable[[], Passwords] = staticmethod(process_passwords)

    @rpc
    def sign_in(self, username: str, password: str) -> TokenView:
        """Issue a token to a person. The user name's case does not matter.

        Raises Unauthenticated("accounts.wrong_credentials"), TooMany("accounts.locked") after repeated failures.
        """
        return self._issue("person", username.strip().lower(), password, None)

    @rpc
    def authenticate_client(self, client_id: str, secret: str, scope: str | None = None) -> TokenView:
        """Issue a token to a client, for the rights in `scope` (separated by blanks) or all of its own (RFC 6749 §4.4).

        Raises as `sign_in` does, Invalid("accounts.scope_not_granted"), and Forbidden("accounts.partner_unknown",
        "accounts.partner_suspended", "accounts.partner_not_permitted") for a system whose partner may not connect.
        """
        return self._issue("client", client_id, secret, scope)

    @rpc
    def vouch_for(self, client: str, partner: str) -> TokenView:
        """Issue a token to this partner's client that the gateway has recognised otherwise: X-Road's security server
        has named it. Raises NotFound("accounts.no_client") if there is none, it is not active, or it is another's,
        and Forbidden as `authenticate_client` does."""
        with self.unit() as unit:
            account = storage.find(unit.connection, "client", client)
        if account is None or not account.active or account.partner != partner:
            raise NotFound(
                "accounts.no_client", f"{partner} has no client {client}", "Không có tài khoản hệ thống này."
            )
        return self._admit(account, account.rights)

    @rpc
    def public_keys(self) -> dict[str, Any]:
        """Return the public keys of tokens as a JWK set; the newest, last, signs. Public."""
        return self.keys().public()

    def _issue(self, kind: Kind, login: str, secret: str, scope: str | None) -> TokenView:
        with self.unit() as unit:
            until = storage.locked_until(unit.connection, kind, login)
            if until is not None and until > unit.now:
                raise _locked(until, unit.now)
            account = storage.find(unit.connection, kind, login)
        # Checked between two transactions: no connection is held during the 50 ms it takes. Attempts already past the
        # lock when it closes are checked still; there are at most as many as calls the process works on at once.
        kept = account.secret_hash if account is not None and account.active else None
        held = self.passwords().matches(kept, secret[:MAX_SECRET_LENGTH]) and len(secret) <= MAX_SECRET_LENGTH
        if account is None or not held:
            self._refuse(kind, login, account)
            raise Unauthenticated(
                "accounts.wrong_credentials", "unknown account or wrong secret", "Sai tên đăng nhập hoặc mật khẩu."
            )
        return self._admit(account, narrowed(account.rights, scope))

    def _terms(self, account: Account) -> tuple[int, bool]:
        """Return how many seconds the account's token lives, a system's not beyond its partner's permission, and
        whether what it pushes must be signed."""
        life = self.settings().token_life_seconds
        if account.kind != "client" or account.partner in (None, OPERATIONS):
            return life, False
        now = datetime.now(UTC)
        standing = self._standing(account.partner or "")
        ends = admitted_until(standing, now)
        signs = standing is not None and standing.signs
        return life if ends is None else min(life, max(1, int((ends - now).total_seconds()))), signs

    def _standing(self, partner: str) -> PartnerPermit | None:
        """Return what is known of this partner; where nothing is, integration is asked, as its event may be on its way.

        Raises Unavailable if it does not answer.
        """
        with self.unit() as unit:
            known = storage.partner_standing(unit.connection, partner)
        if known is not None:
            return known
        told = self.remote.call("partner_permits", list[PartnerPermit])
        with self.unit() as unit:
            storage.keep_partners(unit.connection, told)
            return storage.partner_standing(unit.connection, partner)

    def _admit(self, account: Account, rights: tuple[str, ...]) -> TokenView:
        settings, (life, signs) = self.settings(), self._terms(account)
        content = claims(
            account,
            rights,
            issuer=settings.issuer,
            audience=settings.audience,
            at=datetime.now(UTC),
            life_seconds=life,
            token_id=uuid4().hex,
            signs=signs,
        )
        token = self.keys().sign(content)
        with self.unit(_actor(account)) as unit:
            storage.forget_failures(unit.connection, account.kind, account.login)
            unit.audit("account.signed_in", account.id, {"kind": account.kind, "jti": content["jti"]})
        return TokenView(
            access_token=token,
            token_type="Bearer",  # noqa: S106 - the name of a token type (RFC 6750), no secret
            expires_in=life,
            scope=" ".join(rights),
        )

    def _refuse(self, kind: Kind, login: str, account: Account | None) -> None:
        with self.unit() as unit:
            failures = storage.record_failure(unit.connection, kind, login, unit.now)
            # An unknown name is not written down: people type passwords into the wrong field.
            subject = account.id if account is not None else "unknown"
            unit.audit("account.refused", subject, {"kind": kind, "failures": failures})


def _actor(account: Account) -> Actor:
    return Actor(id=account.id, kind=account.kind, name=account.name, agency=account.agency, partner=account.partner)


def _locked(until: datetime, now: datetime) -> TooMany:
    seconds = max(1, int((until - now).total_seconds()) + 1)
    return TooMany(
        "accounts.locked",
        f"too many failed attempts; try again in {seconds} s",
        f"Đăng nhập sai quá nhiều lần. Xin thử lại sau {seconds} giây.",
        {"retry_after": seconds},
    )
