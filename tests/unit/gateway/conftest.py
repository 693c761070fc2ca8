"""A gateway over a recording broker, and tokens signed by a key of this run."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx
import pytest
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import OKPKey

from gateway.app import create_app
from gateway.settings import GatewaySettings
from gateway.testing import RecordingBroker
from shared.contracts.actor import RIGHTS

KEY = OKPKey.generate_key("Ed25519", {"kid": "test-1", "use": "sig"})
SETTINGS = GatewaySettings(
    amqp_url="amqp://127.0.0.1:1/", receipt_key=b"k" * 32, receipt_timeout_seconds=0.2, max_body_bytes=20_000
)


def make_token(rights: list[str] | str | None = None, *, key: OKPKey = KEY, **changes: Any) -> str:
    """Return a token for the client `csdl` with all rights unless told."""
    now = int(time.time())
    claims = {
        "iss": "laichau-hub",
        "aud": "laichau-hub",
        "sub": "client:csdl",
        "iat": now,
        "exp": now + 900,
        "kind": "client",
        "name": "CSDL ngành",
        "rights": list(RIGHTS) if rights is None else rights,
        "units": ["LC"],
        "forms": ["GD-NAM"],
        "agency": None,
        "partner": "nguon-giao-duc",
        **changes,
    }
    return jwt.encode({"alg": "Ed25519", "kid": key.kid}, claims, key, algorithms=["Ed25519"])


class Gateway:
    """The application under test with its broker; `ask` makes one request."""

    def __init__(self, settings: GatewaySettings = SETTINGS, app: FastAPI | None = None) -> None:
        self.broker = RecordingBroker()
        self.broker.answers["accounts.public_keys"] = {"keys": [KEY.as_dict(private=False)]}
        self.app = app or create_app(settings, self.broker)
        self.token = make_token()

    def ask(self, method: str, path: str, *, headers: dict[str, str] | None = None, **options: Any) -> httpx.Response:
        """Make a request with the token."""

        async def go() -> httpx.Response:
            async with self.client() as client:
                return await client.request(method, path, headers=headers, **options)

        return anyio.run(go)

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        """An HTTP client that carries the token."""
        transport = httpx.ASGITransport(self.app)
        bearer = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        async with httpx.AsyncClient(transport=transport, base_url="http://hub", headers=bearer) as client:
            yield client


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    """A gateway with generous budgets."""
    yield Gateway()


@pytest.fixture
def gateway_with() -> Callable[[GatewaySettings], Gateway]:
    """Builder of gateways with other settings."""
    return Gateway
