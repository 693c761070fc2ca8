"""The gateway as a process: real HTTP, real broker, real accounts; from secret to queue."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pika
import pytest

from shared.testing.processes import eventually
from shared.topology import queue_name
from tests.conftest import Databases, Services

ROOT = Path(__file__).parents[2]
BODY = {"form": "GD-NAM", "unit": "LC", "period": "2016", "figures": [{"indicator": "GD06", "value": 2514}]}


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    """The folder of this run's secrets."""
    (tmp_path / "receipt_key").write_text("0123456789abcdef0123456789abcdef")
    return tmp_path


@pytest.fixture
def environment(secrets: Path, database: Databases, amqp_url: str) -> dict[str, str]:
    """The environment of the gateway and of accounts."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return {
        "HUB_AMQP_URL": amqp_url,
        "HUB_SECRETS_DIR": str(secrets),
        "HUB_GATEWAY_PORT": str(port),
        "HUB_POSTGRES_URL": database.server_url,
        "HUB_DATABASE_PREFIX": database.prefix,
        "HUB_PROCESS_NAME": "gateway",
    }


def start(environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start the gateway and wait until it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway"], cwd=ROOT, env={**os.environ, **environment}, stdout=subprocess.DEVNULL
    )

    def ready() -> bool:
        assert process.poll() is None
        try:
            return httpx.get(f"{url(environment)}/health/ready").status_code == 200
        except httpx.TransportError:
            return False

    try:
        eventually(ready, timeout_seconds=60, what="the gateway's readiness")
    except AssertionError:
        process.kill()
        process.wait()
        raise
    return process


def url(environment: dict[str, str]) -> str:
    """The gateway's address."""
    return f"http://127.0.0.1:{environment['HUB_GATEWAY_PORT']}"


@pytest.fixture
def gateway(environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A running gateway."""
    process = start(environment)
    yield process
    if process.poll() is None:
        process.kill()
        process.wait()


def token_for(client: str, environment: dict[str, str]) -> str:
    """Ask a token for a client of the demo."""
    accounts = json.loads(Path(environment["HUB_SECRETS_DIR"], "demo_accounts.json").read_text())
    answer = httpx.post(
        f"{url(environment)}/oauth2/token",
        data={"grant_type": "client_credentials"},
        auth=(client, accounts["clients"][client]),
    )
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


def start_accounts(environment: dict[str, str], database: Databases, run_service: Services) -> None:
    """Start accounts, and integration, which says whose systems may have a token; with what the demo has of both."""
    for service in ("accounts", "integration"):
        database(service)
        step = [sys.executable, "-m", f"services.{service}.bootstrap"]
        subprocess.run(step, cwd=ROOT, env={**os.environ, **environment}, check=True)
    started = [
        run_service(service, roles, HUB_SECRETS_DIR=environment["HUB_SECRETS_DIR"], wait=False)
        for service, roles in (("accounts", "rpc,worker"), ("integration", "rpc"))
    ]
    for process in started:
        process.await_log("process.ready")


def test_a_suspended_partners_system_gets_no_token_until_it_is_resumed(
    gateway: subprocess.Popen[bytes], environment: dict[str, str], database: Databases, run_service: Services
) -> None:
    start_accounts(environment, database, run_service)
    run_service("relay", "", "--services", "integration", wait=False)
    accounts = json.loads(Path(environment["HUB_SECRETS_DIR"], "demo_accounts.json").read_text())["clients"]
    operator = {"Authorization": f"Bearer {token_for('van-hanh', environment)}"}
    assert token_for("csdl-giao-duc", environment)

    def asked() -> httpx.Response:
        grant = {"grant_type": "client_credentials"}
        known = ("csdl-giao-duc", accounts["csdl-giao-duc"])
        return httpx.post(f"{url(environment)}/oauth2/token", data=grant, auth=known, timeout=20)

    def act(name: str) -> dict[str, Any]:
        path = f"{url(environment)}/v1/partners/nguon-giao-duc/{name}"
        answer = httpx.post(path, json={"reason": "thử"}, headers=operator, timeout=20)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    assert act("suspend")["held"] == "suspended"
    eventually(lambda: asked().status_code == 400, what="no token")
    assert asked().json()["error"] == "unauthorized_client" and "partner_suspended" in asked().text
    assert act("resume")["held"] is None
    eventually(lambda: asked().status_code == 200, what="a token again")


def test_a_push_passes_from_secret_to_queue_and_its_receipt_survives_a_kill(
    gateway: subprocess.Popen[bytes],
    environment: dict[str, str],
    database: Databases,
    run_service: Services,
    amqp_url: str,
) -> None:
    start_accounts(environment, database, run_service)
    headers = {
        "Authorization": f"Bearer {token_for('csdl-giao-duc', environment)}",
        "Idempotency-Key": "gd-1",
        "X-Correlation-Id": "story-1",
    }
    first = httpx.post(f"{url(environment)}/v1/data", json=BODY, headers=headers, timeout=20)
    assert first.status_code == 202, first.text
    assert first.headers["x-correlation-id"] == "story-1"

    gateway.kill()
    gateway.wait()
    again = start(environment)
    second = httpx.post(f"{url(environment)}/v1/data", json=BODY, headers=headers, timeout=20)
    assert second.json()["receipt_id"] == first.json()["receipt_id"]
    again.send_signal(signal.SIGTERM)
    assert again.wait(20) in {0, -signal.SIGTERM}  # uvicorn ends itself by the signal after an orderly shutdown

    with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
        channel = connection.channel()
        for _ in range(2):
            _, properties, body = channel.basic_get(queue_name("submissions", "push_accepted"), auto_ack=True)
            assert properties is not None
            assert body is not None
            assert (properties.headers or {})["correlation_id"] == "story-1"
            assert json.loads(body)["receipt_id"] == first.json()["receipt_id"]


def test_without_its_key_the_gateway_says_so_and_does_not_start(tmp_path: Path, amqp_url: str) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "gateway"],
        cwd=ROOT,
        env={**os.environ, "HUB_SECRETS_DIR": str(tmp_path), "HUB_AMQP_URL": amqp_url},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 1
    assert "receipt key" in result.stderr
