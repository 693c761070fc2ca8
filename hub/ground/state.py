"""What the last start found or made, kept in HUB_VAR/ground.json for the commands that come after it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

Say = Callable[[str], None]
"""Tells the person at the terminal one thing that was done, in one line."""


@dataclass(slots=True)
class State:
    """Servers in use and where each comes from, so that stop and clean touch only what is ours.

    postgres: given | private. broker: given | vhost | private | container.
    """

    postgres: str = ""
    postgres_url: str = ""
    broker: str = ""
    amqp_url: str = ""

    @classmethod
    def load(cls, var: Path) -> State:
        """Read the state; an empty one where nothing was started yet."""
        path = var / "ground.json"
        return msgspec.json.decode(path.read_bytes(), type=cls) if path.exists() else cls()

    def save(self, var: Path) -> None:
        """Write the state, readable by its owner only, because URLs hold passwords."""
        write_secret(var / "ground.json", msgspec.json.format(msgspec.json.encode(self)))


def write_secret(path: Path, content: bytes) -> None:
    """Replace a file, whole or not at all, readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.new")
    partial.touch(mode=0o600)
    partial.chmod(0o600)
    partial.write_bytes(content)
    os.replace(partial, path)  # noqa: PTH105 (one call is the whole point; Path.replace is the same)
