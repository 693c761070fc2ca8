"""A gateway that is told to end, while callers keep connections and another gateway shares its socket."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import httpx
import pytest

from shared.testing.processes import eventually

ROOT = Path(__file__).parents[2]
ENDED = -signal.SIGTERM
"""uvicorn ends in order and then by the signal that it was sent."""


@pytest.fixture
def door() -> Iterator[socket.socket]:
    """A listening socket, as a supervisor holds it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@pytest.fixture
def start(door: socket.socket, tmp_path: Path, amqp_url: str) -> Iterator[Start]:
    """Starts gateways on the one socket."""
    (tmp_path / "receipt_key").write_text("0123456789abcdef0123456789abcdef")
    started = Start(door, {"HUB_AMQP_URL": amqp_url, "HUB_SECRETS_DIR": str(tmp_path)})
    yield started
    for process in started.running:
        process.kill()
        process.wait()


class Start:
    """Starts a gateway on the socket and waits until it is ready."""

    def __init__(self, door: socket.socket, environment: dict[str, str]) -> None:
        self.door = door
        self.environment = environment
        self.running: list[subprocess.Popen[bytes]] = []

    def __call__(self) -> tuple[subprocess.Popen[bytes], int]:
        """Return the process and the port of its own health."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway"],
            cwd=ROOT,
            env={**os.environ, **self.environment, "HUB_GATEWAY_FD": "0", "HUB_METRICS_PORT": str(port)},
            stdin=self.door.fileno(),
            stdout=subprocess.DEVNULL,
        )
        self.running.append(process)
        eventually(lambda: health(port) == 200, timeout_seconds=60, what="the gateway's readiness")
        return process, port


def health(port: int) -> int:
    """Return the status of the process's own readiness, 0 where nobody answers."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health/ready").status_code
    except httpx.TransportError:
        return 0


def ask(connection: HTTPConnection) -> tuple[int, str | None]:
    """Ask for a page over a connection that is kept; return status and Connection header."""
    connection.request("GET", "/health/live")
    answer = connection.getresponse()
    answer.read()
    return answer.status, answer.getheader("Connection")


def test_a_kept_connection_is_closed_with_its_next_answer_and_the_next_gateway_takes_over(start: Start) -> None:
    address = start.door.getsockname()
    old, health_port = start()
    kept = HTTPConnection(*address, timeout=10)
    assert ask(kept) == (200, None)
    new, _ = start()
    old.send_signal(signal.SIGTERM)
    eventually(lambda: health(health_port) == 503, what="readiness gone")
    assert old.poll() is None, "it waits for the connection that is kept"
    assert ask(kept) == (200, "close")
    for _ in range(20):
        fresh = HTTPConnection(*address, timeout=10)
        assert ask(fresh) == (200, None)
        fresh.close()
    assert old.wait(10) == ENDED
    assert new.poll() is None


def test_connections_wait_in_the_socket_while_no_gateway_runs(start: Start) -> None:
    old, _ = start()
    old.send_signal(signal.SIGTERM)
    assert old.wait(10) == ENDED
    waiting = HTTPConnection(*start.door.getsockname(), timeout=30)
    waiting.connect()
    start()
    assert ask(waiting) == (200, None)
    waiting.close()


def test_it_does_not_wait_longer_than_told_for_an_idle_connection(start: Start) -> None:
    start.environment["HUB_GATEWAY_DRAIN_SECONDS"] = "0.5"
    old, _ = start()
    kept = HTTPConnection(*start.door.getsockname(), timeout=10)
    assert ask(kept)[0] == 200
    old.send_signal(signal.SIGTERM)
    assert old.wait(10) == ENDED
    kept.close()
