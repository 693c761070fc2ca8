"""`python -m gateway`: the gateway under uvicorn, one process, until SIGTERM."""

from __future__ import annotations

import os
import sys

from shared import memory

memory.begin()

from gateway.app import create_app  # noqa: E402 - after `begin`, which is about loading
from gateway.serving import Server, configured, listening  # noqa: E402
from gateway.settings import GatewaySettings  # noqa: E402
from shared import health, traces  # noqa: E402
from shared.logs import configure  # noqa: E402
from shared.settings import BackboneSettings  # noqa: E402

if __name__ == "__main__":
    configure("gateway", os.environ.get("HUB_LOG_LEVEL", "info"))
    try:
        settings, backbone = GatewaySettings.read(), BackboneSettings.read(os.environ)
        traces.configure(backbone, os.environ.get("HUB_PROCESS_NAME", "gateway"))
    except (ValueError, RuntimeError) as error:
        sys.exit(f"gateway: {error}")
    app = create_app(settings)
    # Where machines behind an ingress may not see /metrics, Prometheus reads this port, which no ingress leads to.
    health.serve(backbone, {**health.checks_of(backbone, []), "standing": app.state.standing.check})
    memory.settle()
    config = configured(app, settings.host, settings.port, settings.proxies)
    server = Server(config, app.state.standing, settings.drain_seconds)
    server.run(listening(settings.fd))
