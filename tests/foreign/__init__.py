"""Partners that were written without knowledge of the hub, and how a test starts them."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

HERE = Path(__file__).parent
_INSTALL = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"]


@dataclass(frozen=True, slots=True)
class Foreign:
    """A running one: its address, and what its test route tells and takes."""

    address: str

    def spoil(self, *faults: str) -> None:
        """Let the next hand-overs go wrong, one by one: `mat-tra-loi` (applied, the answer lost), `sai-tra-loi`."""
        httpx.post(f"{self.address}/thu-nghiem", json={"faults": faults}, timeout=10).raise_for_status()

    def change(self, **values: str) -> None:
        """Damage what it holds: other values under these of its indicators."""
        httpx.post(f"{self.address}/thu-nghiem", json={"sua": values}, timeout=10).raise_for_status()

    def enter(self, *rows: tuple[str, str, str | None], unit: str = "12", kind: str = "CT") -> None:
        """Let rows (period, indicator, value) change at its own side, one after the other."""
        told = [{"co_so": unit, "ky": ky, "ma": ma, "gia_tri": value, "loai": kind} for ky, ma, value in rows]
        httpx.post(f"{self.address}/thu-nghiem", json={"nguon": told}, timeout=10).raise_for_status()

    def told(self) -> Any:
        """Return what it holds, and how often it applied something."""
        return httpx.get(f"{self.address}/thu-nghiem", timeout=10).raise_for_status().json()


@contextmanager
def running(command: list[str], environ: Mapping[str, str]) -> Iterator[Foreign]:
    """Run a server that prints its port."""
    with subprocess.Popen(command, env={**os.environ, **environ}, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().strip()
            assert port.isdecimal(), f"{command[-1]} did not start: {process.wait(10)}"
            yield Foreign(f"http://127.0.0.1:{port}")
        finally:
            process.kill()


def rest_server(key: str) -> Any:
    """Run the REST partner, in Python's http.server alone."""
    return running([sys.executable, "-I", str(HERE / "rest" / "server.py")], {"KHOA_TRUY_CAP": key})


def soap_server(password: str) -> Any:
    """Run the SOAP partner, in npm `soap`."""
    modules = _installed(HERE / "soap")
    return running(["node", str(HERE / "soap" / "server.js")], {"MAT_KHAU": password, "NODE_PATH": str(modules)})


def soap_client(contract: str, token: str) -> Any:
    """Let the npm `soap` client call a SOAP door; return what it was told."""
    modules = _installed(HERE / "soap")
    command = ["node", str(HERE / "soap" / "client.js"), contract, token]
    environ = {**os.environ, "NODE_PATH": str(modules)}
    ran = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stderr[-2000:]
    return json.loads(ran.stdout)


def npm_is_here() -> bool:
    """Tell whether the SOAP partner can run."""
    return shutil.which("npm") is not None and shutil.which("node") is not None


def _installed(package: Path) -> Path:
    """Return the folder with what the lock file names: installed once per machine, checked by its hashes."""
    lock = (package / "package-lock.json").read_bytes()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "laichau-hub-tests"
    place = cache / hashlib.sha256(lock).hexdigest()[:16]
    place.mkdir(parents=True, exist_ok=True)
    with (place / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # two runs at once
        if not (place / "whole").exists():
            for name in ("package.json", "package-lock.json"):
                shutil.copy(package / name, place / name)
            subprocess.run(_INSTALL, cwd=place, check=True, timeout=180)
            (place / "whole").touch()
    return place / "node_modules"
