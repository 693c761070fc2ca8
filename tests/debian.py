"""Programs of the distribution that some tests need and the product does not: taken from the machine, or unpacked from
Debian's package into a folder of the run, without installing or starting anything."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import pytest

from shared.servers.programs import superuser_prefix


@cache
def program(name: str, package: str) -> Path:
    """Return the path of a program of this Debian package; skips the test, saying why, where it cannot be had."""
    if found := shutil.which(name):
        return Path(found)
    if shutil.which("apt-get") is None:
        pytest.skip(f"{name} is not installed, and there is no apt-get to fetch it with")
    folder = Path(tempfile.gettempdir(), f"laichau-hub-{package}-{os.getuid()}")
    unpacked = folder / "usr" / "bin" / name
    if not unpacked.exists():
        folder.mkdir(exist_ok=True)
        # apt's own unprivileged user cannot write into our folder; as ourselves it may.
        fetch = ["apt-get", "download", "-q", "-o", "APT::Sandbox::User=root", package]
        if _run(fetch, folder) != 0:
            _run([*(superuser_prefix() or []), "apt-get", "update", "-q"], folder)
            if _run(fetch, folder) != 0:
                pytest.skip(f"{name} is not installed, and apt-get cannot fetch {package}")
        for file in folder.glob(f"{package}_*.deb"):
            _run(["dpkg-deb", "-x", str(file), str(folder)], folder)
    if not unpacked.exists():
        pytest.skip(f"package {package} has no {name}")
    return unpacked


def _run(command: list[str], folder: Path) -> int:
    return subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=120).returncode
