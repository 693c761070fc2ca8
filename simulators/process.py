"""Start one far side as a process of its own, on the loopback address unless told otherwise."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from simulators.behaviour import FarSide
from simulators.packets import add_packets
from simulators.rest import add_control, add_rest
from simulators.soap import add_soap
from simulators.source import SourceSystem, add_source


def create_app(title: str, token: str, certificate: bytes | None = None) -> FastAPI:
    """Return a far side that answers callers presenting `token`; with a certificate (PEM) it takes no packet that the
    certificate's holder did not sign."""
    app = FastAPI(title=title, docs_url=None, redoc_url=None)
    far = FarSide()
    add_rest(app, far, token)
    add_soap(app, far, token)
    add_packets(app, far, certificate)
    add_control(app, far)
    add_source(app, SourceSystem())
    return app


def main(title: str, partner: str, port: int) -> None:
    """Serve until stopped. The token is the file `partner_<id>` in HUB_SECRETS_DIR: the same the hub presents; with the
    hub's certificate there, `packet_signing_certificate`, packets must be signed."""
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", type=int, default=port)
    parser.add_argument("--partner", default=partner, help="which partner's secret to expect")
    arguments = parser.parse_args()
    folder = os.environ.get("HUB_SECRETS_DIR")
    if not folder:
        parser.error("HUB_SECRETS_DIR is not set: it holds the secret that callers must present")
    token = (Path(folder) / f"partner_{arguments.partner}").read_text().strip()
    certificate = Path(folder) / "packet_signing_certificate"
    uvicorn.run(
        create_app(title, token, certificate.read_bytes() if certificate.is_file() else None),
        host=arguments.host,
        port=arguments.port,
        log_level="warning",
        timeout_graceful_shutdown=1,
    )
