"""What the rows run on: a durable private PostgreSQL, the ladder's broker in a virtual host of its own, and, for the
rows that need it, a whole hub. All of it is made for the run and removed after it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg

from hub.ground.installation import Installation
from hub.ground.processes import environment
from hub.settings import HubSettings
from shared.backbone import create_backbone
from shared.servers.postgres import EmbeddedPostgres
from shared.settings import database_url
from shared.storage import create_database, drop_database
from shared.testing.processes import HubProcess

# Benchmarks measure the door, not its lock; reconciliations and scrubs are started by the rows that measure them.
ENVIRONMENT = {
    "HUB_GATEWAY_CALLS_PER_SECOND": "100000",
    "HUB_GATEWAY_CALLS_BURST": "100000",
    "HUB_INTEGRATION_SCRUB_EVERY_SECONDS": "0",
    "HUB_INTEGRATION_RECONCILE_EVERY_SECONDS": "0",
    "HUB_LOG_LEVEL": "warning",
}
# Exact commit times for latencies, and no checkpoint in the middle of one row only.
SERVER_SETTINGS = {"track_commit_timestamp": "on", "max_wal_size": "'8GB'", "checkpoint_timeout": "'30min'"}
TOYS = "toy_"

Connection = psycopg.Connection[tuple[Any, ...]]


@dataclass
class Ground:
    """The servers of one run. `hub_start_seconds` is how long the hub took from the first process to every answer."""

    postgres: EmbeddedPostgres
    installation: Installation
    quick: bool
    say: Callable[[str], None]
    hub_start_seconds: float = 0.0
    hub_runs: bool = False
    _toys: list[HubProcess] = field(default_factory=list)

    @property
    def settings(self) -> HubSettings:
        """The installation's settings."""
        return self.installation.settings

    @property
    def amqp_url(self) -> str:
        """The broker with the run's virtual host."""
        return self.installation.state.amqp_url

    # -- the hub -----------------------------------------------------------------------------------------------------

    def start_hub(self) -> None:
        """Start all processes, unless they run, and load the catalogue."""
        if self.hub_runs:
            return
        begun = time.monotonic()
        self.installation.start()
        self.hub_start_seconds = time.monotonic() - begun
        self.hub_runs = True
        self.installation.load()
        self._await_obligations()

    def stop_hub(self) -> None:
        """Stop all processes: rows about the backbone alone have the machine to themselves."""
        if self.hub_runs:
            self.installation.supervisor.stop()
            self.hub_runs = False

    def token(self, client_id: str = "tai-thu") -> str:
        """Return an access token of one of the demo's systems."""
        accounts = json.loads((self.settings.secrets / "demo_accounts.json").read_text())
        grant = {"grant_type": "client_credentials", "client_id": client_id}
        secret = accounts["clients"][client_id]
        answer = httpx.post(
            f"{self.settings.gateway_url}/oauth2/token", data={**grant, "client_secret": secret}, timeout=15
        )
        return str(answer.raise_for_status().json()["access_token"])

    @contextmanager
    def database(self, service: str) -> Iterator[Connection]:
        """Give a connection of the superuser's to a service's database; every statement commits by itself."""
        url = database_url(self.postgres.url, self.settings.database_prefix + service)
        with psycopg.connect(url, autocommit=True) as connection:
            yield connection

    def _await_obligations(self) -> None:
        with self.database("submissions") as connection:
            wait_for(
                lambda: connection.execute("SELECT count(*) > 2000 FROM submissions").fetchone() == (True,),
                "the catalogue's obligations",
            )

    # -- toys --------------------------------------------------------------------------------------------------------

    def toy_database(self, service: str, *statements: str) -> str:
        """Make an empty database with the backbone's tables and `statements`; return its URL."""
        name = self.settings.database_prefix + TOYS + service
        drop_database(self.postgres.url, name)
        create_database(self.postgres.url, name)
        url = database_url(self.postgres.url, name)
        with psycopg.connect(url, autocommit=True) as connection:
            create_backbone(_Plain(connection))
            for statement in statements:
                connection.execute(statement)
        return url

    def toy(self, *arguments: str, ready: str = "process.ready") -> HubProcess:
        """Start a process of the hub's own kind on the toys' databases: the relay, or a service of `bench.toys`."""
        process = HubProcess(
            [*arguments],
            {
                **environment(self.settings, self.amqp_url),
                "HUB_POSTGRES_URL": self.postgres.url,
                "HUB_DATABASE_PREFIX": self.settings.database_prefix + TOYS,
                "HUB_METRICS_PORT": "0",
                "HUB_LOG_LEVEL": "info",
            },
            f"toy-{arguments[0]}",
        )
        self._toys.append(process)
        process.await_log(ready)
        return process

    def stop_toys(self) -> None:
        """Stop what `toy` started."""
        while self._toys:
            self._toys.pop().stop()


class _Plain:
    """An Alembic `op` as far as the backbone's DDL needs one."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def execute(self, sqltext: str) -> object:
        """Run one statement."""
        return self._connection.execute(sqltext)


def wait_for(question: Callable[[], object], what: str, seconds: float = 120.0, step: float = 0.02) -> None:
    """Wait for a fact. Raises TimeoutError naming it."""
    end = time.monotonic() + seconds
    while not question():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds:.0f} s: {what}")
        time.sleep(step)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def ground(say: Callable[[str], None], *, quick: bool) -> Iterator[Ground]:
    """Bring servers up and databases to the newest migration; remove everything afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="hub-bench-"))
    folder.chmod(0o755)  # PostgreSQL, not being root, passes through
    os.environ.update(ENVIRONMENT)
    postgres = EmbeddedPostgres(folder / "postgres").start()
    _configure(postgres)
    port = free_port()
    settings = HubSettings(
        var=folder / "var",
        secrets=folder / "var" / "secrets",
        postgres_url=postgres.url,
        amqp_url=os.environ.get("HUB_AMQP_URL", ""),
        vhost=f"hub_bench_{os.getpid()}",
        database_prefix="hub_bench_",
        gateway_url=f"http://127.0.0.1:{port}",
        gateway_port=port,
        national_port=free_port(),
        ministry_port=free_port(),
        metrics_port=20_000 + os.getpid() % 10_000,
    )
    installation = Installation(settings, say)
    made = Ground(postgres, installation, quick, say)
    try:
        installation.prepare()
        yield made
    finally:
        made.stop_toys()
        installation.clean()
        postgres.destroy()
        shutil.rmtree(folder, ignore_errors=True)


def _configure(postgres: EmbeddedPostgres) -> None:
    with psycopg.connect(database_url(postgres.url, "postgres"), autocommit=True) as connection:
        for name, value in SERVER_SETTINGS.items():
            connection.execute(f"ALTER SYSTEM SET {name} = {value}")
    postgres.restart()
