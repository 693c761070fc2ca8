"""`python -m gateway`: the gateway under uvicorn with uvloop and httptools, one process, no access log of its own."""

from __future__ import annotations

import os

import uvicorn

from gateway.app import create_app
from gateway.settings import GatewaySettings
from shared.logs import configure

if __name__ == "__main__":
    configure("gateway", os.environ.get("HUB_LOG_LEVEL", "info"))
    settings = GatewaySettings.read()
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=15,
    )
