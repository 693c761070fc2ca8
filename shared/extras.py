"""Libraries take what else is installed as asked for: structlog loads rich to colour a console nobody sees, kombu loads
yaml for messages nobody sends, httpx loads click for a command line of its own. All of it is here for others' sake, and
in each process it costs a tenth of a second and megabytes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without(*packages: str) -> Iterator[None]:
    """Import libraries as if these packages were not installed; whoever imports them afterwards gets them. What is
    loaded already stays as it is."""
    hidden = [package for package in packages if package not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: importing it raises ModuleNotFoundError
    try:
        yield
    finally:
        for package in hidden:
            del sys.modules[package]
