"""Settings of the command line, read from `HUB_*` environment variables. Documented in docs/operations.md."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shared.settings import given


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSettings:
    """Where this installation keeps what exists at run time, and where its processes listen.

    - `var` (HUB_VAR): folder for private servers, secrets, logs and the supervisor; default `var` in this folder.
    - `secrets` (HUB_SECRETS_DIR): folder of keys and passwords; default `secrets` in `var`.
    - `postgres_url` (HUB_POSTGRES_URL): a server to use instead of a private one.
    - `amqp_url` (HUB_AMQP_URL): a broker and virtual host to use as they are, instead of looking for one.
    - `vhost` (HUB_VHOST): the virtual host, and its user, that the hub makes on a broker of this machine.
    - `database_prefix` (HUB_DATABASE_PREFIX): a service's database is prefix + service.
    - `gateway_url` (HUB_URL): the gateway that commands ask; default: the one started here.
    - `gateway_port` (HUB_GATEWAY_PORT), `national_port` (HUB_NATIONAL_PORT), `ministry_port` (HUB_MINISTRY_PORT),
      `metrics_port` (HUB_METRICS_PORT_BASE): where the processes listen, the last one counting upwards.
    - `ready_seconds` (HUB_READY_SECONDS): how long a start may take.
    """

    var: Path = Path("var")
    secrets: Path = Path("var/secrets")
    postgres_url: str = ""
    amqp_url: str = ""
    vhost: str = "laichau_hub"
    database_prefix: str = "hub_"
    gateway_url: str = ""
    gateway_port: int = 8080
    national_port: int = 8090
    ministry_port: int = 8091
    metrics_port: int = 9101
    ready_seconds: float = 120.0

    @classmethod
    def read(cls, environ: Mapping[str, str] = os.environ) -> HubSettings:
        """Read settings from `environ`; folders become absolute. Raises ValueError for bad numbers."""
        default = cls()
        var = Path(environ.get("HUB_VAR") or default.var).absolute()
        port = int(environ.get("HUB_GATEWAY_PORT", default.gateway_port))
        return cls(
            var=var,
            secrets=Path(environ.get("HUB_SECRETS_DIR") or var / "secrets").absolute(),
            postgres_url=given(environ, "HUB_POSTGRES_URL"),
            amqp_url=given(environ, "HUB_AMQP_URL"),
            vhost=environ.get("HUB_VHOST", default.vhost),
            database_prefix=environ.get("HUB_DATABASE_PREFIX", default.database_prefix),
            gateway_url=environ.get("HUB_URL", f"http://127.0.0.1:{port}").rstrip("/"),
            gateway_port=port,
            national_port=int(environ.get("HUB_NATIONAL_PORT", default.national_port)),
            ministry_port=int(environ.get("HUB_MINISTRY_PORT", default.ministry_port)),
            metrics_port=int(environ.get("HUB_METRICS_PORT_BASE", default.metrics_port)),
            ready_seconds=float(environ.get("HUB_READY_SECONDS", default.ready_seconds)),
        )
