"""A whole hub: a month's way from a commune to the province, and requests that a stranger makes up from its OpenAPI
document alone."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from hub.demo.stage import Stage
from hub.demo.story import roll_up_a_month
from hub.ground.installation import Installation
from hub.settings import HubSettings

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "ignored_auth",
)


def _free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports


@pytest.fixture(scope="module")
def hub(postgres_url: str, amqp_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubSettings]:
    """A running hub with Lai Châu's catalogue."""
    gateway, national, ministry, metrics = _free_ports(4)
    var = tmp_path_factory.mktemp("hub")
    settings = HubSettings(
        var=var,
        secrets=var / "secrets",
        postgres_url=postgres_url,
        amqp_url=amqp_url,
        database_prefix=f"t_{uuid.uuid4().hex[:8]}_",
        gateway_url=f"http://127.0.0.1:{gateway}",
        gateway_port=gateway,
        national_port=national,
        ministry_port=ministry,
        metrics_port=metrics,
    )
    installation = Installation(settings, lambda line: None)
    try:
        installation.up()
        yield settings
    finally:
        installation.clean()


def test_a_communes_month_rolls_up_into_the_departments_draft(hub: HubSettings) -> None:
    accounts = json.loads((hub.secrets / "demo_accounts.json").read_text())
    stage = Stage(hub.gateway_url, accounts["people"], accounts["clients"], {}, kill=lambda _: None, verify_audit=list)
    with stage.http:
        roll_up_a_month(stage)


# The administrator may do most, so its requests go deepest; the others show what their rights open and what they close.
THOROUGH = ("--phases", "examples,coverage,fuzzing", "--max-examples", "5")
BRIEF = ("--phases", "examples,fuzzing", "--max-examples", "3")


@pytest.mark.parametrize("who", ["quantri", "sgddt.nhaplieu", "sgddt.lanhdao", "tai-thu", "van-hanh"])
def test_whatever_the_document_allows_is_answered_as_it_says(who: str, hub: HubSettings, tmp_path: Path) -> None:
    accounts = json.loads((hub.secrets / "demo_accounts.json").read_text())
    if who in accounts["people"]:
        grant = {"grant_type": "password", "username": who, "password": accounts["people"][who]}
    else:
        grant = {"grant_type": "client_credentials", "client_id": who, "client_secret": accounts["clients"][who]}
    token = httpx.post(f"{hub.gateway_url}/oauth2/token", data=grant, timeout=20).json()["access_token"]
    run = subprocess.run(
        [
            *(str(Path(sys.executable).with_name("schemathesis")), "run", f"{hub.gateway_url}/openapi.json"),
            *("-H", f"Authorization: Bearer {token}", "--checks", ",".join(CHECKS)),
            *(THOROUGH if who == "quantri" else BRIEF),
            *("--generation-database", "none"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
