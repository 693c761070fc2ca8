"""Whoever stops a process waits longer than the process may need: supervisor, compose and Kubernetes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from gateway.serving import FINISH_SECONDS
from gateway.settings import GatewaySettings
from hub.docs import ROOT
from hub.ground.supervise import STOP_SECONDS

GATEWAY_SECONDS = GatewaySettings(amqp_url="", receipt_key=b"").drain_seconds + FINISH_SECONDS
K8S = ROOT / "deploy" / "k8s" / "base"


def _read(path: Path) -> Any:
    """Return a file's first document."""
    return next(iter(yaml.safe_load_all(path.read_text(encoding="utf-8"))))


def _pod(path: Path) -> Any:
    return _read(path)["spec"]["template"]["spec"]


def test_the_supervisor_waits_for_the_gateways_connections_and_requests() -> None:
    assert GATEWAY_SECONDS < STOP_SECONDS


def test_compose_waits_as_long_as_the_supervisor_for_every_process() -> None:
    services = _read(ROOT / "docker-compose.yml")["services"]
    ours = {name: service for name, service in services.items() if service.get("image", "").startswith("laichau-hub")}
    assert "gateway" in ours
    assert {
        name for name, service in ours.items() if int(service["stop_grace_period"].rstrip("s")) < STOP_SECONDS
    } == set()


def test_kubernetes_counts_the_time_before_sigterm_in() -> None:
    grace = _pod(K8S / "patches" / "process.yaml")["terminationGracePeriodSeconds"]
    [container] = _pod(K8S / "processes" / "gateway.yaml")["containers"]
    before = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert grace - before >= STOP_SECONDS
    assert before > 0, "the cluster needs a moment to take the pod off its service"
