"""Settings of the backbone, read from `HUB_*` environment variables. Documented in docs/operations.md."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit, urlunsplit


@dataclass(frozen=True, slots=True, kw_only=True)
class BackboneSettings:
    """What every process needs to know to reach database and broker.

    - `postgres_url` (HUB_POSTGRES_URL): the server, e.g. `postgresql://user@host:port`; its path is ignored.
    - `database_prefix` (HUB_DATABASE_PREFIX): a service's database is prefix + service.
    - `amqp_url` (HUB_AMQP_URL): broker and virtual host.
    - `var` (HUB_VAR): folder for what exists at run time only.
    - `metrics_port` (HUB_METRICS_PORT): where Prometheus reads this process; 0 is nowhere.
    - `log_level` (HUB_LOG_LEVEL): debug, info, warning or error.
    - `max_workers` (HUB_MAX_WORKERS): calls that one service class works on at once.
    - `rpc_timeout_seconds` (HUB_RPC_TIMEOUT_SECONDS): how long a caller waits for an answer.
    - `statement_timeout_seconds` (HUB_STATEMENT_TIMEOUT_SECONDS): after this PostgreSQL gives a statement up.
    - `lock_timeout_seconds` (HUB_LOCK_TIMEOUT_SECONDS): after this PostgreSQL gives waiting for a lock up.
    """

    postgres_url: str = "postgresql://127.0.0.1:5432"
    database_prefix: str = "hub_"
    amqp_url: str = "amqp://guest:guest@127.0.0.1:5672/"
    var: str = "var"
    metrics_port: int = 0
    log_level: str = "info"
    max_workers: int = 10
    rpc_timeout_seconds: float = 10.0
    statement_timeout_seconds: float = 60.0
    lock_timeout_seconds: float = 20.0

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> BackboneSettings:
        """Read settings from `environ`; what is not set keeps its default. Raises ValueError for bad numbers."""
        default = cls()
        return cls(
            postgres_url=environ.get("HUB_POSTGRES_URL", default.postgres_url),
            database_prefix=environ.get("HUB_DATABASE_PREFIX", default.database_prefix),
            amqp_url=environ.get("HUB_AMQP_URL", default.amqp_url),
            var=environ.get("HUB_VAR", default.var),
            metrics_port=int(environ.get("HUB_METRICS_PORT", default.metrics_port)),
            log_level=environ.get("HUB_LOG_LEVEL", default.log_level),
            max_workers=int(environ.get("HUB_MAX_WORKERS", default.max_workers)),
            rpc_timeout_seconds=float(environ.get("HUB_RPC_TIMEOUT_SECONDS", default.rpc_timeout_seconds)),
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


def database_url(server_url: str, database: str) -> str:
    """Return `server_url` with `database` as its path; query parameters stay."""
    parts = urlsplit(server_url)
    return urlunsplit((parts.scheme, parts.netloc, f"/{database}", parts.query, ""))


@lru_cache(maxsize=1)
def backbone_settings() -> BackboneSettings:
    """Return this process's settings, read once."""
    return BackboneSettings.read(os.environ)
