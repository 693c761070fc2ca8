"""Running a hub process in a test: started by `python -m hub.process`, read by its JSON log, ended for certain."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[2]


class HubProcess:
    """One process of the hub. `log` holds its log events so far, `output` its raw lines; it runs in
    `folder`, whose code it takes."""

    def __init__(self, arguments: list[str], environment: Mapping[str, str], name: str, folder: Path = _ROOT) -> None:
        self.arguments = arguments
        self.environment = {**os.environ, "PYTHONUNBUFFERED": "1", "HUB_PROCESS_NAME": name, **environment}
        self.name = name
        self.folder = folder
        self.log: list[dict[str, Any]] = []
        self.output: list[str] = []
        self._grown = threading.Condition()
        self.start()

    def start(self) -> None:
        """Start the process (again)."""
        self.log, self.output = [], []
        self.process = subprocess.Popen(  # noqa: S603 - the hub's own module with this interpreter
            [sys.executable, "-m", "hub.process", *self.arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, args=(self.process,), daemon=True)
        self._reader.start()

    def _read(self, process: subprocess.Popen[str]) -> None:
        if process.stdout is None:
            return
        with process.stdout:
            for line in process.stdout:
                try:
                    event = json.loads(line)
                except ValueError:
                    event = {}
                with self._grown:
                    self.output.append(line)
                    self.log.append(event if isinstance(event, dict) else {})
                    self._grown.notify_all()
        with self._grown:
            self._grown.notify_all()

    def await_log(self, event: str, *, timeout_seconds: float = 30.0, **fields: Any) -> dict[str, Any]:
        """Return the first log event of this name with these fields; raises AssertionError with the process's output if
        it ends or time is up before."""
        until = time.monotonic() + timeout_seconds

        def found() -> dict[str, Any] | None:
            wanted = {"event": event, **fields}
            return next((e for e in self.log if all(e.get(key) == value for key, value in wanted.items())), None)

        with self._grown:
            while (match := found()) is None:
                left = until - time.monotonic()
                if left <= 0 or (self.process.poll() is not None and not self._reader.is_alive()):
                    tail = "".join(self.output[-40:])
                    raise AssertionError(f"{self.name} did not log {event} (exit {self.process.poll()}):\n{tail}")
                self._grown.wait(min(left, 1.0))
            return match

    def kill(self) -> None:
        """End the process without grace and wait until it is gone."""
        self.process.kill()
        self.wait()

    def stop(self, timeout_seconds: float = 30.0) -> int:
        """Ask the process to end, wait for it and return its exit code; kills it when time is up."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def wait(self, timeout_seconds: float = 30.0) -> int:
        """Wait until the process has ended and return its exit code (-9 for a kill)."""
        code = self.process.wait(timeout_seconds)
        self._reader.join(5)
        return code


def eventually(check: Callable[[], Any], *, timeout_seconds: float = 20.0, what: str = "it") -> Any:
    """Return the first truthy answer of `check`, asked every 20 ms; raises AssertionError when time is up."""
    until = time.monotonic() + timeout_seconds
    while True:
        answer = check()
        if answer:
            return answer
        if time.monotonic() > until:
            raise AssertionError(f"{what} did not happen within {timeout_seconds:g} s")
        time.sleep(0.02)
