"""The command line: what it prints, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from hub.client import Gateway, GatewayRefused, GatewaySilent
from hub.main import app
from shared import topology

runner = CliRunner()
COMMANDS = {
    "run", "demo", "load", "clean", "status", "deliveries", "sync", "reconcile", "migrate", "topology", "audit",
    "dead-letters",
}  # fmt: skip


def test_every_command_is_named_and_says_what_it_does() -> None:
    shown = runner.invoke(app, ["--help"], terminal_width=200).output
    assert {name for name in COMMANDS if f" {name} " in shown} == COMMANDS
    for name in COMMANDS:
        assert runner.invoke(app, [name, "--help"]).exit_code == 0


def test_topology_show_gives_scripts_every_queue() -> None:
    result = runner.invoke(app, ["topology", "show", "--json"])
    assert {row["queue"] for row in json.loads(result.stdout)} == {queue.name for queue in topology.QUEUES}


def test_without_credentials_a_command_says_what_to_set_and_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_VAR", str(tmp_path))
    result = runner.invoke(app, ["status"])
    assert result.exit_code == 1
    assert "HUB_CLIENT_SECRET" in result.stderr


def test_a_hub_that_is_away_ends_with_a_code_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_VAR", str(tmp_path))
    monkeypatch.setenv("HUB_URL", "http://127.0.0.1:9")  # the discard port: nobody listens
    monkeypatch.setenv("HUB_CLIENT_SECRET", "x")
    result = runner.invoke(app, ["deliveries", "--json"])
    assert result.exit_code == 3
    assert "not reachable" in result.stderr
    assert result.stdout == ""


def _gateway(answer: httpx.Response) -> Gateway:
    def serve(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"access_token": "t"}) if request.url.path == "/oauth2/token" else answer

    return Gateway("http://hub", "van-hanh", "x", transport=httpx.MockTransport(serve))


def test_a_refusal_carries_code_reason_and_correlation_id() -> None:
    problem = {"code": "integration.no_partner", "detail": "Không có đối tác này.", "correlation_id": "c-1"}
    with pytest.raises(GatewayRefused, match=r"integration.no_partner: Không có đối tác này. \(correlation id c-1\)"):
        _gateway(httpx.Response(404, json=problem)).ask("POST", "/v1/partners/x/sync")


def test_a_part_that_is_down_is_told_apart_from_a_refusal() -> None:
    with pytest.raises(GatewaySilent, match=r"hub\.timeout"):
        _gateway(httpx.Response(503, json={"code": "hub.timeout"})).ask("GET", "/v1/status")
