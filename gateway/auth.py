"""Who is calling and what they may: tokens checked against accounts' public keys, a right on every route.

A route takes its caller by `requires("a.right")` or says `public`; one that does neither keeps the gateway from
starting. Verified tokens are remembered until they expire, so a signature is checked once per token, not per request.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, get_args, get_origin

import msgspec
from fastapi import Depends
from fastapi.routing import APIRoute
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from starlette.requests import Request

from gateway.exchanges import Exchange, exchange_of
from gateway.limits import Budget
from gateway.problems import correlation_of
from shared.contracts.actor import RIGHTS, Actor
from shared.errors import Invalid, Unauthenticated, Unavailable

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from gateway.broker import BrokerPort

PUBLIC = "public"
ALGORITHMS = ["Ed25519"]
MAX_REMEMBERED = 10_000
KEYS_LIFE_SECONDS = 300.0
KEYS_REFETCH_SECONDS = 2.0
LEEWAY_SECONDS = 5


class Caller:
    """One authenticated request's caller: its actor and a line to the services that carries the actor along."""

    __slots__ = ("_broker", "_encoded", "actor", "correlation_id", "exchange")

    def __init__(
        self,
        actor: Actor,
        encoded: msgspec.Raw,
        correlation_id: str,
        broker: BrokerPort,
        exchange: Exchange | None = None,
    ) -> None:
        self.actor = actor
        self.correlation_id = correlation_id
        self.exchange = exchange
        self._encoded = encoded
        self._broker = broker

    def concerns(
        self, *, form: str | None = None, unit: str | None = None, period: str | None = None, store: str | None = None
    ) -> None:
        """Say for the message log what the call is about, as the caller names it."""
        if self.exchange is not None:
            self.exchange.concerns(form, unit, period, store)

    async def ask(
        self, service: str, method: str, /, *, timeout_seconds: float | None = None, **arguments: Any
    ) -> msgspec.Raw:
        """Call `service.method` with the actor as first argument; return the result's JSON. Raises HubError."""
        return await self._broker.call(
            service,
            method,
            correlation_id=self.correlation_id,
            timeout_seconds=timeout_seconds,
            actor=self._encoded,
            **arguments,
        )


class Tokens:
    """Verifies access tokens (Ed25519, RFC 9864) and remembers those that held."""

    def __init__(self, broker: BrokerPort, issuer: str, audience: str) -> None:
        self._broker = broker
        self._claims = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            sub={"essential": True},
            exp={"essential": True},
        )
        self._remembered: dict[bytes, tuple[float, Actor, msgspec.Raw]] = {}
        self._keys: KeySet | None = None
        self._fetched_at = -KEYS_LIFE_SECONDS
        self._fetching = asyncio.Lock()

    async def verify(self, token: str, correlation_id: str) -> tuple[Actor, msgspec.Raw]:
        """Return the token's actor, and the same as JSON. Raises Unauthenticated, or Unavailable while the public keys
        cannot be had."""
        fingerprint = hashlib.sha256(token.encode()).digest()
        known = self._remembered.get(fingerprint)
        if known is not None:
            if known[0] > time.time():
                return known[1], known[2]
            del self._remembered[fingerprint]
        claims = self._read(token, await self._keys_for(token, correlation_id))
        try:
            actor = msgspec.convert({**claims, "id": claims["sub"]}, Actor, strict=False)
        except msgspec.ValidationError as error:
            raise _invalid_token(str(error)) from error
        encoded = msgspec.Raw(msgspec.json.encode(actor))
        if len(self._remembered) >= MAX_REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[fingerprint] = (float(claims["exp"]), actor, encoded)
        return actor, encoded

    def _read(self, token: str, keys: KeySet) -> dict[str, Any]:
        try:
            claims = jwt.decode(token, keys, algorithms=ALGORITHMS).claims
            self._claims.validate(claims)
        except (JoseError, ValueError) as error:
            raise _invalid_token(str(error)) from error
        return dict(claims)

    async def _keys_for(self, token: str, correlation_id: str) -> KeySet:
        """Return the public keys, fetched anew when they are old or do not know this token's `kid`."""
        kid = _kid(token)
        if not self._wanting(kid):
            return self._keys or KeySet([])
        async with self._fetching:
            if self._wanting(kid):
                try:
                    raw = await self._broker.call("accounts", "public_keys", correlation_id=correlation_id)
                    self._keys = KeySet.import_key_set(msgspec.json.decode(raw))
                except Unavailable:
                    if self._keys is None:
                        raise
                self._fetched_at = time.monotonic()
        return self._keys or KeySet([])

    def _wanting(self, kid: str) -> bool:
        age = time.monotonic() - self._fetched_at
        if self._keys is None or age > KEYS_LIFE_SECONDS:
            return True
        # An unknown kid may be a fresh key; forged ones must not make us ask accounts for every request.
        return age > KEYS_REFETCH_SECONDS and all(key.kid != kid for key in self._keys.keys)


def _kid(token: str) -> str:
    try:
        return str(jws.extract_compact(token.encode()).headers().get("kid", ""))
    except (JoseError, ValueError) as error:
        raise _invalid_token(str(error)) from error


