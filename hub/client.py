"""A line to the running hub: the gateway's HTTP API, asked as any client does, as the operations account."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from hub.settings import HubSettings

CLIENT_ID = "van-hanh"
FILE_SECONDS = 60.0


class GatewaySilent(Exception):
    """The gateway does not answer, or answers that a part is down; the same question may succeed later."""


class GatewayRefused(Exception):
    """The gateway refused; the message has its reason and the correlation id to look for in the logs, `errors` each
    place where what was sent breaks a rule."""

    def __init__(self, message: str, errors: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(message)
        self.errors = errors


class Gateway:
    """One caller. People and scripts ask rarely: each question gets a connection and a token of its own, so none is
    left open and none can be too old."""

    def __init__(self, url: str, client_id: str, secret: str, transport: httpx.BaseTransport | None = None) -> None:
        self.url = url
        self._transport = transport
        self._grant = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}

    @classmethod
    def as_operator(cls, settings: HubSettings) -> Gateway:
        """Sign in as HUB_CLIENT_ID with HUB_CLIENT_SECRET, or as this installation's operations account.

        Raises GatewayRefused when there is neither.
        """
        client_id = os.environ.get("HUB_CLIENT_ID", CLIENT_ID)
        secret = os.environ.get("HUB_CLIENT_SECRET") or _kept_secret(settings, client_id)
        return cls(settings.gateway_url, client_id, secret)

    def ask(self, method: str, path: str, **options: Any) -> Any:
        """Return the JSON answer. Raises GatewaySilent (try later) or GatewayRefused (asking again cannot help)."""
        answer = self._as_caller(method, path, **options)
        return answer.json() if answer.content else None

    def fetch(self, path: str, query: Mapping[str, str]) -> bytes:
        """Return a file as its bytes. Raises what `ask` does."""
        return self._as_caller("GET", path, params=query, timeout=FILE_SECONDS).content

    def _as_caller(self, method: str, path: str, **options: Any) -> httpx.Response:
        token = self._checked("POST", "/oauth2/token", data=self._grant).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}", **options.pop("headers", {})}
        return self._checked(method, path, headers=headers, **options)

    def save(self, path: str, file: Path, **options: Any) -> int:
        """Write the answer to this file as it comes, and return its bytes. Raises what `ask` does; a file that was not
        finished is not left behind."""
        token = self._checked("POST", "/oauth2/token", data=self._grant).json()["access_token"]
        part = file.with_name(f"{file.name}.part")
        try:
            with (
                httpx.Client(base_url=self.url, timeout=120, transport=self._transport) as http,
                http.stream("GET", path, headers={"Authorization": f"Bearer {token}"}, **options) as answer,
                part.open("wb") as out,
            ):
                if answer.is_error:
                    answer.read()
                    raise GatewayRefused(_reason(answer), _errors(answer))
                for piece in answer.iter_bytes():
                    out.write(piece)
        except httpx.TransportError as error:
            part.unlink(missing_ok=True)
            raise GatewaySilent(f"{self.url} broke off: {error}") from error
        except GatewayRefused:
            part.unlink(missing_ok=True)
            raise
        part.replace(file)
        return file.stat().st_size

    def _checked(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            with httpx.Client(base_url=self.url, timeout=15, transport=self._transport) as http:
                answer = http.request(method, path, **options)
        except httpx.TransportError as error:
            raise GatewaySilent(f"{self.url} does not answer: {error}") from error
        if answer.status_code in (502, 503, 504):
            raise GatewaySilent(_reason(answer))
        if answer.is_error:
            raise GatewayRefused(_reason(answer), _errors(answer))
        return answer


def _reason(answer: httpx.Response) -> str:
    try:
        problem = answer.json()
    except ValueError:
        return f"HTTP {answer.status_code}: {answer.text[:200]}"
    code = problem.get("code") or problem.get("error") or answer.status_code
    text = problem.get("detail") or problem.get("error_description") or problem.get("title") or ""
    trace = problem.get("correlation_id")
    return f"{code}: {text}" + (f" (correlation id {trace})" if trace else "")


def _errors(answer: httpx.Response) -> list[dict[str, Any]]:
    try:
        errors = answer.json().get("errors")
    except (ValueError, AttributeError):
        return []
    return [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []


def _kept_secret(settings: HubSettings, client_id: str) -> str:
    path = settings.secrets / "demo_accounts.json"
    try:
        return str(json.loads(path.read_text())["clients"][client_id])
    except (OSError, KeyError) as error:
        raise GatewayRefused(
            f"no credentials: set HUB_CLIENT_ID and HUB_CLIENT_SECRET, or start the hub here ({error})"
        ) from error
