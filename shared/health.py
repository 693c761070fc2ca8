"""What others may ask a process over HTTP, on the port where Prometheus reads it: is it alive, can it work.

Alive is whoever answers. Ready is who reaches what it needs at this moment: connections are made for the question and
closed again, because a pool's idle ones tell about the past. Nothing here is for callers of the hub: the port stays
inside the network of its machine or cluster.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

from shared.settings import BackboneSettings

Check = Callable[[], None]
"""Raises an exception when what it names cannot be reached."""

_PATIENCE_SECONDS = 3


class Standing:
    """Where a process stands between its start and its end. It is ready only while it serves: not before it takes work,
    and no more once it was told to end, though it still finishes what it has in hand."""

    def __init__(self, phase: str = "starting") -> None:
        self._phase = phase

    @property
    def ending(self) -> bool:
        """Whether it was told to end."""
        return self._phase == "ending"

    def serve(self) -> None:
        """From now on it takes work."""
        if not self.ending:
            self._phase = "serving"

    def end(self) -> None:
        """From now on it takes none."""
        self._phase = "ending"

    def check(self) -> None:
        """Raise NotServing unless it takes work."""
        if self._phase != "serving":
            raise NotServing(self._phase)


class NotServing(Exception):
    """The process has not begun to take work, or takes none any more."""


def serve(settings: BackboneSettings, checks: Mapping[str, Check]) -> None:
    """Answer /metrics, /health/live and /health/ready on the settings' host and port; port 0 serves nothing."""
    if settings.metrics_port:
        server = make_server(
            settings.metrics_host,
            settings.metrics_port,
            application(checks),
            ThreadingWSGIServer,
            handler_class=_Silent,
        )
        threading.Thread(target=server.serve_forever, daemon=True, name="health").start()


def checks_of(settings: BackboneSettings, services: Iterable[str]) -> dict[str, Check]:
    """Return the checks of a process that works on these services' databases and on the broker."""
    checks = {f"database {service}": _database(settings.database_url(service)) for service in services}
    return {**checks, "broker": _broker(settings.amqp_url)}


def application(checks: Mapping[str, Check]) -> Callable[..., Iterable[bytes]]:
    """Return the WSGI application that answers; what is not ready is named with its class of error, never with a
    message, which may hold an address or a login."""
    metrics: Callable[..., Iterable[bytes]] = make_wsgi_app()

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == "/metrics":
            return metrics(environ, start_response)
        if path not in ("/health/live", "/health/ready"):
            status, text = "404 Not Found", "nothing here"
        else:
            missing = _missing(checks) if path == "/health/ready" else []
            status = "503 Service Unavailable" if missing else "200 OK"
            text = ", ".join(missing) or path.rpartition("/")[2]
        start_response(status, [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")])
        return [f"{text}\n".encode()]

    return answer


def _missing(checks: Mapping[str, Check]) -> list[str]:
    missing = []
    for name, check in checks.items():
        try:
            check()
        except Exception as error:  # whatever stands in the way, the process is not ready
            missing.append(f"{name}: {type(error).__name__}")
    return missing


def _database(url: str) -> Check:
    def check() -> None:
        import psycopg  # not before shared.process has told it how to wait

        with psycopg.connect(url, connect_timeout=_PATIENCE_SECONDS) as connection:
            connection.execute("SELECT 1")

    return check


def _broker(url: str) -> Check:
    def check() -> None:
        import pika

        parameters = pika.URLParameters(url)
        parameters.socket_timeout = parameters.stack_timeout = parameters.blocked_connection_timeout = _PATIENCE_SECONDS
        parameters.connection_attempts = 1
        parameters.client_properties = {"connection_name": "hub health"}
        pika.BlockingConnection(parameters).close()

    return check


class _Silent(WSGIRequestHandler):
    """Writes no line per request: a probe every few seconds would be most of the log."""

    def log_message(self, format: str, *args: object) -> None:
        pass
