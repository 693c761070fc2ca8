"""A whole hub with its broker and database, read by a real Prometheus with the configuration, rules and alerts of
deploy/prometheus, which tells a real Alertmanager with that of deploy/alertmanager.

Only the addresses of the targets differ, since here every process is on this machine under a port of its own, and how
long things are waited for.
"""

from __future__ import annotations

import os
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
from hub.ground.databases import MONITOR, role_passwords
from hub.ground.installation import Installation
from hub.ground.processes import processes
from hub.settings import HubSettings
from shared.servers.broker import PrivateBroker
from shared.servers.postgres import EmbeddedPostgres
from shared.servers.programs import LOCAL, free_port
from shared.testing.processes import eventually
from shared.testing.servers import need_broker_programs
from tests.architecture.test_monitoring import alerts, expressions
from tests.debian import program

DEPLOYED = ROOT / "deploy" / "prometheus"
CONFIGURATION: dict[str, Any] = yaml.safe_load((DEPLOYED / "prometheus.yml").read_text())


def _free_ports(count: int) -> int:
    """Return the first of `count` neighbouring ports that are all free now."""
    while True:
        first = free_port()
        with ExitStack() as held, suppress(OSError, OverflowError):
            for port in range(first, first + count):
                held.enter_context(socket.socket()).bind((LOCAL, port))
            return first  # none was refused


class Program:
    """A server of the distribution that runs beside the hub, asked over HTTP."""

    def __init__(self, folder: Path, url: str, *command: str | Path, **environment: str) -> None:
        self.url = url
        folder.mkdir(parents=True, exist_ok=True)
        self.log = (folder / "log").open("w")
        self.process = subprocess.Popen(
            list(map(str, command)), stdout=self.log, stderr=subprocess.STDOUT, env={**os.environ, **environment}
        )

    def get(self, path: str, **query: str) -> Any:
        """Return the JSON of an answer; None while it does not answer."""
        try:
            answer = httpx.get(f"{self.url}{path}", params=query, timeout=5)
        except httpx.HTTPError:
            return None
        return answer.json() if answer.status_code == 200 else None

    def close(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(20)
        self.log.close()


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[tuple[EmbeddedPostgres, PrivateBroker, int]]:
    """A PostgreSQL (a whole hub takes many connections) and a broker that tells its metrics at a port."""
    port = free_port()
    told = f"prometheus.tcp.ip = {LOCAL}\nprometheus.tcp.port = {port}\nprometheus.return_per_object_metrics = true\n"
    need_broker_programs()
    postgres = EmbeddedPostgres(tmp_path / "postgres", durable=False).start()
    broker = PrivateBroker(tmp_path / "broker", plugins=["rabbitmq_prometheus"], configuration=told)
    try:
        broker.start()
        yield postgres, broker, port
    finally:
        broker.destroy()
        postgres.destroy()


@pytest.fixture
def installation(tmp_path: Path, servers: tuple[EmbeddedPostgres, PrivateBroker, int]) -> Iterator[Installation]:
    """A hub of its own; gone afterwards."""
    postgres, broker, _ = servers
    port = free_port()
    settings = HubSettings(
        var=tmp_path / "var",
        secrets=tmp_path / "var" / "secrets",
        postgres_url=postgres.url,
        amqp_url=broker.url,
        gateway_url=f"http://127.0.0.1:{port}",
        gateway_port=port,
        national_port=free_port(),
        ministry_port=free_port(),
        metrics_port=_free_ports(20),
        ready_seconds=300,
    )
    made = Installation(settings, lambda line: None)
    try:
        made.up()
        yield made
    finally:
        made.down()


@pytest.fixture
def exporter(
    tmp_path: Path, installation: Installation, servers: tuple[EmbeddedPostgres, PrivateBroker, int]
) -> Iterator[Program]:
    """PostgreSQL's exporter, signed in as the role `monitor` as in containers."""
    postgres, _, _ = servers
    place = f"{LOCAL}:{free_port()}"
    made = Program(
        tmp_path / "exporter",
        f"http://{place}",
        program("prometheus-postgres-exporter", "prometheus-postgres-exporter"),
        f"--web.listen-address={place}",
        DATA_SOURCE_URI=f"{postgres.url.rpartition('@')[2].partition('/')[0]}/postgres?sslmode=disable",
        DATA_SOURCE_USER=f"{installation.settings.database_prefix}{MONITOR}",
        DATA_SOURCE_PASS=role_passwords(installation.settings)[MONITOR],
    )
    yield made
    made.close()


@pytest.fixture
def alertmanager(tmp_path: Path) -> Iterator[Program]:
    """Alertmanager with our configuration as it stands; the mail server that it names is an example."""
    place = f"{LOCAL}:{free_port()}"
    made = Program(
        tmp_path / "alertmanager",
        f"http://{place}",
        program("prometheus-alertmanager", "prometheus-alertmanager"),
        f"--config.file={ROOT / 'deploy' / 'alertmanager' / 'alertmanager.yml'}",
        f"--storage.path={tmp_path / 'alertmanager' / 'data'}",
        f"--web.listen-address={place}",
        "--cluster.listen-address=",
    )
    yield made
    made.close()


class Prometheus(Program):
    """One running Prometheus, asked over its API. `others` are the addresses of the jobs beside the hub's own."""

    def __init__(self, folder: Path, settings: HubSettings, others: dict[str, str]) -> None:
        place = f"{LOCAL}:{free_port()}"
        others = {**others, "prometheus": place}
        ours = [
            {"targets": [f"{LOCAL}:{settings.metrics_port + number}"], "labels": {"process": process.name}}
            for number, process in enumerate(processes(settings))
            if process.metrics
        ]
        self.expected = {item["labels"]["process"] for item in ours if isinstance(item["labels"], dict)}
        configured = {
            **CONFIGURATION,
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [others["alertmanager"]]}]}]},
            "scrape_configs": [
                {
                    "job_name": job["job_name"],
                    "static_configs": ours if job["job_name"] == "hub" else [{"targets": [others[job["job_name"]]]}],
                }
                for job in CONFIGURATION["scrape_configs"]
            ],
        }
        for group in ("rules", "alerts"):
            (folder / group).mkdir(parents=True)
            for path in (DEPLOYED / group).glob("*.yml"):  # evaluated each second, and not waited for
                said = re.sub(r"interval: \w+", "interval: 1s", path.read_text())
                (folder / group / path.name).write_text(re.sub(r"for: \w+", "for: 1s", said))
        (folder / "prometheus.yml").write_text(yaml.safe_dump(configured))
        super().__init__(
            folder,
            f"http://{place}",
            program("prometheus", "prometheus"),
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={place}",
        )

    def ask(self, path: str, **query: str) -> Any:
        """Return the data of an answer; None while it does not answer."""
        answer = self.get(f"/api/v1/{path}", **query)
        return answer and answer["data"]

    def values(self, expression: str) -> dict[str, float]:
        """Return the value of each series by its label `process`."""
        found = self.ask("query", query=expression) or {"result": []}
        return {row["metric"].get("process", ""): float(row["value"][1]) for row in found["result"]}

    def alerts(self) -> dict[str, str]:
        """Return the alerts whose condition holds, each with the queue, process, service or partner that it names."""
        found = (self.ask("alerts") or {"alerts": []})["alerts"]
        named = ("queue", "process", "service", "partner")
        return {
            item["labels"]["alertname"]: next((item["labels"][name] for name in named if name in item["labels"]), "")
            for item in found
        }


