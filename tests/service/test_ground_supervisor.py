"""The supervisor starts processes, starts killed ones anew, and stops them in order."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from hub.ground.processes import Process
from hub.ground.supervise import Supervisor, wait_running
from hub.settings import HubSettings
from shared.servers.programs import ServerFailed, answers, free_port, wait_until


@pytest.fixture
def var() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="hub-supervisor-") as folder:
        yield Path(folder)


def _serving(name: str, folder: Path, port: int) -> Process:
    arguments = ("http.server", str(port), "--bind", "127.0.0.1", "--directory", str(folder))
    return Process(name, arguments, metrics=False)


@pytest.fixture
def served(var: Path) -> Iterator[tuple[Supervisor, int]]:
    supervisor, port = Supervisor(var), free_port()
    (var / "log").mkdir()
    everyone = {"HUB_GREETING": 'per%cent and "more", too'}
    supervisor.start([_serving("web", var, port)], everyone, HubSettings(var=var), {})
    wait_running(supervisor, 20)
    assert wait_until(lambda: answers(port), 10)
    yield supervisor, port
    supervisor.stop()


def test_a_killed_process_is_started_anew(served: tuple[Supervisor, int]) -> None:
    supervisor, port = served
    before = supervisor.pid("web")
    supervisor.kill("web")
    assert wait_until(lambda: supervisor.pid("web") not in (0, before), 20)
    assert wait_until(lambda: answers(port), 10)


def test_a_process_stopped_on_purpose_stays_stopped_until_started(served: tuple[Supervisor, int]) -> None:
    supervisor, port = served
    supervisor.stop_process("web")
    assert supervisor.states() == {"web": "STOPPED"}
    assert not answers(port)
    supervisor.start_process("web")
    assert supervisor.states() == {"web": "RUNNING"}


def test_processes_are_told_settings_letter_by_letter(served: tuple[Supervisor, int]) -> None:
    supervisor, _ = served
    environ = Path(f"/proc/{supervisor.pid('web')}/environ").read_bytes().split(b"\0")
    assert b'HUB_GREETING=per%cent and "more", too' in environ
    assert b"HUB_PROCESS_NAME=web" in environ


def test_its_configuration_is_served_to_nobody_else(served: tuple[Supervisor, int]) -> None:
    supervisor, port = served
    assert supervisor.configuration.stat().st_mode & 0o077 == 0
    assert supervisor.socket.stat().st_mode & 0o077 == 0
    assert httpx.get(f"http://127.0.0.1:{port}/").status_code == 200


def test_stop_ends_all_processes_and_the_supervisor(served: tuple[Supervisor, int]) -> None:
    supervisor, port = served
    supervisor.stop()
    assert not supervisor.running()
    assert not answers(port)
    assert supervisor.states() == {}


def test_a_process_that_does_not_stay_up_is_named_with_the_end_of_its_log(var: Path) -> None:
    supervisor = Supervisor(var)
    supervisor.start([Process("broken", ("no_such_module",), metrics=False)], {}, HubSettings(var=var), {})
    try:
        with pytest.raises(ServerFailed, match=r"broken(?s:.*)no_such_module"):
            wait_running(supervisor, 3)
    finally:
        supervisor.stop()
