"""What kustomize builds for a cluster: valid against Kubernetes' schemas, whole, and true to the code.

No cluster is at hand: nothing here shows that the operators accept their own kinds, whose schemas are theirs, or that
pods start. docs/operations.md says so.
"""

from __future__ import annotations

import re
import runpy
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.app import create_app
from gateway.settings import GatewaySettings
from hub.docs import ROOT
from hub.ground.credentials import Places, init_secrets
from hub.ground.processes import SERVICES, processes
from hub.settings import HubSettings
from shared import topology

K8S = ROOT / "deploy" / "k8s"
OVERLAYS = ("dev", "prod")
OPERATORS = {
    "Cluster", "ObjectStore", "PodMonitor", "PrometheusRule", "RabbitmqCluster", "ScaledObject", "ScheduledBackup",
    "TriggerAuthentication",
}  # fmt: skip
"""Kinds that belong to operators: kubernetes-validate has no schemas for them."""

SIMULATORS = {"national", "ministry"}
PROCESSES = {process.name: process for process in processes(HubSettings()) if process.name not in SIMULATORS}
Manifest = dict[str, Any]


@cache
def built(overlay: str) -> str:
    """Return what kustomize builds; skips where no kustomize of today is on the machine."""
    tool = shutil.which("kubectl")
    if tool is None:
        pytest.skip("kubectl, which carries kustomize, is not installed")
    version = subprocess.run([tool, "version", "--client"], capture_output=True, text=True, check=False, timeout=60)
    if "Kustomize Version: v5" not in version.stdout:
        pytest.skip(f"kubectl's kustomize is not of version 5: {version.stdout.strip()}")
    ran = subprocess.run(
        [tool, "kustomize", f"overlays/{overlay}"], cwd=K8S, capture_output=True, text=True, check=False, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def manifests(overlay: str, *kinds: str) -> dict[str, Manifest]:
    """Return the overlay's manifests of these kinds by name."""
    found = [item for item in yaml.safe_load_all(built(overlay)) if item["kind"] in kinds]
    names = [item["metadata"]["name"] for item in found]
    assert len(names) == len(set(names))
    return dict(zip(names, found, strict=True))


def pods(overlay: str, *components: str) -> dict[str, Manifest]:
    """Return the pod templates of what runs as one of these components, by name."""
    return {
        name: item["spec"]["template"]
        for name, item in manifests(overlay, "Deployment", "StatefulSet", "Job").items()
        if item["metadata"]["labels"]["app.kubernetes.io/component"] in components
    }


def containers(template: Manifest) -> list[Manifest]:
    """Return all containers of a pod."""
    return [*template["spec"].get("initContainers", []), *template["spec"]["containers"]]


def mounted(template: Manifest) -> dict[str, str]:
    """Return the files under /run/secrets that must be there, each with the Secret that it is from."""
    volume = next(item for item in template["spec"]["volumes"] if item["name"] == "secrets")
    sources = [source["secret"] for source in volume["projected"]["sources"] if not source["secret"].get("optional")]
    return {item["path"]: source["name"] for source in sources for item in source["items"]}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_manifest_is_of_its_schema(overlay: str, tmp_path: Path) -> None:
    file = tmp_path / f"{overlay}.yaml"
    file.write_text(built(overlay))
    ran = subprocess.run(
        [Path(sys.executable).with_name("kubernetes-validate"), "--strict", str(file)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    unknown = {line.split("for kind ")[1].split()[0] for line in ran.stdout.splitlines() if "for kind " in line}
    assert unknown == {item["kind"] for item in yaml.safe_load_all(built(overlay))} & OPERATORS


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_process_of_the_hub_runs_with_the_same_arguments(overlay: str) -> None:
    running = pods(overlay, "process")
    assert {name: template["spec"]["containers"][0]["args"] for name, template in running.items()} == {
        name: list(process.arguments) for name, process in PROCESSES.items()
    }


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_process_waits_for_the_migrations_and_queues_it_needs(overlay: str) -> None:
    for name, template in pods(overlay, "process").items():
        process = PROCESSES[name]
        services = {None: [], "relay": list(SERVICES)}.get(process.database, [process.database])
        assert [item["args"] for item in template["spec"]["initContainers"]] == [["hub.gate", *services]], name
    steps = pods(overlay, "step")
    assert {name: template["spec"]["containers"][0]["args"][0] for name, template in steps.items()} == {
        "topology": "hub.main",
        "migrations": "hub.main",
        "accounts-bootstrap": "services.accounts.bootstrap",
        "integration-bootstrap": "services.integration.bootstrap",
    }


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_file_that_is_read_is_mounted_and_made_by_hub_secrets_init(overlay: str, tmp_path: Path) -> None:
    made, _ = init_secrets(HubSettings(var=tmp_path, secrets=tmp_path / "secrets"), Places("db:5432", "mq:5672"))
    for name, template in pods(overlay, "process", "step").items():
        files = mounted(template)
        for container in containers(template):
            for variable in container.get("env", []):
                if variable["name"].endswith("_FILE"):
                    assert variable["value"].removeprefix("/run/secrets/") in files, f"{name}: {variable['name']}"
        assert set(files.values()) == {"hub-secrets"}, name
        assert set(files) <= set(made), name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_partners_bring_is_read_by_integration_and_needs_no_manifest(overlay: str) -> None:
    for name, template in pods(overlay, "process", "step").items():
        volumes = {item["name"]: item for item in template["spec"]["volumes"]}
        later = [
            source["secret"] for source in volumes["secrets"]["projected"]["sources"] if "items" not in source["secret"]
        ]
        mounts = {item["mountPath"]: item for item in template["spec"]["containers"][0]["volumeMounts"]}
        calls = name in ("integration-rpc", "integration-worker")
        assert later == ([{"name": "hub-partners", "optional": True}] if calls else []), name
        assert ("contracts" in volumes) == ("/contracts" in mounts) == calls, name
        if calls:
            assert volumes["contracts"]["configMap"] == {"name": "hub-contracts", "optional": True}, name
            assert mounts["/contracts"]["readOnly"] is True, name
            told = {item["name"]: item.get("value") for item in template["spec"]["containers"][0]["env"]}
            assert told["HUB_CONTRACTS_DIR"] == "/contracts", name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_each_process_is_given_the_secrets_that_its_container_in_compose_has(overlay: str) -> None:
    # tests/service/test_containers.py starts every one of them with these alone.
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    for name, template in pods(overlay, "process", "step").items():
        assert set(mounted(template)) == set(compose[name]["secrets"]), name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_each_process_has_its_own_login_and_no_other(overlay: str) -> None:
    for name, template in pods(overlay, "process").items():
        logins = {file for file in mounted(template) if file.startswith("postgres")}
        database = PROCESSES[name].database
        assert logins == ({f"postgres_url_{database}"} if database else set()), name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_pod_is_locked_down_and_limited(overlay: str) -> None:
    for name, template in pods(overlay, "process", "step", "exporter", "simulator").items():
        spec = template["spec"]
        assert spec["automountServiceAccountToken"] is False, name
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for container in containers(template):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, name
            assert set(container["resources"]) == {"requests", "limits"}, name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_probes_ask_what_they_mean(overlay: str) -> None:
    for name, template in pods(overlay, "process").items():
        container = template["spec"]["containers"][0]
        port = "http" if name == "gateway" else "metrics"
        assert container["readinessProbe"]["httpGet"] == {"path": "/health/ready", "port": port}, name
        for probe in ("livenessProbe", "startupProbe"):  # neither may ask for database or broker
            assert container[probe]["httpGet"] == {"path": "/health/live", "port": port}, name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_processes_scale_by_what_they_work_on(overlay: str) -> None:
    by_load = manifests(overlay, "HorizontalPodAutoscaler")
    by_queue = manifests(overlay, "ScaledObject")
    assert set(by_load) | set(by_queue) | {"relay"} == set(PROCESSES)
    assert not set(by_load) & set(by_queue)
    kinds = {name: item["kind"] for name, item in manifests(overlay, "Deployment", "StatefulSet").items()}
    for name, item in {**by_load, **by_queue}.items():
        target = item["spec"]["scaleTargetRef"]
        assert (target["name"], target["kind"]) == (name, kinds[name])
    queues = {queue.name for queue in topology.WORK_QUEUES}
    for name, item in by_queue.items():
        asked = {trigger["metadata"]["queueName"] for trigger in item["spec"]["triggers"]}
        assert asked <= queues & {queue for queue in queues if queue.startswith(PROCESSES[name].database or "-")}, name
        assert {trigger["authenticationRef"]["name"] for trigger in item["spec"]["triggers"]} == {"rabbitmq"}


def test_a_worker_that_knows_its_claims_by_name_keeps_its_name() -> None:
    assert set(manifests("prod", "StatefulSet")) == {"integration-worker"}
    container = pods("prod", "process")["integration-worker"]["spec"]["containers"][0]
    names = [item for item in container["env"] if item["name"] == "HUB_PROCESS_NAME"]
    assert names == [{"name": "HUB_PROCESS_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]


def test_in_production_no_single_node_takes_anything_away() -> None:
    assert manifests("prod", "RabbitmqCluster")["hub-rabbitmq"]["spec"]["replicas"] == 3
    assert manifests("prod", "Cluster")["hub-postgres"]["spec"]["instances"] == 3
    assert manifests("prod", "Deployment")["relay"]["spec"]["replicas"] == 2
    for item in manifests("prod", "HorizontalPodAutoscaler").values():
        assert item["spec"]["minReplicas"] >= 2
    for item in manifests("prod", "ScaledObject").values():
        assert item["spec"]["minReplicaCount"] >= 2
    budgets = manifests("prod", "PodDisruptionBudget")
    assert set(budgets) == {*PROCESSES, "hub-rabbitmq"}
    for name, template in pods("prod", "process").items():
        assert budgets[name]["spec"]["selector"]["matchLabels"] == {"app.kubernetes.io/name": name}
        apart = template["spec"]["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
        assert apart[0]["podAffinityTerm"]["topologyKey"] == "kubernetes.io/hostname"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_budget_says_one_thing_about_pods_that_are(overlay: str) -> None:
    running = pods(overlay, "process")
    for name, item in manifests(overlay, "PodDisruptionBudget").items():
        assert item["spec"].keys() == {"minAvailable", "selector"}, f"{name}: Kubernetes takes one of the two numbers"
        if name in running:
            assert item["spec"]["selector"]["matchLabels"].items() <= running[name]["metadata"]["labels"].items()


def test_in_production_each_process_is_spread_over_zones_for_itself() -> None:
    for name, template in pods("prod", "process").items():
        (spread,) = template["spec"]["topologySpreadConstraints"]
        assert spread["topologyKey"] == "topology.kubernetes.io/zone", name
        assert spread["labelSelector"]["matchLabels"].items() <= template["metadata"]["labels"].items(), name
        assert set(spread["matchLabelKeys"]) <= template["metadata"]["labels"].keys(), name
        assert not set(spread["matchLabelKeys"]) & spread["labelSelector"]["matchLabels"].keys(), name


def test_the_broker_is_named_so_that_keda_finds_it_from_its_own_namespace() -> None:
    typed = re.search(r"--broker (\S+)", (ROOT / "docs" / "operations.md").read_text(encoding="utf-8"))
    (broker,), (space,) = manifests("prod", "RabbitmqCluster"), manifests("prod", "Namespace")
    assert typed is not None
    assert typed[1] == f"{broker}.{space}.svc:5672"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_gateway_is_told_its_public_name_and_whose_word_for_callers_it_may_take(overlay: str) -> None:
    (settings,) = (item["data"] for item in manifests(overlay, "ConfigMap").values())
    (ingress,) = manifests(overlay, "Ingress").values()
    assert settings["HUB_GATEWAY_PUBLIC_URL"] == f"https://{ingress['spec']['rules'][0]['host']}"
    assert settings["HUB_GATEWAY_PROXIES"]
    known = set(re.findall(r"HUB_[A-Z_]+[A-Z]", (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")))
    assert {name for name in settings if "_ENDPOINT_" not in name} <= known


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_nothing_talks_to_anything_that_no_policy_names(overlay: str) -> None:
    policies = manifests(overlay, "NetworkPolicy")
    assert policies["deny-by-default"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for name, template in pods(overlay, "process", "step").items():
        labels, files = template["metadata"]["labels"], mounted(template)
        assert ("laichau-hub/broker" in labels) == ("amqp_url" in files), name
        assert ("laichau-hub/database" in labels) == any(file.startswith("postgres") for file in files), name
        # A step of integration holds the partners' secrets but calls no partner.
        assert ("laichau-hub/partners" in labels) == (name in ("integration-rpc", "integration-worker")), name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_from_outside_only_the_gateway_is_reached_and_only_by_tls(overlay: str) -> None:
    (ingress,) = manifests(overlay, "Ingress").values()
    hosts = [rule["host"] for rule in ingress["spec"]["rules"]]
    assert hosts == ingress["spec"]["tls"][0]["hosts"]
    paths = ingress["spec"]["rules"][0]["http"]["paths"]
    assert {path["backend"]["service"]["name"] for path in paths} == {"gateway"}
    door = {
        f"/{route.path.split('/')[1]}" for route in create_app(GatewaySettings(amqp_url="", receipt_key=b"")).routes
    }
    assert {path["path"] for path in paths} == door - {"/metrics", "/health"}, "what is for callers, and all of it"
    for service in manifests(overlay, "Service").values():
        assert service["spec"].get("type", "ClusterIP") == "ClusterIP"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_service_and_monitor_selects_a_pod_and_a_port_of_it(overlay: str) -> None:
    everything = pods(overlay, "process", "step", "exporter", "simulator")
    for name, service in manifests(overlay, "Service").items():
        (template,) = [
            item
            for item in everything.values()
            if service["spec"]["selector"].items() <= item["metadata"]["labels"].items()
        ]
        ports = {port["name"] for container in containers(template) for port in container.get("ports", [])}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports, name


def test_the_simulators_stay_out_of_production() -> None:
    assert pods("prod", "simulator") == {}
    assert set(pods("dev", "simulator")) == SIMULATORS


def test_production_is_backed_up() -> None:
    (backup,) = manifests("prod", "ScheduledBackup").values()
    (store,) = manifests("prod", "ObjectStore").values()
    (cluster,) = manifests("prod", "Cluster").values()
    assert backup["spec"]["cluster"]["name"] == cluster["metadata"]["name"]
    (plugin,) = cluster["spec"]["plugins"]
    assert plugin["parameters"]["barmanObjectName"] == store["metadata"]["name"]
    assert plugin["isWALArchiver"] is True


def test_the_cluster_gets_the_same_rules_and_alerts() -> None:
    written = (K8S / "base" / "rules.yaml").read_text(encoding="utf-8")
    rendered = runpy.run_path(str(ROOT / "deploy" / "prometheus" / "operator.py"))["rendered"]()
    assert written == rendered, "run `python deploy/prometheus/operator.py`"


def test_no_manifest_carries_a_secret() -> None:
    for overlay in OVERLAYS:
        assert manifests(overlay, "Secret") == {}
