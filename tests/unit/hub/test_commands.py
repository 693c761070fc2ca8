"""The command line: what it prints, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

import catalogue
from hub.client import Gateway, GatewayRefused, GatewaySilent
from hub.main import app
from shared import topology

runner = CliRunner()
COMMANDS = {
    "run", "demo", "load", "load-history", "regimes", "clean", "status", "deliveries", "sync", "reconcile", "migrate",
    "pull", "pulls", "topology", "audit", "log", "dead-letters", "reform", "calendar", "secrets",
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


PREVIEW = {
    "id": "R", "name": "Sắp xếp", "decision": "NQ 1670", "on": "2025-07-01", "version": 7, "applied": False,
    "units": [{"id": "X1", "what": ["ended"], "name_before": "Xã Cũ", "name_since": None,
               "successors": [{"after_name": "Xã Mới"}]}],
    "codes": [{"code": "gso:03388", "before_name": "Xã Cũ", "since_name": "Xã Mới"}],
    "counts": {"commune": {"before": 106, "since": 38}},
    "forms": ["XA-NAM"],
}  # fmt: skip


def test_a_reform_is_previewed_before_it_is_applied_on_the_version_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, dict[str, object]]] = []

    def serve(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth2/token":
            return httpx.Response(200, json={"access_token": "t"})
        asked.append((request.url.path, json.loads(request.content)))
        return httpx.Response(200, json=PREVIEW)

    gateway = Gateway("http://hub", "van-hanh", "x", transport=httpx.MockTransport(serve))
    monkeypatch.setattr(Gateway, "as_operator", lambda _settings: gateway)
    file = tmp_path / "reform.json"
    file.write_text(json.dumps({"reforms": [{"id": "R"}]}), encoding="utf-8")
    shown = runner.invoke(app, ["reform", "preview", str(file)])
    assert all(text in shown.output for text in ("Xã Cũ", "Xã Mới", "gso:03388", "106", "XA-NAM", "--version 7"))
    assert runner.invoke(app, ["reform", "apply", str(file), "--version", "7", "--json"]).exit_code == 0
    assert runner.invoke(app, ["reform", "apply", str(file)]).exit_code == 0
    body = {"reform": {"id": "R"}}
    applied = ("/v1/reforms", {**body, "expected_version": 7})
    assert asked == [("/v1/reforms/preview", body), applied, ("/v1/reforms/preview", body), applied]


@pytest.mark.parametrize("text", ["{", "[]", '{"reforms": []}', '{"reforms": [{}, {}]}'])
def test_a_file_that_holds_no_single_reform_is_refused_before_anything_is_asked(tmp_path: Path, text: str) -> None:
    file = tmp_path / "reform.json"
    file.write_text(text, encoding="utf-8")
    assert runner.invoke(app, ["reform", "preview", str(file)]).exit_code == 2


def test_a_refused_reform_shows_every_fault_with_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = {
        "code": "indicators.reform_invalid",
        "detail": "Đợt sắp xếp có 1 lỗi.",
        "errors": [{"place": "changes[3].units", "message": "there is no unit X9"}],
    }
    monkeypatch.setattr(Gateway, "as_operator", lambda _settings: _gateway(httpx.Response(422, json=problem)))
    file = tmp_path / "reform.json"
    file.write_text('{"id": "R"}', encoding="utf-8")
    result = runner.invoke(app, ["reform", "apply", str(file), "--version", "1"])
    assert result.exit_code == 1
    assert "changes[3].units: there is no unit X9" in result.stderr


def test_a_part_that_is_down_is_told_apart_from_a_refusal() -> None:
    with pytest.raises(GatewaySilent, match=r"hub\.timeout"):
        _gateway(httpx.Response(503, json={"code": "hub.timeout"})).ask("GET", "/v1/status")


def test_the_calendar_answers_from_the_files() -> None:
    days = ["2026-01-02", "2026-01-10"]
    result = runner.invoke(app, ["calendar", "next-working-day", *days, "--folder", str(catalogue.FOLDER), "--json"])
    assert [row["next"] for row in json.loads(result.stdout)] == ["2026-01-05", "2026-01-10"]
    result = runner.invoke(
        app, ["calendar", "deadlines", "KTXH-NAM", "2022", "--folder", str(catalogue.FOLDER), "--json"]
    )
    due = json.loads(result.stdout)["periods"][0]["deadlines"][-1]  # the province's own
    assert due["at"] == "2022-12-26T17:00:00+07:00"
    assert due["because"] == ["Chủ nhật"]
    shown = runner.invoke(app, ["calendar", "deadlines", "KTXH-NAM", "2022", "--folder", str(catalogue.FOLDER)])
    assert (shown.exit_code, "Chủ nhật" in shown.output) == (0, True)


def test_while_the_hub_is_away_the_calendar_answers_from_the_files_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_VAR", str(tmp_path))
    monkeypatch.setenv("HUB_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("HUB_CLIENT_SECRET", "x")
    result = runner.invoke(app, ["calendar", "next-working-day", "2026-01-01", "--json"])
    assert "the hub is away" in result.stderr
    assert json.loads(result.stdout)[0]["next"] == "2026-01-05"


@pytest.mark.parametrize(
    "wrong", [["next-working-day", "2026-13-01"], ["deadlines", "XX", "2026"], ["next-working-day", "0001-01-01"]]
)
def test_the_calendar_says_in_a_line_what_it_does_not_know(wrong: list[str]) -> None:
    result = runner.invoke(app, ["calendar", *wrong, "--folder", str(catalogue.FOLDER)])
    assert (result.exit_code, result.stderr.startswith("failed:")) == (1, True)
