"""The toy's RPC class."""

from __future__ import annotations

from typing import Any

import eventlet

from shared.entrypoints import rpc
from shared.errors import BY_NAME


class EchoService:
    """Echoes, sleeps and fails."""

    name = "echo"

    @rpc
    def echo(self, value: Any) -> Any:
        """Return the argument."""
        return value

    @rpc
    def sleep(self, seconds: float) -> str:
        """Return after so long."""
        eventlet.sleep(seconds)
        return "woke"

    @rpc
    def fail(self, kind: str, detail: str | None) -> None:
        """Raise an error of this kind, or a stranger."""
        if kind == "stranger":
            raise RuntimeError("boom")
        raise BY_NAME[kind]("echo.failed", "it failed", detail, {"round": 2, "errors": [{"place": "$"}]})
