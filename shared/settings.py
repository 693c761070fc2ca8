"""Settings of the backbone, read from `HUB_*` environment variables. Documented in docs/operations.md."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit


@dataclass(frozen=True, slots=True, kw_only=True)
class BackboneSettings:
    """What every process needs to know to reach database and broker.

    - `postgres_url` (HUB_POSTGRES_URL, or the file in HUB_POSTGRES_URL_FILE): the server, e.g.
      `postgresql://user@host:port`; its path is ignored.
    - `database_prefix` (HUB_DATABASE_PREFIX): a service's database is prefix + service.
    - `amqp_url` (HUB_AMQP_URL, or the file in HUB_AMQP_URL_FILE): broker and virtual host.
    - `var` (HUB_VAR): folder for what exists at run time only.
    - `metrics_host`, `metrics_port` (HUB_METRICS_HOST, HUB_METRICS_PORT): where Prometheus and probes read this
      process; port 0 is nowhere.
    - `log_level` (HUB_LOG_LEVEL): debug, info, warning or error.
    - `max_workers` (HUB_MAX_WORKERS): calls that one service class works on at once.
    - `rpc_timeout_seconds` (HUB_RPC_TIMEOUT_SECONDS): how long a caller waits for an answer.
    - `traces_endpoint` (HUB_TRACES_ENDPOINT): where OpenTelemetry's spans go, OTLP over HTTP; empty is nowhere.
    - `traces_share` (HUB_TRACES_SHARE): the part of all correlation ids that is traced, 0 to 1.
    - `statement_timeout_seconds` (HUB_STATEMENT_TIMEOUT_SECONDS): after this PostgreSQL gives a statement up.
    - `lock_timeout_seconds` (HUB_LOCK_TIMEOUT_SECONDS): after this PostgreSQL gives waiting for a lock up.
    """

    postgres_url: str = "postgresql://127.0.0.1:5432"
    database_prefix: str = "hub_"
    amqp_url: str = "amqp://guest:guest@127.0.0.1:5672/"
    var: str = "var"
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 0
    log_level: str = "info"
    max_workers: int = 10
    rpc_timeout_seconds: float = 10.0
    traces_endpoint: str = ""
    traces_share: float = 1.0
    statement_timeout_seconds: float = 60.0
    lock_timeout_seconds: float = 20.0

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> BackboneSettings:
        """Read settings from `environ`; what is not set keeps its default. Raises ValueError for bad numbers
        and for a file that cannot be read."""
        default = cls()
        return cls(
            postgres_url=given(environ, "HUB_POSTGRES_URL", default.postgres_url),
            database_prefix=environ.get("HUB_DATABASE_PREFIX", default.database_prefix),
            amqp_url=given(environ, "HUB_AMQP_URL", default.amqp_url),
            var=environ.get("HUB_VAR", default.var),
            metrics_host=environ.get("HUB_METRICS_HOST", default.metrics_host),
            metrics_port=int(environ.get("HUB_METRICS_PORT", default.metrics_port)),
            log_level=environ.get("HUB_LOG_LEVEL", default.log_level),
            max_workers=int(environ.get("HUB_MAX_WORKERS", default.max_workers)),
            rpc_timeout_seconds=float(environ.get("HUB_RPC_TIMEOUT_SECONDS", default.rpc_timeout_seconds)),
            traces_endpoint=environ.get("HUB_TRACES_ENDPOINT", default.traces_endpoint),
            traces_share=float(environ.get("HUB_TRACES_SHARE", default.traces_share)),
            statement_timeout_seconds=float(
                environ.get("HUB_STATEMENT_TIMEOUT_SECONDS", default.statement_timeout_seconds)
            ),
            lock_timeout_seconds=float(environ.get("HUB_LOCK_TIMEOUT_SECONDS", default.lock_timeout_seconds)),
        )

    def database(self, service: str) -> str:
        """Return the name of the service's database."""
        return self.database_prefix + service

    def database_url(self, service: str) -> str:
        """Return the libpq URL of the service's database (`postgresql://user@host:port/hub_approval`)."""
        return database_url(self.postgres_url, self.database(service))


def given(environ: Mapping[str, str], name: str, default: str = "") -> str:
    """Return the variable `name`, or what stands in the file that `<name>_FILE` names, or `default`.

    A URL with a password is better in a file: an environment is seen by every child, in crash reports and by whoever
    inspects the container. Raises ValueError when both are set, and for a file that cannot be read or is empty.
    """
    file = environ.get(f"{name}_FILE")
    if not file:
        return environ.get(name, default)
    if environ.get(name):
        raise ValueError(f"{name} and {name}_FILE are both set; keep one")
    try:
        content = Path(file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ValueError(f"{name}_FILE: {error}") from error
    if not content:
        raise ValueError(f"{name}_FILE: {file} is empty")
    return content


def database_url(server_url: str, database: str) -> str:
    """Return `server_url` with `database` as its path; query parameters stay."""
    parts = urlsplit(server_url)
    return urlunsplit((parts.scheme, parts.netloc, f"/{database}", parts.query, ""))


@lru_cache(maxsize=1)
def backbone_settings() -> BackboneSettings:
    """Return this process's settings, read once."""
    return BackboneSettings.read(os.environ)
