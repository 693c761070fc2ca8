"""Which processes make a hub, and with what environment each runs."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from hub.settings import HubSettings

SERVICES = ("indicators", "submissions", "approval", "integration", "notifications", "accounts")
"""Every service with a database of its own."""

RELAY = "relay"
PARTNER_ENDPOINTS = {"quoc-gia": "http://127.0.0.1:{national}/soap", "bo-nganh": "http://127.0.0.1:{ministry}"}
"""Where the demo's partners answer, for HUB_INTEGRATION_ENDPOINT_<ID>."""


@dataclass(frozen=True, slots=True)
class Process:
    """One process: its name at the supervisor, the Python module with arguments, and whose database it enters."""

    name: str
    arguments: tuple[str, ...]
    database: str | None = None
    metrics: bool = True
    door: int | None = None
    """The port on which it serves, by a socket that the supervisor holds: a second process may share it."""


def _service(name: str, service: str, roles: str) -> Process:
    return Process(name, ("hub.process", service, "--roles", roles), service)


def processes(settings: HubSettings) -> list[Process]:
    """Return all processes. Bulk work and questions have separate ones where load differs."""
    return [
        Process("national", ("simulators.national", "--port", str(settings.national_port)), metrics=False),
        Process("ministry", ("simulators.ministry", "--port", str(settings.ministry_port)), metrics=False),
        _service("accounts", "accounts", "rpc,worker"),
        _service("indicators-rpc", "indicators", "rpc"),
        _service("indicators-worker", "indicators", "worker"),
        _service("submissions-rpc", "submissions", "rpc"),
        _service("submissions-worker", "submissions", "worker"),
        _service("approval", "approval", "rpc,worker"),
        _service("integration-rpc", "integration", "rpc"),
        _service("integration-worker", "integration", "worker"),
        _service("notifications", "notifications", "rpc,worker"),
        Process(RELAY, ("hub.process", RELAY, "--services", ",".join(SERVICES)), RELAY),
        Process("gateway", ("gateway",), door=settings.gateway_port),
    ]


def command(process: Process) -> list[str]:
    """Return the command line that starts it, with this interpreter."""
    return [sys.executable, "-m", *process.arguments]


def environment(settings: HubSettings, amqp_url: str) -> dict[str, str]:
    """Return what all processes are told. What only one may know, such as a database password, is in `own`."""
    endpoints = {
        f"HUB_INTEGRATION_ENDPOINT_{partner.upper().replace('-', '_')}": template.format(
            national=settings.national_port, ministry=settings.ministry_port
        )
        for partner, template in PARTNER_ENDPOINTS.items()
    }
    return {
        "HUB_AMQP_URL": amqp_url,
        "HUB_DATABASE_PREFIX": settings.database_prefix,
        "HUB_VAR": str(settings.var),
        "HUB_SECRETS_DIR": str(settings.secrets),
        "HUB_GATEWAY_PORT": str(settings.gateway_port),
        **endpoints,
    }


def own(settings: HubSettings, process: Process, urls: dict[str, str], number: int) -> dict[str, str]:
    """Return what this process alone is told: its name, its database server with its own role, its metrics port."""
    told = {"HUB_PROCESS_NAME": process.name}
    if process.database:
        told["HUB_POSTGRES_URL"] = urls[process.database]
    if process.metrics:
        told["HUB_METRICS_PORT"] = str(settings.metrics_port + number)
    if process.door:
        told["HUB_GATEWAY_FD"] = "0"
    return told
