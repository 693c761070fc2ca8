"""The shape of the source: sizes, layers, and events that have both a queue and a handler."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from hub import docs
from shared.contracts.events import EVENTS
from shared.topology import CONSUMERS
from tests import order

MAX_LINES = 400
LONGER: dict[str, str] = {}
"""Modules that may be longer, each with its reason."""

COMMANDS = {
    "imports": ["-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
    "ruff check": ["-m", "ruff", "check", "--no-cache", "."],
    "ruff format": ["-m", "ruff", "format", "--no-cache", "--check", "."],
    "mypy": ["-m", "mypy"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_source_passes(name: str) -> None:
    ran = subprocess.run(
        [sys.executable, *COMMANDS[name]], cwd=docs.ROOT, capture_output=True, text=True, check=False, timeout=280
    )
    assert ran.returncode == 0, (ran.stdout + ran.stderr)[-4000:]


def test_no_module_is_longer_than_a_reader_can_hold() -> None:
    too_long = {
        path: lines
        for path in (item.path for item in docs.sources())
        if (lines := len((docs.ROOT / path).read_text(encoding="utf-8").splitlines())) > MAX_LINES
        and path not in LONGER
    }
    assert too_long == {}


def test_every_bound_queue_has_a_handler_and_every_handler_a_queue() -> None:
    names = {event.__name__: event.event for event in EVENTS}
    handled = set()
    for source in docs.sources():
        if not source.path.startswith("services/"):
            continue
        for item in ast.walk(source.tree):
            if isinstance(item, ast.FunctionDef):
                for mark in item.decorator_list:
                    if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Name) and mark.func.id == "handles":
                        event = names[ast.unparse(mark.args[0])]
                        assert item.name == f"on_{event}", f"{source.path}: {item.name}"
                        handled.add((event, Path(source.path).parts[1]))
    assert handled == {(event, service) for event, services in CONSUMERS.items() for service in services}


def test_what_tests_begin_with_is_there() -> None:
    files = [path.relative_to(docs.ROOT).as_posix() for path in (docs.ROOT / "tests").rglob("*.py")]
    assert [start for start in order.LONG if not any(file.startswith(start) for file in files)] == []


def test_no_file_is_named_for_nothing_in_particular() -> None:
    banned = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
    assert [item.path for item in docs.sources() if Path(item.path).stem in banned] == []
