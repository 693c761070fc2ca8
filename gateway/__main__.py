"""`python -m gateway`: the gateway under uvicorn with uvloop and httptools, one process, no access log of its own."""

from __future__ import annotations

import os
import sys

import uvicorn

from gateway.app import create_app
from gateway.settings import GatewaySettings
from shared import health
from shared.logs import configure
from shared.settings import BackboneSettings

if __name__ == "__main__":
    configure("gateway", os.environ.get("HUB_LOG_LEVEL", "info"))
    try:
        settings, backbone = GatewaySettings.read(), BackboneSettings.read(os.environ)
    except ValueError as error:
        sys.exit(f"gateway: {error}")
    # Where machines behind an ingress may not see /metrics, Prometheus reads this port, which no ingress leads to.
    health.serve(backbone, health.checks_of(backbone, []))
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
