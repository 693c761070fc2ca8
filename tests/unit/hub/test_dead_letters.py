"""`hub dead-letters replay` over many: a look first, one order however often it is said, and a way to stop."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from hub.client import Gateway
from hub.commands import dead_letters
from hub.main import app

runner = CliRunner()
JOB = {"id": "7", "action": "replay", "matched": 3, "skipped": 0, "died_again": 0}
LETTER = {"id": "1", "queue": "a.b", "subject": "s", "died_at": "x", "attempts": 1, "replays": 0, "error": "no"}


class Hub:
    """Answers as the gateway does; a job ends after so many looks, or when it is stopped."""

    def __init__(self, matching: int, looks: int = 1) -> None:
        self.matching, self.looks = matching, looks
        self.asked: list[httpx.Request] = []
        self.state = "running"

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path == "/oauth2/token":
            return httpx.Response(200, json={"access_token": "t"})
        self.asked.append(request)
        if path == "/v1/dead-letters":
            return httpx.Response(200, json={"dead_letters": [LETTER], "total": self.matching, "next": None})
        if path.endswith("/stop"):
            self.state = "stopped"
        elif path.endswith("/jobs/7"):
            self.looks -= 1
            self.state = "finished" if self.looks <= 0 else "running"
        done = 0 if self.state == "running" else 3
        return httpx.Response(200, json={**JOB, "state": self.state, "done": done, "left": 3 - done})

    def said(self) -> list[str]:
        return [f"{request.method} {request.url.path}" for request in self.asked]


Start = Callable[..., Hub]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Start:
    def start(**given: Any) -> Hub:
        made = Hub(**given)
        gateway = Gateway("http://hub", "c", "s", httpx.MockTransport(made))
        monkeypatch.setattr(dead_letters, "_operator", lambda: gateway)
        monkeypatch.setattr(dead_letters.time, "sleep", lambda _: None)
        return made

    return start


def test_a_dry_run_counts_and_does_nothing(hub: Start) -> None:
    asked = hub(matching=3)
    result = runner.invoke(app, ["dead-letters", "replay", "--queue", "a.b", "--error", "no", "--dry-run"])
    assert result.exit_code == 0 and "Dead letters (3)" in result.output
    assert asked.said() == ["GET /v1/dead-letters"]
    assert dict(asked.asked[0].url.params) == {"queue": "a.b", "error": "no", "state": "dead", "limit": "5"}


def test_the_order_names_how_many_were_seen_and_is_followed_to_its_end(hub: Start) -> None:
    asked = hub(matching=3, looks=2)
    result = runner.invoke(app, ["dead-letters", "replay", "--queue", "a.b", "--rate", "9"], input="y\n")
    assert result.exit_code == 0 and "of 3: 3 done" in result.output
    order = asked.asked[1]
    assert json.loads(order.content) == {"queue": "a.b", "rate": 9, "expected": 3}
    assert len(order.headers["Idempotency-Key"]) == 32
    assert asked.said()[1:] == ["POST /v1/dead-letters/replays", *["GET /v1/dead-letters/jobs/7"] * 2]


def test_who_does_not_say_yes_orders_nothing(hub: Start) -> None:
    asked = hub(matching=3)
    assert runner.invoke(app, ["dead-letters", "discard", "--reason", "r", "--queue", "q"], input="n\n").exit_code == 1
    assert asked.said() == ["GET /v1/dead-letters"]


def test_ctrl_c_asks_whether_to_stop(hub: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = hub(matching=3, looks=99)

    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(dead_letters.time, "sleep", interrupted)
    result = runner.invoke(app, ["dead-letters", "replay", "--yes"], input="y\n")
    assert result.exit_code == 1 and "stopped" in result.output
    assert asked.said()[-1] == "POST /v1/dead-letters/jobs/7/stop"
