"""One installation from nothing to ready and back: servers, secrets, databases, topology, processes, catalogue."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from typing import Any

import httpx

import catalogue
from hub.client import Gateway, GatewayRefused, GatewaySilent
from hub.ground.broker import ensure_broker, remove_broker, stop_broker
from hub.ground.databases import ensure_databases, migrate_databases, remove_databases
from hub.ground.postgres import ensure_postgres, remove_postgres, stop_postgres
from hub.ground.processes import environment, own, processes
from hub.ground.state import Say, State, write_secret
from hub.ground.supervise import Supervisor, wait_running
from hub.settings import HubSettings
from shared.servers.programs import ServerFailed, answers, wait_until

BOOTSTRAPS = ("accounts", "integration")
"""Services that prepare data of their own before the first start: `python -m services.<name>.bootstrap`."""


class Installation:
    """What `hub run`, `hub demo`, the fault tests and the benchmarks start. Every step may be repeated."""

    def __init__(self, settings: HubSettings, say: Say) -> None:
        self.settings = settings
        self.say = say
        self.settings.var.mkdir(parents=True, exist_ok=True)
        self.settings.secrets.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.state = State.load(settings.var)
        self.supervisor = Supervisor(settings.var)
        self.urls: dict[str, str] = {}

    # -- up ----------------------------------------------------------------------------------------------------------

    def up(self) -> None:
        """Bring everything up and load the catalogue; return when every service answers. Raises ServerFailed."""
        self.prepare()
        self.start()
        self.load()

    def prepare(self) -> None:
        """Servers, databases, migrations, topology, secrets: what must stand before any process starts."""
        self.supervisor.stop()
        self.servers()
        self.migrate()
        self.topology()
        self.bootstrap()

    def servers(self) -> None:
        """See that PostgreSQL and a broker run."""
        ensure_postgres(self.settings, self.state, self.say)
        self.state.save(self.settings.var)
        ensure_broker(self.settings, self.state, self.say)
        self.state.save(self.settings.var)

    def migrate(self) -> None:
        """Create databases and roles and apply all migrations."""
        self.urls = ensure_databases(self.settings, self.state.postgres_url, self.say)
        migrate_databases(self.settings, self.urls, self.say)

    def topology(self) -> None:
        """Declare exchanges, queues and bindings."""
        from shared import topology

        topology.apply(self.state.amqp_url)
        self.say(f"topology: {len(topology.QUEUES)} queues declared")

    def bootstrap(self) -> None:
        """Make the secrets; let the services that need it prepare their own data, each as a process of its own."""
        key = self.settings.secrets / "receipt_key"
        if not key.exists():
            write_secret(key, secrets.token_hex(32).encode())
        everyone = environment(self.settings, self.state.amqp_url)
        running = {
            service: subprocess.Popen(
                [sys.executable, "-m", f"services.{service}.bootstrap"],
                env={**os.environ, **everyone, "HUB_POSTGRES_URL": self.urls[service]},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for service in BOOTSTRAPS
        }
        for service, process in running.items():
            output, _ = process.communicate()
            if process.returncode:
                raise ServerFailed(f"services.{service}.bootstrap failed:\n{output[-3000:]}")
        self.say(f"accounts, partners and keys: in {self.settings.secrets}")

    def start(self) -> None:
        """Start all processes and wait until each runs and every service answers."""
        self._check_ports()
        begun = time.monotonic()
        everyone = environment(self.settings, self.state.amqp_url)
        self.supervisor.start(processes(self.settings), everyone, self.settings, self.urls)
        wait_running(self.supervisor, self.settings.ready_seconds)
        silent = ["gateway"]

        def all_answer() -> bool:
            silent[:] = self._silent()
            return not silent

        if not wait_until(all_answer, self.settings.ready_seconds, step=0.2):
            raise ServerFailed(f"no answer after {self.settings.ready_seconds:.0f} s: {', '.join(silent)}")
        self.say(f"processes: all answer after {time.monotonic() - begun:.1f} s, logs in {self.supervisor.log.parent}")

    def _check_ports(self) -> None:
        """Refuse to start on ports that someone else has: the hub would otherwise talk to a stranger."""
        self.supervisor.stop()
        settings = self.settings
        ports = {
            "HUB_GATEWAY_PORT": settings.gateway_port,
            "HUB_NATIONAL_PORT": settings.national_port,
            "HUB_MINISTRY_PORT": settings.ministry_port,
        }
        taken = [f"{name}={port}" for name, port in ports.items() if answers(port)]
        if taken:
            raise ServerFailed(f"ports are taken by something else: {', '.join(taken)}; set others")

    def load(self) -> dict[str, Any]:
        """Hand the catalogue to the running hub; loading the same again changes nothing."""
        result: dict[str, Any] = self.operator().ask("PUT", "/v1/catalogue", json=catalogue.read(), timeout=120)
        self.say(f"catalogue: version {result['version']}, {result['added']} entries new, {result['changed']} changed")
        return result

    def _silent(self) -> list[str]:
        try:
            status = self.operator().ask("GET", "/v1/status")
        except (GatewaySilent, GatewayRefused) as error:
            return [f"gateway or accounts ({error})"]
        silent = [line["service"] for line in status["services"] if not line["reachable"]]
        ports = {"national": self.settings.national_port, "ministry": self.settings.ministry_port}
        for name, port in ports.items():
            try:
                httpx.get(f"http://127.0.0.1:{port}/", timeout=2)
            except httpx.HTTPError:
                silent.append(name)
        return silent

    def operator(self) -> Gateway:
        """Return a line to the gateway with the operator's rights."""
        return Gateway.as_operator(self.settings)

    def process_environment(self, service: str) -> dict[str, str]:
        """Return the environment of a further process of `service` (benchmarks and tests start some)."""
        found = next(item for item in processes(self.settings) if item.database == service)
        everyone = environment(self.settings, self.state.amqp_url)
        return {**os.environ, **everyone, **own(self.settings, found, self.urls, 0), "HUB_METRICS_PORT": "0"}

    # -- down --------------------------------------------------------------------------------------------------------

    def down(self) -> None:
        """Stop processes in order, then the servers that are ours. Data stays."""
        self.supervisor.stop()
        stop_broker(self.settings, self.state)
        stop_postgres(self.settings, self.state)

    def clean(self) -> None:
        """Stop everything and remove all data: databases, roles, virtual host, secrets, logs."""
        self.supervisor.stop()
        if self.state.postgres == "given":
            remove_databases(self.settings, self.state.postgres_url)
        remove_postgres(self.settings)
        with suppress(ServerFailed):
            remove_broker(self.settings, self.state)
        shutil.rmtree(self.settings.secrets, ignore_errors=True)
        shutil.rmtree(self.settings.var, ignore_errors=True)
