"""What the story plays on: a running hub's door, its people and systems, the far sides, and the supervisor.

Everything is done as an outsider would: over the gateway's HTTP API and the far sides' control routes. Only killing a
process goes through the supervisor.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx
from rich.console import Console

T = TypeVar("T")


class StepFailed(Exception):
    """A step of the story did not come out as it must; the message says what was expected and what was found."""


@dataclass(slots=True)
class Caller:
    """One person or system at the gateway, signed in; the token is renewed when it runs out."""

    http: httpx.Client
    grant: dict[str, str]
    token: str = ""

    def ask(self, method: str, path: str, *, expect: int | tuple[int, ...] = 200, **options: Any) -> Any:
        """Call the gateway and return the JSON answer. Raises StepFailed when the status is not as expected."""
        if not self.token:
            self._sign_in()
        answer = self._call(method, path, options)
        if answer.status_code == 401:
            self._sign_in()
            answer = self._call(method, path, options)
        expected = (expect,) if isinstance(expect, int) else expect
        if answer.status_code not in expected:
            raise StepFailed(f"{method} {path} answered {answer.status_code}, not {expect}: {answer.text[:600]}")
        return answer.json() if answer.content else None

    def _call(self, method: str, path: str, options: dict[str, Any]) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        answer = self.http.request(method, path, headers=headers, **options)
        options["headers"] = {key: value for key, value in headers.items() if key != "Authorization"}
        return answer

    def _sign_in(self) -> None:
        answer = self.http.post("/oauth2/token", data=self.grant)
        if answer.status_code != 200:
            raise StepFailed(f"signing in failed with {answer.status_code}: {answer.text[:300]}")
        self.token = answer.json()["access_token"]


@dataclass(slots=True)
class Stage:
    """A running hub. `accounts` maps people's names and clients' ids to their secrets; `far_sides` partner ids to
    addresses; `kill` sends SIGKILL to a process by its supervisor name; `verify_audit` checks every service's chain and
    returns a line for each."""

    gateway: str
    people: dict[str, str]
    clients: dict[str, str]
    far_sides: dict[str, str]
    kill: Callable[[str], None]
    verify_audit: Callable[[], list[str]]
    console: Console = field(default_factory=Console)
    http: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.http = httpx.Client(base_url=self.gateway, timeout=15)

    def person(self, username: str) -> Caller:
        """Return a person's line to the gateway."""
        return Caller(self.http, {"grant_type": "password", "username": username, "password": self.people[username]})

    def client(self, client_id: str) -> Caller:
        """Return a system's line to the gateway."""
        secret = self.clients[client_id]
        return Caller(self.http, {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret})

    def far(self, partner: str, method: str, path: str, **options: Any) -> Any:
        """Call a far side's control route."""
        answer = httpx.request(method, self.far_sides[partner] + path, timeout=10, **options)
        answer.raise_for_status()
        return answer.json()

    def say(self, text: str) -> None:
        """Print one line of the running step."""
        self.console.print(f"    {text}", soft_wrap=True)


def eventually(what: str, question: Callable[[], T | None], seconds: float = 30.0) -> T:
    """Ask until the answer is truthy and return it. Raises StepFailed naming `what` after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > end:
            raise StepFailed(f"{what} did not come about within {seconds:.0f} s")
        time.sleep(0.1)


def must(what: str, found: Any, expected: Any) -> None:
    """Raise StepFailed, naming `what`, unless this was found."""
    if found != expected:
        raise StepFailed(f"{what}: expected {expected!r}, found {found!r}")