def _invalid_token(why: str) -> Unauthenticated:
    return Unauthenticated(
        "gateway.token_invalid",
        f"the token does not hold: {why}",
        "Phiên đăng nhập không hợp lệ hoặc đã hết hạn.",
    )


class Door:
    """What `requires` and `limited` stand on: one per application."""

    def __init__(
        self, broker: BrokerPort, tokens: Tokens, calls: Budget, sign_ins: Budget, public_reads: Budget
    ) -> None:
        self.broker = broker
        self.tokens = tokens
        self.calls = calls
        self.sign_ins = sign_ins
        self.public_reads = public_reads

    async def admit(self, request: Request, right: str) -> Caller:
        """Return the caller if its token holds, its budget lasts and it has `right`."""
        # A call that X-Road's door has let in stands for a client of the hub: see gateway/platform.py.
        lent: str | None = request.scope.get("lent_token")
        return await self.admit_token(request, bearer_of(request) if lent is None else lent, right)

    async def admit_token(self, request: Request, token: str, right: str) -> Caller:
        """Return the caller that this token names, as `admit` does. Raises Unauthenticated, TooMany, Forbidden."""
        if not token:
            raise Unauthenticated(
                "gateway.token_missing", "send `Authorization: Bearer <token>`", "Bạn chưa đăng nhập."
            )
        correlation_id = correlation_of(request.scope)
        actor, encoded = await self.tokens.verify(token, correlation_id)
        request.scope["caller_id"] = actor.id
        self.calls.take(actor.id, time.monotonic())
        exchange = exchange_of(request.scope)
        if exchange is not None:
            exchange.actor = actor
        actor.require(right)
        return Caller(actor, encoded, correlation_id, self.broker, exchange)


def bearer_of(request: Request) -> str:
    """Return the token of the Authorization header, empty without one."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def requires(right: str) -> Any:
    """Return the dependency that admits callers holding `right` and gives the route its `Caller`. Raises KeyError for
    a right that does not exist."""
    if right not in RIGHTS:
        raise KeyError(right)

    async def admit(request: Request) -> Caller:
        door: Door = request.app.state.door
        caller = await door.admit(request, right)
        if request.scope["query_string"]:
            _refuse_odd_parameters(request)
        return caller

    admit.right = right  # type: ignore[attr-defined] # read by `right_of` when the application is checked
    return Depends(admit)


def _refuse_odd_parameters(request: Request) -> None:
    # A filter that is misspelt and ignored would answer another question than the one that was asked; of one that is
    # named twice nobody knows which is meant.
    route = request.scope.get("route")
    if not isinstance(route, APIRoute):
        return
    known = {parameter.alias: parameter.field_info.annotation for parameter in route.dependant.query_params}
    unknown = sorted(set(request.query_params) - known.keys())
    if unknown:
        raise Invalid(
            "gateway.unknown_parameter",
            f"unknown query parameters: {', '.join(unknown)}; known: {', '.join(sorted(known)) or 'none'}",
            f"Tham số không hợp lệ: {', '.join(unknown)}.",
        )
    for name, times in Counter(name for name, _ in request.query_params.multi_items()).items():
        if times > 1 and not _takes_several(known[name]):
            raise Invalid(
                "gateway.repeated_parameter",
                f"the query names {name} {times} times",
                f"Tham số {name} chỉ được nêu một lần.",
            )


def _takes_several(annotation: Any) -> bool:
    return get_origin(annotation) is list or any(_takes_several(part) for part in get_args(annotation))


async def _anyone() -> None:
    """Admit everybody."""


async def _any_reader_within_budget(request: Request) -> None:
    """Admit everybody to what is published, a number of times per address."""
    door: Door = request.app.state.door
    door.public_reads.take(request.client.host if request.client else "", time.monotonic())
    _refuse_odd_parameters(request)


async def _anyone_within_budget(request: Request) -> None:
    """Admit everybody, a number of times per address."""
    door: Door = request.app.state.door
    door.sign_ins.take(request.client.host if request.client else "", time.monotonic())


_anyone.right = PUBLIC  # type: ignore[attr-defined] # read by `right_of` when the application is checked
_anyone_within_budget.right = PUBLIC  # type: ignore[attr-defined] # the same
_any_reader_within_budget.right = PUBLIC  # type: ignore[attr-defined] # the same

public = Depends(_anyone)
sign_in = Depends(_anyone_within_budget)
public_read = Depends(_any_reader_within_budget)


def right_of(route: BaseRoute) -> str | None:
    """Return the right that a route names, `public`, or None if it names neither."""
    if not isinstance(route, APIRoute):
        return None
    for dependency in route.dependant.dependencies:
        right: str | None = getattr(dependency.call, "right", None)
        if right is not None:
            return right
    return None


def check_rights(routes: Iterable[BaseRoute]) -> None:
    """Raise RuntimeError naming every route that neither names a right nor says it is public."""
    naked = [str(getattr(route, "path", route)) for route in routes if right_of(route) is None]
    if naked:
        raise RuntimeError(f"routes without a right: {', '.join(naked)}")
