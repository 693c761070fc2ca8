"""A whole hub, read by a real Prometheus with the configuration, rules and alerts of deploy/prometheus.

Only the addresses of the targets differ: here every process is on this machine, under a port of its own.
"""

from __future__ import annotations

import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from hub.docs import ROOT
from hub.ground.installation import Installation
from hub.ground.processes import processes
from hub.settings import HubSettings
from shared.servers.postgres import EmbeddedPostgres
from shared.servers.programs import LOCAL, free_port
from shared.testing.processes import eventually
from tests.debian import program

DEPLOYED = ROOT / "deploy" / "prometheus"
UNSEEN = {"BrokerLost", "DatabaseLost"}
"""Alerts that are right to be pending here: no exporter of broker or database is among the targets."""


def _free_ports(count: int) -> int:
    """Return the first of `count` neighbouring ports that are all free now."""
    while True:
        first = free_port()
        with ExitStack() as held, suppress(OSError, OverflowError):
            for port in range(first, first + count):
                held.enter_context(socket.socket()).bind((LOCAL, port))
            return first  # none was refused


@pytest.fixture
def installation(tmp_path: Path, empty_amqp_url: str) -> Iterator[Installation]:
    """A hub of its own; gone afterwards. It has a PostgreSQL of its own too: a whole hub takes many connections, and
    other tests use the machine's."""
    postgres = EmbeddedPostgres(tmp_path / "postgres", durable=False).start()
    port = free_port()
    settings = HubSettings(
        var=tmp_path / "var",
        secrets=tmp_path / "var" / "secrets",
        postgres_url=postgres.url,
        amqp_url=empty_amqp_url,
        gateway_url=f"http://127.0.0.1:{port}",
        gateway_port=port,
        national_port=free_port(),
        ministry_port=free_port(),
        metrics_port=_free_ports(20),
    )
    made = Installation(settings, lambda line: None)
    try:
        made.up()
        yield made
    finally:
        made.down()
        postgres.destroy()


class Prometheus:
    """One running Prometheus, asked over its API."""

    def __init__(self, folder: Path, settings: HubSettings) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        targets = [
            {"targets": [f"127.0.0.1:{settings.metrics_port + number}"], "labels": {"process": process.name}}
            for number, process in enumerate(processes(settings))
            if process.metrics
        ]
        targets.append({"targets": [f"127.0.0.1:{settings.gateway_port}"], "labels": {"process": "gateway"}})
        self.expected = {item["labels"]["process"] for item in targets if isinstance(item["labels"], dict)}
        configuration: dict[str, Any] = yaml.safe_load((DEPLOYED / "prometheus.yml").read_text())
        configuration["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        configuration["alerting"] = {}
        configuration["scrape_configs"] = [{"job_name": "hub", "static_configs": targets}]
        for group in ("rules", "alerts"):
            (folder / group).mkdir(parents=True)
            for path in (DEPLOYED / group).glob("*.yml"):  # evaluated each second instead of every half minute
                (folder / group / path.name).write_text(re.sub(r"interval: \w+", "interval: 1s", path.read_text()))
        configuration["rule_files"] = [str(folder / group / "*.yml") for group in ("rules", "alerts")]
        (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration))
        self.log = (folder / "prometheus.log").open("w")
        self.process = subprocess.Popen(
            [
                program("prometheus", "prometheus"),
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={self.url.removeprefix('http://')}",
            ],
            stdout=self.log,
            stderr=subprocess.STDOUT,
        )

    def ask(self, path: str, **query: str) -> Any:
        """Return the data of an answer; None while it does not answer."""
        try:
            answer = httpx.get(f"{self.url}/api/v1/{path}", params=query, timeout=5)
        except httpx.HTTPError:
            return None
        return answer.json().get("data") if answer.status_code == 200 else None

    def values(self, expression: str) -> dict[str, float]:
        """Return the value of each series by its label `process`."""
        found = self.ask("query", query=expression) or {"result": []}
        return {row["metric"].get("process", ""): float(row["value"][1]) for row in found["result"]}

    def pending(self) -> set[str]:
        """Return the names of the alerts whose condition holds."""
        return {item["labels"]["alertname"] for item in (self.ask("alerts") or {"alerts": []})["alerts"]}

    def close(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(20)
        self.log.close()


@pytest.fixture
def prometheus(tmp_path: Path, installation: Installation) -> Iterator[Prometheus]:
    """Prometheus, reading the hub."""
    made = Prometheus(tmp_path / "prometheus", installation.settings)
    yield made
    made.close()


def test_prometheus_reads_the_running_hub_and_its_rules_hold(
    installation: Installation, prometheus: Prometheus
) -> None:
    eventually(
        lambda: prometheus.values('up{job="hub"}') == dict.fromkeys(prometheus.expected, 1.0),
        timeout_seconds=60,
        what="every process up",
    )
    # Every metric of ours that a rule or an alert asks for is told by some process of a real hub.
    asked = {
        name
        for path in (*DEPLOYED.glob("rules/*.yml"), *DEPLOYED.glob("alerts/*.yml"))
        for name in re.findall(r"\bhub_[a-z_]+", path.read_text())
    }

    def told() -> bool:
        known = set(prometheus.ask("metadata") or {})
        stems = {name.removesuffix("_total") for name in known} | known
        return all(re.sub(r"_(bucket|count|sum|total)$", "", name) in stems for name in asked)

    eventually(told, timeout_seconds=30, what="every metric told")

    def evaluated() -> list[dict[str, Any]]:
        groups = (prometheus.ask("rules") or {"groups": []})["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        return rules if rules and all(rule["health"] == "ok" for rule in rules) else []

    rules = eventually(evaluated, timeout_seconds=30, what="every rule evaluated")
    # PartnerUnproven is pending until the first reconciliation has ended; nothing else may be, nor it for long.
    eventually(lambda: prometheus.pending() == UNSEEN, timeout_seconds=60, what="no alert but of what is not here")
    assert {rule["name"] for rule in rules if rule["type"] == "alerting"} >= UNSEEN

    # What a lost process looks like.
    installation.supervisor.stop_process("approval")
    eventually(lambda: prometheus.values('up{job="hub"} == 0') == {"approval": 0.0}, what="approval down")
    eventually(lambda: "ProcessDown" in prometheus.pending(), what="the alert pending")
