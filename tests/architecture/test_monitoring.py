"""Rules, alerts, dashboards and configuration fit the metrics that processes have, and pass the tools that read them.

The live half, a real Prometheus that reads a running hub, is tests/system/test_prometheus.py.
"""

from __future__ import annotations

import json
import re
import runpy
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from hub import docs
from hub.docs import ROOT
from hub.ground.processes import processes
from hub.settings import HubSettings
from tests.debian import program

PROMETHEUS = ROOT / "deploy" / "prometheus"
ALERTS = sorted((PROMETHEUS / "alerts").glob("*.yml"))
RULES = sorted((PROMETHEUS / "rules").glob("*.yml"))
ADDED = {"job", "instance", "process", "le"}
"""Labels that Prometheus adds, and a histogram's own."""

RECORDED = {
    rule["record"] for path in RULES for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"]
}
OTHERS = re.compile(
    r"^(up|ALERTS|pg_\w+|rabbitmq_\w+|process_\w+|kubelet_\w+|certmanager_\w+|probe_\w+|node_\w+|hub:[\w:]+)$"
)
"""Names that are not the hub's own metrics: other exporters', and what the rules record."""


@cache
def metrics() -> dict[str, tuple[str, set[str]]]:
    """Return kind and labels of every metric of the hub, by name."""
    found = docs.metrics(docs.sources())
    return {name: (kind, {label for label in labels.split(", ") if label}) for name, kind, labels, _ in found}


