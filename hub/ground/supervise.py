"""The supervisor: starts all processes, starts anew those that end, stops them in order. Asked over its own socket.

supervisord of the package `supervisor`, because the demo kills a process on purpose and expects it back. Its
configuration is written at each start into HUB_VAR and holds passwords: readable by its owner only.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, ServerProxy

from hub.ground.processes import Process, command, own
from hub.ground.state import write_secret
from hub.settings import HubSettings
from shared.servers.programs import ServerFailed, end_of, wait_until

STOP_SECONDS = 35
NEXT = "-next"
"""Ends the name of the process that stands in while a door's own is replaced; else it is stopped."""

LONGEST_SOCKET_PATH = 100  # the system's limit is 108, and supervisord appends its process id while it binds


class Supervisor:
    """The supervisor of one HUB_VAR; commands of other terminals reach the same one."""

    def __init__(self, var: Path) -> None:
        self.var = var
        self.configuration = var / "supervisor.conf"
        self.log = var / "log" / "supervisor.log"
        self.socket = var / "supervisor.sock"
        if len(str(self.socket)) > LONGEST_SOCKET_PATH:
            name = hashlib.sha256(str(var).encode()).hexdigest()[:16]
            self.socket = Path(tempfile.gettempdir(), f"laichau-hub-{name}.sock")

    def start(
        self, processes: list[Process], everyone: dict[str, str], settings: HubSettings, urls: dict[str, str]
    ) -> None:
        """Write the configuration and start all processes; one that runs from before is stopped first."""
        self.stop()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        sections = [self._head()]
        sections += [self._program(process, own(settings, process, urls, n)) for n, process in enumerate(processes)]
        write_secret(self.configuration, "\n".join(sections).encode())
        subprocess.run(
            [sys.executable, "-m", "supervisor.supervisord", "-c", str(self.configuration)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env={**os.environ, **everyone},  # inherited by all; in the file they would need two kinds of escaping
            start_new_session=True,  # a Ctrl-C at the terminal is for the hub, which then stops all in order
            check=False,
        )
        if not wait_until(self.running, 20):
            raise ServerFailed(f"the supervisor did not start:\n{end_of(self.log)}")
        for door in (process.name for process in processes if process.door):
            self._ask("startProcess", self._known()[door], False)

    def running(self) -> bool:
        """Tell whether the supervisor answers."""
        return bool(self._ask("getPID"))

    def stop(self) -> None:
        """Stop all processes (what is in hand is finished or given back), then the supervisor itself."""
        if not self.running():
            return
        # The door first, so that nothing new comes in; then all at once: `shutdown` would stop one after the other.
        with suppress(ServerFailed):
            self.stop_process("gateway")
        self._ask("stopAllProcesses")
        self._ask("shutdown")
        if not wait_until(lambda: not self.running(), STOP_SECONDS * 3):
            raise ServerFailed(f"the supervisor does not stop; see {self.log}")

    def states(self) -> dict[str, str]:
        """Return every process's state (RUNNING, BACKOFF, STOPPED …) by name; nothing when no supervisor runs."""
        rows = {f"{row['group']}:{row['name']}": row["statename"] for row in self._ask("getAllProcessInfo") or []}
        found = {name: rows.get(full, "UNKNOWN") for name, full in self._known().items()}
        return {name: state for name, state in found.items() if not (name.endswith(NEXT) and state == "STOPPED")}

    def kill(self, name: str) -> None:
        """Kill a process as a crash would; the supervisor starts it anew."""
        self._ask("signalProcess", self._full(name), "KILL")

    def stop_process(self, name: str) -> None:
        """Stop one process in order and leave it stopped."""
        self._ask("stopProcess", self._full(name))

    def start_process(self, name: str, *, wait: bool = True) -> None:
        """Start one stopped process; return once it ran for a second, or at once."""
        self._ask("startProcess", self._full(name), wait)

    def pid(self, name: str) -> int:
        """Return a process's id; 0 when it does not run."""
        answer = self._ask("getProcessInfo", self._full(name))
        return int(answer["pid"]) if answer else 0

    def _known(self) -> dict[str, str]:
        """Return the supervisor's own names by ours: a door has two processes in one group, numbered by their ports."""
        groups: dict[str, list[str]] = {}
        for row in self._ask("getAllProcessInfo") or []:
            groups.setdefault(row["group"], []).append(row["name"])
        known = {}
        for group, names in groups.items():
            first, *others = sorted(names, key=lambda name: (len(name), name))
            known[group] = f"{group}:{first}"
            known |= {f"{group}{NEXT}": f"{group}:{name}" for name in others}
        return known

    def _full(self, name: str) -> str:
        return self._known().get(name, name)

    def _ask(self, method: str, *arguments: object) -> Any:
        if not self.socket.exists():
            return None
        # Not before: where containers are the supervisor, the package is not installed.
        from supervisor.xmlrpc import SupervisorTransport  # type: ignore[import-untyped]  # it ships no types

        transport = SupervisorTransport(None, None, f"unix://{self.socket}")
        with suppress(OSError), ServerProxy("http://supervisor", transport=transport) as proxy:
            call: Callable[..., Any] = getattr(proxy.supervisor, method)
            try:
                return call(*arguments)
            except Fault as fault:
                if fault.faultString.startswith("SHUTDOWN_STATE"):
                    return "stopping"
                raise ServerFailed(f"the supervisor refuses {method}: {fault.faultString}") from fault
        return None

    def _head(self) -> str:
        user = f"user={os.getuid()}\n" if os.getuid() == 0 else ""  # said plainly, else it warns on every start
        return (
            f"[unix_http_server]\nfile={_escaped(self.socket)}\nchmod=0700\n"
            f"[supervisord]\nlogfile={_escaped(self.log)}\npidfile={_escaped(self.var / 'supervisor.pid')}\n"
            f"childlogdir={_escaped(self.log.parent)}\numask=077\nminfds=1024\n{user}"
            "[rpcinterface:supervisor]\n"
            "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n"
        )

    def _program(self, process: Process, told: dict[str, str]) -> str:
        parts = " ".join(f"'{_escaped(part)}'" for part in command(process))
        environment = _environment(told)
        head = f"[program:{process.name}]\nautostart=true\n"
        if process.door:
            # Both processes of a door are handed one listening socket as descriptor 0; the supervisor keeps it open
            # while one of them runs. Each has a metrics port of its own, which is also its number here.
            port, host = told["HUB_METRICS_PORT"], os.environ.get("HUB_GATEWAY_HOST", "127.0.0.1")
            environment = environment.replace(f'HUB_METRICS_PORT="{port}"', 'HUB_METRICS_PORT="%(process_num)d"')
            head = (
                f"[fcgi-program:{process.name}]\nsocket=tcp://{host}:{process.door}\nautostart=false\nnumprocs=2\n"
                f"numprocs_start={port}\nprocess_name={process.name}_%(process_num)d\n"
            )
        return (
            f"{head}command={parts}\nenvironment={environment}\n"
            f"directory={_escaped(Path.cwd())}\nautorestart=true\nstartsecs=1\nstartretries=1000\n"
            f"stopsignal=TERM\nstopwaitsecs={STOP_SECONDS}\nredirect_stderr=true\n"
            f"stdout_logfile={_escaped(self.log.parent / process.name)}.log\n"
            "stdout_logfile_maxbytes=20MB\nstdout_logfile_backups=2\n"
        )


def wait_running(supervisor: Supervisor, seconds: float) -> None:
    """Wait until every process runs. Raises ServerFailed naming those that do not, with the end of their logs."""
    end = time.monotonic() + seconds
    while True:
        states = supervisor.states()
        missing = [name for name, state in states.items() if state != "RUNNING"]
        if states and not missing:
            return
        if time.monotonic() > end:
            logs = "\n".join(f"--- {name}\n{end_of(supervisor.log.parent / f'{name}.log', 8)}" for name in missing)
            raise ServerFailed(f"not running after {seconds:.0f} s: {', '.join(missing)}\n{logs}")
        time.sleep(0.1)


def _escaped(value: object) -> str:
    return str(value).replace("%", "%%")


def _environment(values: dict[str, str]) -> str:
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in values.items())
