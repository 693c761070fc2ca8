"""Serving until told to end, and ending so that no caller notices.

On SIGTERM readiness goes first, and no connection is taken any more: another process on the same socket takes them.
Each connection that callers keep is closed with the answer to its next request, or when it was idle long enough that
its caller will not use it again. Requests in hand are finished. Owns no route and knows no broker.
"""

from __future__ import annotations

import asyncio
import socket
import time
from typing import Any

import uvicorn

from shared import traces
from shared.health import Standing
from shared.logs import logger

log = logger(__name__)

KEEP_ALIVE_SECONDS = 15
"""How long a connection may be idle: longer than clients keep theirs (httpx: 5 s), so that none is closed at the moment
at which it is used again."""

FINISH_SECONDS = 15
_LOOK_SECONDS = 0.05


class Server(uvicorn.Server):
    """uvicorn's server with an end in two steps: no keep-alive any more, then its own shutdown."""

    def __init__(self, config: uvicorn.Config, standing: Standing, drain_seconds: float) -> None:
        super().__init__(config)
        self._standing = standing
        self._drain_seconds = drain_seconds

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Called by uvicorn: connect, then listen."""
        await super().startup(sockets)
        log.info("process.ready")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Called by uvicorn after SIGTERM or SIGINT."""
        log.info("process.stopping", connections=len(self.server_state.connections))
        self._standing.end()
        for server in self.servers:
            server.close()
        end = time.monotonic() + self._drain_seconds
        while self.server_state.connections and time.monotonic() < end and not self.force_exit:
            await asyncio.sleep(_LOOK_SECONDS)
        await super().shutdown(sockets)
        await asyncio.to_thread(traces.end)
        log.info("process.ended")


def listening(fd: int | None) -> list[socket.socket] | None:
    """Return the listening socket that was handed to this process as `fd`; None: uvicorn makes its own."""
    return None if fd is None else [socket.socket(fileno=fd)]


def configured(app: Any, host: str, port: int, proxies: str) -> uvicorn.Config:
    """Return how the gateway is served: uvloop and httptools, one process, no access log of its own. What
    `proxies` say of their callers is believed."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
        forwarded_allow_ips=proxies,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=FINISH_SECONDS,
    )
