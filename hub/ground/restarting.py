"""Restarting every process of a running hub, one after the other, so that no caller notices: `hub restart`.

The door is replaced first: a second gateway takes connections from the same listening socket before the first one
ends. Calls to a service wait in its queue while its process is replaced; events wait in theirs. After an upgrade this
is what puts the new version to work, once `hub migrate` and `hub topology apply` have prepared for it.
"""

from __future__ import annotations

import time

import httpx

from hub.ground.installation import Installation
from hub.ground.processes import Process, processes
from hub.ground.supervise import NEXT
from shared.servers.programs import ServerFailed, wait_until

_LOOK_SECONDS = 0.1


def restart(installation: Installation) -> dict[str, float]:
    """Restart all; return how many seconds each took. Raises ServerFailed naming the one that does not come back: those
    after it were not touched. The stand-ins of the far sides are not the hub's."""
    if not installation.supervisor.running():
        raise ServerFailed(f"no hub runs from {installation.settings.var}: hub run")
    taken: dict[str, float] = {}
    for number, process in reversed(list(enumerate(processes(installation.settings)))):
        if not process.metrics:
            continue
        begun = time.monotonic()
        port = installation.settings.metrics_port + number
        if process.door:
            _replace_door(installation, process, port)
        else:
            _replace(installation, process.name, port)
        taken[process.name] = time.monotonic() - begun
        installation.say(f"{process.name}: restarted in {taken[process.name]:.1f} s")
    return taken


def _replace_door(installation: Installation, process: Process, port: int) -> None:
    supervisor = installation.supervisor
    supervisor.start_process(process.name + NEXT)
    _ready(installation, process.name + NEXT, port + 1)
    _replace(installation, process.name, port)
    supervisor.stop_process(process.name + NEXT)


def _replace(installation: Installation, name: str, port: int) -> None:
    installation.supervisor.stop_process(name)
    installation.supervisor.start_process(name, wait=False)
    _ready(installation, name, port)


def _ready(installation: Installation, name: str, port: int) -> None:
    """Wait until the process on this port takes work."""

    def ready() -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{port}/health/ready", timeout=10).status_code == 200
        except httpx.HTTPError:
            return False

    if not wait_until(ready, installation.settings.ready_seconds, step=_LOOK_SECONDS):
        raise ServerFailed(f"{name} is not ready; see {installation.supervisor.log.parent}")
