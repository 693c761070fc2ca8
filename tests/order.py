"""Which tests stay together and what runs first, so that two processors are busy to the end.

A module's tests stay on one worker, which makes the module's databases once. Two groups are larger than a module: the
fault suite has one hub on servers of its own, and the modules of tests/system that look at a whole hub share another.
What takes long begins first, so that no worker is left with it at the end."""

from __future__ import annotations

from typing import Any

import pytest
from eventlet import patcher

WHOLE_HUB = tuple(f"tests/system/test_{name}.py" for name in ("traces", "guides", "contract"))
"""They share one hub, in this order: strangers' requests, which leave behind what nobody can foresee, come last."""

LONG = (
    "tests/faults/",
    *WHOLE_HUB,
    "tests/system/test_prometheus.py",
    "tests/service/integration/test_differences.py",
    "tests/service/integration/",
    "tests/service/backbone/",
    "tests/service/backbone2/",
    "tests/architecture/test_layout.py",
    "tests/service/test_",
    "tests/architecture/test_monitoring.py",
    "tests/system/",
    "tests/service/submissions/",
    "tests/service/indicators/",
    "tests/service/",
    "tests/architecture/",
)
"""Beginnings of paths, what takes longest first; the rest follows as it is collected."""


def group(nodeid: str) -> str:
    """Return the name of what stays together with this test."""
    path = nodeid.partition("::")[0]
    if path in WHOLE_HUB:
        return "whole hub"
    return "faults" if path.startswith("tests/faults/") else path


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order what was collected by how long it takes; a module's own order stays. Refuse a run in which a module's
    import has made threads green (shared.process does): the workers of xdist would wait for each other for ever."""
    if patcher.is_monkey_patched("thread"):
        raise pytest.UsageError("a test module's import has patched the threads: import shared.process in a process")

    def rank(item: pytest.Item) -> int:
        path = item.nodeid.partition("::")[0]
        return next((number for number, start in enumerate(LONG) if path.startswith(start)), len(LONG))

    items.sort(key=rank)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give xdist a scheduler that keeps groups together and takes them in the order of the collection."""
    from xdist.scheduler import LoadScopeScheduling

    class Groups(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group(nodeid)

    config.option.loadscopereorder = False
    return Groups(config, log)
