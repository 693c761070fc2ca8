"""The version before works beside this one, on the same queues and on databases that this one has migrated."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from hub.ground.processes import command, processes
from shared.testing.processes import HubProcess
from tests.faults.conftest import Rig, free_port, wait_until

ROOT = Path(__file__).parents[2]
PRODUCT = ("gateway", "services", "shared", "hub", "catalogue")
BESIDE = ("submissions-worker", "approval", "indicators-worker", "submissions-rpc", "notifications")
"""Old processes that work beside the new ones of the same name."""


def version_before() -> str:
    """Return the last commit whose product differs from the files here, or the one that HUB_OLD_COMMIT names."""
    if named := os.environ.get("HUB_OLD_COMMIT"):
        return named
    for commit in _git("rev-list", "--first-parent", "--max-count=200", "HEAD").decode().split():
        if subprocess.run(["git", "diff", "--quiet", commit, "--", *PRODUCT], cwd=ROOT, check=False).returncode == 1:
            return commit
    pytest.skip("no earlier version: no commit of the last 200 has another product (a shallow clone?)")


def _git(*arguments: str) -> bytes:
    try:
        return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no earlier version: this is no git working tree ({error})")


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The version before as files."""
    folder = tmp_path_factory.mktemp("before")
    with tarfile.open(fileobj=io.BytesIO(_git("archive", version_before(), *PRODUCT))) as files:
        files.extractall(folder, filter="data")
    return folder


@pytest.fixture(scope="module")
def beside(rig: Rig, before: Path) -> Iterator[dict[str, tuple[HubProcess, int]]]:
    """The old processes, ready, and the ports of their metrics; the last test of this module ends them."""
    known = {process.name: process for process in processes(rig.installation.settings)}
    running = {}
    for name in BESIDE:
        port = free_port()
        environment = rig.installation.process_environment(str(known[name].database))
        environment |= {"HUB_METRICS_PORT": str(port), "PYTHONPATH": str(before), "HUB_FAILPOINTS_DIR": ""}
        arguments = command(known[name])[3:]  # after the interpreter, -m and hub.process
        running[name] = HubProcess(arguments, environment, f"old-{name}", folder=before), port
    for process, _ in running.values():
        process.await_log("process.ready", timeout_seconds=60)
    yield running
    for process, _ in running.values():
        process.stop()
        # Beside the new ones' logs, which are kept after a failure.
        (rig.installation.supervisor.log.parent / f"{process.name}.log").write_text("".join(process.output))


def _count(port: int, name: str) -> float:
    lines = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


def _files_of(process: HubProcess) -> str:
    return Path(f"/proc/{process.process.pid}/cwd").resolve().as_posix()


def test_old_and_new_work_on_the_same_queues(rig: Rig, before: Path, beside: dict[str, tuple[HubProcess, int]]) -> None:
    def handled() -> dict[str, float]:
        return {
            name: _count(port, "hub_messages_handled_total{") + _count(port, "hub_rpc_seconds_count{")
            for name, (_, port) in beside.items()
        }

    for _ in range(6):
        rig.client.run(rig.journeys(6), workers=4)
        if all(handled().values()):
            break
    assert all(handled().values()), f"an old process had no part in it: {handled()}"
    assert all(_files_of(process) == before.resolve().as_posix() for process, _ in beside.values())
    rig.check()
    dead = [line for process, _ in beside.values() for line in process.log if line.get("event") == "message.dead"]
    assert dead == []


def test_the_old_end_while_the_new_go_on(rig: Rig, beside: dict[str, tuple[HubProcess, int]]) -> None:
    """What the old ones have in hand when they are told to end is finished or given back to the new ones."""
    failures: list[BaseException] = []
    port = beside["submissions-worker"][1]
    handled = _count(port, "hub_messages_handled_total{")

    def drive() -> None:
        try:
            rig.client.run(rig.journeys(8), workers=3)
        except BaseException as error:
            failures.append(error)

    load = threading.Thread(target=drive)
    load.start()
    wait_until(lambda: _count(port, "hub_messages_handled_total{") > handled, "a push in old hands")
    codes = {name: process.stop(40) for name, (process, _) in beside.items()}
    load.join(240)
    assert not load.is_alive(), "the load did not end"
    assert failures == []
    assert set(codes.values()) == {0}, codes
    rig.check()