@pytest.fixture
def prometheus(
    tmp_path: Path,
    installation: Installation,
    servers: tuple[EmbeddedPostgres, PrivateBroker, int],
    exporter: Program,
    alertmanager: Program,
) -> Iterator[Prometheus]:
    """Prometheus, reading all of them."""
    others = {
        "rabbitmq": f"{LOCAL}:{servers[2]}",
        "postgres": exporter.url.removeprefix("http://"),
        "alertmanager": alertmanager.url.removeprefix("http://"),
    }
    made = Prometheus(tmp_path / "prometheus", installation.settings, others)
    yield made
    made.close()


@pytest.mark.timeout(900)  # a whole hub and five servers beside it
def test_prometheus_reads_the_running_hub_its_rules_hold_and_who_is_on_call_hears(
    installation: Installation, prometheus: Prometheus, alertmanager: Program
) -> None:
    def up() -> bool:
        targets = (prometheus.ask("targets") or {"activeTargets": []})["activeTargets"]
        jobs = {target["labels"]["job"] for target in targets if target["health"] == "up"}
        return len(targets) == len(prometheus.expected) + 4 and jobs == {
            job["job_name"] for job in CONFIGURATION["scrape_configs"]
        }

    eventually(up, timeout_seconds=60, what="every target up")
    eventually(
        lambda: prometheus.values('up{job="hub"}') == dict.fromkeys(prometheus.expected, 1.0),
        timeout_seconds=60,
        what="every process up",
    )

    # Every metric of hub, broker and database that a rule, an alert or a dashboard asks for is told by one of them.
    bare = [re.sub(r'"[^"]*"', '""', expression) for _, expression in expressions()]
    asked = {name for text in bare for name in re.findall(r"\b(?:hub|rabbitmq|pg)_[a-z_]+", text)}

    def untold() -> set[str]:
        known = set(prometheus.ask("metadata") or {})
        stems = {name.removesuffix("_total") for name in known} | known
        return {name for name in asked if not {name, re.sub(r"_(bucket|count|sum|total)$", "", name)} & stems}

    eventually(lambda: not untold(), timeout_seconds=60, what="every metric told")
    for place, expression in expressions():
        query = expression.replace("$partner", "quoc-gia")
        assert prometheus.ask("query", query=query) is not None, f"{place}: {expression}"

    # An increase is seen only from a value that was read before: what alerts count stands at 0 on a hub at rest.
    counted = {name for _, rule in alerts() for name in re.findall(r"increase\((hub_\w+_total)", rule["expr"])}
    eventually(lambda: all(prometheus.values(name) for name in counted), what=f"{counted} stand")

    def evaluated() -> list[dict[str, Any]]:
        groups = (prometheus.ask("rules") or {"groups": []})["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        return rules if rules and all(rule["health"] == "ok" for rule in rules) else []

    eventually(evaluated, timeout_seconds=30, what="every rule evaluated")
    # PartnerUnproven holds until the first reconciliation has ended; nothing else may, nor it for long.
    # DiskFills speaks of the disk of whatever machine runs this.
    eventually(lambda: prometheus.alerts().keys() <= {"DiskFills"}, timeout_seconds=60, what="no alert at rest")

    # What a lost process looks like, and what reaches those on call.
    installation.supervisor.stop_process("approval")
    eventually(lambda: prometheus.values('up{job="hub"} == 0') == {"approval": 0.0}, what="approval down")

    def heard() -> dict[str, Any] | None:
        found = alertmanager.get("/api/v2/alerts") or []
        return next((item for item in found if item["labels"]["alertname"] == "ProcessDown"), None)

    told = eventually(heard, timeout_seconds=60, what="Alertmanager told")
    assert told["labels"]["process"] == "approval"
    assert [receiver["name"] for receiver in told["receivers"]] == ["ticket"]
    assert (ROOT / told["annotations"]["runbook"]).is_file()
    assert "rpc.reply" not in " ".join(prometheus.alerts().values()), "what an ended process leaves wakes nobody"
