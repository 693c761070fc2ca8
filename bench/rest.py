"""The hub at rest: how much memory its processes hold together, how much of a processor they take, and how long they
take to start."""

from __future__ import annotations

import os
import time
from pathlib import Path

from bench.ground import Ground
from bench.result import Measure, Result

_SETTLE_SECONDS = 10.0
_NOT_OURS = {"national", "ministry"}


def run(ground: Ground) -> Result:
    """Sum the proportional set sizes (shared pages counted once) of all processes but the simulators."""
    supervisor = ground.installation.supervisor
    pids = {name: supervisor.pid(name) for name in supervisor.states() if name not in _NOT_OURS}
    pids["supervisor"] = int((ground.settings.var / "supervisor.pid").read_text())
    seconds = _SETTLE_SECONDS / 2 if ground.quick else _SETTLE_SECONDS
    time.sleep(seconds)
    busy = sum(map(cpu_seconds, pids.values()))
    time.sleep(seconds)
    busy = sum(map(cpu_seconds, pids.values())) - busy
    sizes = {name: pss_mb(pid) for name, pid in pids.items()}
    told = ", ".join(f"{name} {size:.0f}" for name, size in sorted(sizes.items(), key=lambda item: -item[1]))
    return Result(
        "rest",
        [
            Measure("memory at rest (PSS)", sum(sizes.values()), "MB", bar=700, least=False),
            Measure("start until all answer", ground.hub_start_seconds, "s", bar=10, least=False),
            Measure("processor at rest, of one", busy / seconds * 100, "%"),
        ],
        [f"MB: {told}"],
    )


def pss_mb(pid: int) -> float:
    """Return a process's proportional set size in MB."""
    return _field(Path(f"/proc/{pid}/smaps_rollup"), "Pss:")


def rss_mb(pid: int) -> float:
    """Return a process's resident set size in MB."""
    return _field(Path(f"/proc/{pid}/status"), "VmRSS:")


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has taken so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _field(file: Path, name: str) -> float:
    for line in file.read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    raise LookupError(f"no {name} in {file}")