def alerts() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield file name and alert."""
    for path in ALERTS:
        for group in yaml.safe_load(path.read_text())["groups"]:
            for rule in group["rules"]:
                yield path.name, rule


def dashboards() -> dict[str, Any]:
    """Return the dashboards as Grafana reads them, by file name."""
    return {
        path.name: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted((ROOT / "deploy" / "grafana" / "dashboards").glob("*.json"))
    }


def expressions() -> list[tuple[str, str]]:
    """Return every PromQL expression with where it stands."""
    found = [(f"alert {rule['alert']}", rule["expr"]) for _, rule in alerts()]
    for path in RULES:
        for group in yaml.safe_load(path.read_text())["groups"]:
            found += [(f"rule {rule['record']}", rule["expr"]) for rule in group["rules"]]
    for name, page in dashboards().items():
        for panel in page["panels"]:
            found += [(f"{name}: {panel['title']}", target["expr"]) for target in panel["targets"]]
    return found


def metric(name: str) -> str:
    """Return the metric that a series belongs to: a histogram has several."""
    stem = re.sub(r"_(bucket|count|sum)$", "", name)
    return stem if metrics().get(stem, ("",))[0] == "histogram" else name


def run(name: str, package: str, *arguments: str) -> None:
    """Run a tool on files of the repository. Raises AssertionError with what it says."""
    ran = subprocess.run(
        [program(name, package), *arguments], cwd=PROMETHEUS, capture_output=True, text=True, check=False, timeout=250
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_prometheus_takes_its_configuration_with_all_rules_and_alerts() -> None:
    run("promtool", "prometheus", "check", "config", "prometheus.yml")


def test_alertmanager_takes_its_configuration() -> None:
    run("amtool", "prometheus-alertmanager", "check-config", "../alertmanager/alertmanager.yml")


@pytest.mark.parametrize(("severity", "receiver"), [("page", "page"), ("ticket", "ticket")])
def test_who_is_woken_is_who_should_be(severity: str, receiver: str) -> None:
    arguments = ("config", "routes", "test", "--config.file=../alertmanager/alertmanager.yml")
    wanted = f"--verify.receivers={receiver}"
    run("amtool", "prometheus-alertmanager", *arguments, wanted, f"severity={severity}")


@pytest.mark.parametrize("path", ALERTS, ids=lambda path: path.stem)
def test_each_alert_fires_when_it_should_and_not_before(path: Path) -> None:
    run("promtool", "prometheus", "test", "rules", f"tests/{path.name}")


def test_every_alert_has_a_test_of_both_kinds() -> None:
    for file, rule in alerts():
        tests = yaml.safe_load((PROMETHEUS / "tests" / file).read_text())["tests"]
        expected = [
            bool(case["exp_alerts"])
            for test in tests
            for case in test.get("alert_rule_test", [])
            if case["alertname"] == rule["alert"]
        ]
        assert True in expected, rule["alert"]
        assert False in expected, rule["alert"]


def test_every_alert_says_what_is_wrong_what_follows_and_where_to_read_on() -> None:
    names = [rule["alert"] for _, rule in alerts()]
    assert len(names) == len(set(names))
    for _, rule in alerts():
        assert set(rule["annotations"]) == {"summary", "impact", "runbook"}, rule["alert"]
        assert rule["labels"]["severity"] in ("page", "ticket")
        runbook = ROOT / rule["annotations"]["runbook"]
        assert runbook.is_file(), f"{rule['alert']} has no {runbook}"
        assert rule["alert"] in runbook.read_text(encoding="utf-8"), f"{runbook} does not name {rule['alert']}"


@pytest.mark.parametrize(("place", "expression"), expressions(), ids=lambda text: text[:60])
def test_what_is_asked_for_is_what_processes_tell(place: str, expression: str) -> None:
    plain = re.sub(r'"[^"]*"', '""', expression)
    for name in re.findall(r"\b(hub_\w+)", plain):
        assert metric(name) in metrics(), f"{place}: no process has {name}"
    for name in re.findall(r"\b(hub:[\w:]+)", plain):
        assert name in RECORDED, f"{place}: no rule records {name}"
    for name, selectors in re.findall(r"\b(hub_\w+)\{([^}]*)\}", expression):
        asked = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selectors))
        assert asked <= metrics()[metric(name)][1] | ADDED, f"{place}: {name} has no such label"
    for labels, name in re.findall(r"by \(([^)]*)\) \((?:\w+\()*(hub_\w+)", plain):
        kept = {label.strip() for label in labels.split(",")}
        assert kept <= metrics()[metric(name)][1] | ADDED, f"{place}: {name} has no such label"


def test_only_known_exporters_are_asked() -> None:
    for place, expression in expressions():
        bare = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^\]]*\]|\b(?:by|on) ?\([^)]*\)', "", expression)
        for name in re.findall(r"\b[a-zA-Z_][\w:]*[_:][\w:]*\b(?!\s*\()", bare):
            if not name.startswith("hub_") and name != "group_left":
                assert OTHERS.match(name), f"{place}: {name}"


def test_dashboards_are_what_their_descriptions_say() -> None:
    path = ROOT / "deploy" / "grafana" / "build.py"
    build = runpy.run_path(str(path))
    written = {name: json.dumps(page, indent=2, ensure_ascii=False) + "\n" for name, page in dashboards().items()}
    described = {f"{item.uid}.json": build["rendered"](item) for item in build["DASHBOARDS"]}
    assert written == described, "run `python deploy/grafana/build.py`"


def test_dashboards_ask_in_prometheus_own_language(tmp_path: Path) -> None:
    # promtool reads rules, not dashboards: each query stands as a rule of its own.
    rules = [
        {"record": f"dashboard:query{number}", "expr": target["expr"]}
        for number, target in enumerate(
            target for page in dashboards().values() for panel in page["panels"] for target in panel["targets"]
        )
    ]
    file = tmp_path / "dashboards.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboards", "rules": rules}]}))
    run("promtool", "prometheus", "check", "rules", str(file))


def test_a_partner_is_chosen_and_not_written_into_a_dashboard() -> None:
    page = dashboards()["hub-partner.json"]
    assert [item["name"] for item in page["templating"]["list"]] == ["partner"]
    for panel in page["panels"]:
        assert all('partner="$partner"' in target["expr"] for target in panel["targets"])


def test_prometheus_reads_every_process_broker_and_database() -> None:
    configured = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())["scrape_configs"]
    targets = {item["job_name"]: item["static_configs"][0]["targets"] for item in configured}
    wanted = {process.name for process in processes(HubSettings())} - {"national", "ministry"}
    assert set(targets["hub"]) == {f"{name}:9101" for name in wanted}
    assert targets["rabbitmq"] == ["rabbitmq:15692"]
    assert targets["postgres"] == ["postgres-exporter:9187"]
