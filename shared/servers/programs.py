"""What the private servers need of the operating system: free ports, who is alive, waiting for something to be so."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

LOCAL = "127.0.0.1"
_EXEC_SECONDS = 0.5  # far more than the moment in which a process becomes another program


class ServerFailed(Exception):
    """A private server did not start or stop; the message says which one and shows the end of its log."""


def free_port() -> int:
    """Return a TCP port that nobody listens on at this moment, on the loopback address."""
    with socket.socket() as probe:
        probe.bind((LOCAL, 0))
        port: int = probe.getsockname()[1]
        return port


def answers(port: int, host: str = LOCAL) -> bool:
    """Tell whether something accepts connections there within half a second."""
    with suppress(OSError), socket.create_connection((host, port), timeout=0.5):
        return True
    return False


def alive(pid: int, mark: str) -> bool:
    """Tell whether process `pid` runs and carries `mark` in its command line or environment.

    The mark (its data folder) guards against a pid that the system has given to someone else since. A finished child
    that nobody has waited for yet counts as dead.
    """
    until = time.monotonic() + _EXEC_SECONDS
    while True:
        environment = _about(pid, "environ")
        if mark.encode() in _about(pid, "cmdline") + environment:
            return True
        # A process that becomes another program has no environment for a moment; a finished one never has again.
        if environment or _about(pid, "stat").rpartition(b")")[2].split()[:1] in ([], [b"Z"], [b"X"]):
            return False
        if time.monotonic() > until:
            return False
        time.sleep(0.005)


def _about(pid: int, name: str) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/{name}").read_bytes()
    return b""


def read_pid(path: Path) -> int | None:
    """Return the number on the file's first line, or None where there is none."""
    with suppress(OSError, ValueError, IndexError):
        return int(path.read_text().splitlines()[0])
    return None


def wait_until(fact: Callable[[], bool], seconds: float, step: float = 0.05) -> bool:
    """Ask `fact` until it is so or `seconds` are over; tell which."""
    end = time.monotonic() + seconds
    while not fact():
        if time.monotonic() > end:
            return False
        time.sleep(step)
    return True


def send(pid: int | None, signum: signal.Signals) -> None:
    """Signal a process that may be gone already."""
    if pid is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, signum)


def end_of(log: Path, lines: int = 15) -> str:
    """Return the last lines of a log, for a message about a failed start."""
    with suppress(OSError):
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    return "(no log)"


def superuser_prefix() -> list[str] | None:
    """Return what to put before a command to run it as root: nothing, `sudo -n`, or None where neither is possible."""
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    if sudo and runs([sudo, "-n", "true"]):
        return [sudo, "-n"]
    return None


def runs(command: Sequence[str | Path], seconds: float = 20, **options: Any) -> bool:
    """Run a command silently and tell whether it succeeded in time; `options` go to subprocess as they are."""
    try:
        done = subprocess.run(  # noqa: S603 (fixed commands, no shell)
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
            check=False,
            **options,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return bool(done.returncode == 0)
