"""The hub at rest: how much memory its processes hold together, and how long they take to start."""

from __future__ import annotations

import time
from pathlib import Path

from bench.ground import Ground
from bench.result import Measure, Result

_SETTLE_SECONDS = 10.0
_NOT_OURS = {"national", "ministry"}


def run(ground: Ground) -> Result:
    """Sum the proportional set sizes (shared pages counted once) of all processes but the simulators."""
    time.sleep(_SETTLE_SECONDS / 2 if ground.quick else _SETTLE_SECONDS)
    supervisor = ground.installation.supervisor
    sizes = {name: pss_mb(supervisor.pid(name)) for name in supervisor.states() if name not in _NOT_OURS}
    sizes["supervisor"] = pss_mb(int((ground.settings.var / "supervisor.pid").read_text()))
    told = ", ".join(f"{name} {size:.0f}" for name, size in sorted(sizes.items(), key=lambda item: -item[1]))
    return Result(
        "rest",
        [
            Measure("memory at rest (PSS)", sum(sizes.values()), "MB", bar=700, least=False),
            Measure("start until all answer", ground.hub_start_seconds, "s", bar=10, least=False),
        ],
        [f"MB: {told}"],
    )


def pss_mb(pid: int) -> float:
    """Return a process's proportional set size in MB."""
    return _field(Path(f"/proc/{pid}/smaps_rollup"), "Pss:")


def rss_mb(pid: int) -> float:
    """Return a process's resident set size in MB."""
    return _field(Path(f"/proc/{pid}/status"), "VmRSS:")


def _field(file: Path, name: str) -> float:
    for line in file.read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    raise LookupError(f"no {name} in {file}")
