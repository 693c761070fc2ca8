"""Starting and ending a service's process. Import this module first and nothing else before it: it makes the standard
library and psycopg cooperate with eventlet, which must happen before anything that uses sockets is imported."""

from __future__ import annotations

import os
import warnings

# nameko needs eventlet, and eventlet announces its retirement on import: known, and noise in every log.
warnings.filterwarnings("ignore", message=r"[\s\S]*Eventlet is deprecated")
# eventlet's own resolver loads dnspython: 12 MB and half a second in every process, to look up two host names at start.
os.environ.setdefault("EVENTLET_NO_GREENDNS", "yes")

import eventlet  # noqa: E402

eventlet.monkey_patch()
# psycopg's own waiting in C would block every other green thread of the process; read by psycopg on import.
os.environ["PSYCOPG_WAIT_FUNC"] = "wait_select"

import importlib  # noqa: E402 - after the patching, see above
import signal  # noqa: E402
from collections.abc import Sequence  # noqa: E402
from typing import Any  # noqa: E402

from shared import greenwait, health, logs, memory, traces  # noqa: E402
from shared.extras import without  # noqa: E402
from shared.settings import BackboneSettings, backbone_settings  # noqa: E402

with without("yaml"):
    from nameko.runners import ServiceRunner

greenwait.install()

ROLES = {"rpc": "service", "worker": "worker"}
"""Which module of a service's package holds which role, and how its class's name ends."""


def nameko_config(settings: BackboneSettings) -> dict[str, Any]:
    """Return nameko's configuration for these settings."""
    return {"AMQP_URI": settings.amqp_url, "max_workers": settings.max_workers, "serializer": "json", "HEARTBEAT": 60}


def service_classes(service: str, roles: Sequence[str], package: str = "services") -> list[type]:
    """Return the classes to run: `services.approval.service:ApprovalService` for rpc, `….worker:ApprovalWorker` for
    worker. Raises KeyError for an unknown role, ImportError or AttributeError if the service does not have it."""
    found: list[type] = []
    for role in roles:
        with without("click", "rich"):
            module = importlib.import_module(f"{package}.{service}.{ROLES[role]}")
        found.append(getattr(module, service.capitalize() + ROLES[role].capitalize()))
    return found


def run(service: str, roles: Sequence[str], package: str = "services") -> int:
    """Run the service's roles until SIGTERM or SIGINT; return the exit code: 0 after an orderly end, 1 if a container
    died of an error (the supervisor starts it anew)."""
    memory.give_back()
    settings = backbone_settings()
    process = os.environ.get("HUB_PROCESS_NAME", service)
    logs.configure(process, settings.log_level)
    log = logs.logger(__name__)
    traces.configure(settings, process)
    standing = health.Standing()
    health.serve(settings, {**health.checks_of(settings, [service]), "standing": standing.check})
    runner = ServiceRunner(nameko_config(settings))
    for cls in service_classes(service, roles, package):
        runner.add_service(cls)
    asked = _on_signals()
    ended = eventlet.spawn(_wait, runner)
    eventlet.spawn(_stop_when_asked, asked, runner, standing, log)
    log.info("process.starting", service=service, roles=list(roles))
    memory.settle()
    runner.start()
    standing.serve()
    log.info("process.ready", service=service)
    error = ended.wait()
    traces.end()
    if error is not None:
        log.error("process.died", exc_info=error)
        return 1
    log.info("process.ended")
    return 0


def _wait(runner: ServiceRunner) -> BaseException | None:
    try:
        runner.wait()
    except Exception as error:
        return error
    return None


def _on_signals() -> int:
    """Return a pipe's reading end that becomes readable when the process is asked to end. A signal handler may not
    switch green threads, and a flag would not wake the hub out of its poll; the wake-up pipe does both."""
    reading, writing = os.pipe()
    for end in (reading, writing):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(writing)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: None)
    return reading


def _stop_when_asked(asked: int, runner: ServiceRunner, standing: health.Standing, log: Any) -> None:
    eventlet.hubs.trampoline(asked, read=True)
    standing.end()
    log.info("process.stopping")
    runner.stop()
