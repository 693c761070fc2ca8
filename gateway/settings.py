"""Settings of the gateway, read from `HUB_GATEWAY_*` and the backbone's `HUB_*`. Documented in docs/operations.md."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shared.settings import given

RECEIPT_KEY_FILE = "receipt_key"
XROAD_SECRET_FILE = "xroad_secret"  # noqa: S105 - the name of a file
MIN_KEY_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySettings:
    """What the gateway needs to know.

    - `amqp_url` (HUB_AMQP_URL, or the file in HUB_AMQP_URL_FILE): broker and virtual host.
    - `receipt_key`: the secret behind receipt ids, read from the file `receipt_key` in HUB_SECRETS_DIR. All gateways
      share it; changing it makes receipts given before unreadable.
    - `host`, `port` (HUB_GATEWAY_HOST, HUB_GATEWAY_PORT): where `python -m gateway` listens.
    - `fd` (HUB_GATEWAY_FD): the descriptor of a listening socket to take instead; several gateways may share one.
    - `drain_seconds` (HUB_GATEWAY_DRAIN_SECONDS): after SIGTERM, how long callers may finish with their connections.
    - `rpc_timeout_seconds` (HUB_RPC_TIMEOUT_SECONDS): how long a request waits for a service's answer.
    - `receipt_timeout_seconds` (HUB_GATEWAY_RECEIPT_TIMEOUT_SECONDS): how long a push waits for the question whether
      its key was seen before; after that it is published anyway, intake tells repeats by the receipt id.
    - `max_body_bytes` (HUB_GATEWAY_MAX_BODY_BYTES): more is refused with 413 while it is being read.
    - `calls_per_second`, `calls_burst` (HUB_GATEWAY_CALLS_PER_SECOND, HUB_GATEWAY_CALLS_BURST): budget of one
      signed-in caller; 0 is no limit.
    - `sign_ins_per_second`, `sign_ins_burst` (HUB_GATEWAY_SIGN_INS_PER_SECOND, HUB_GATEWAY_SIGN_INS_BURST): budget of
      one address for asking tokens.
    - `public_reads_per_second`, `public_reads_burst` (HUB_GATEWAY_PUBLIC_READS_PER_SECOND,
      HUB_GATEWAY_PUBLIC_READS_BURST): budget of one address for reading what is published without a token.
    - `metrics_loopback_only` (HUB_GATEWAY_METRICS_LOOPBACK_ONLY): 1 hides /metrics from other machines.
    - `proxies` (HUB_GATEWAY_PROXIES): addresses and networks, with commas between, of the proxies in front, whose word
      for who calls and by which scheme (X-Forwarded-For, X-Forwarded-Proto) is taken; budgets go by that address.
    - `public_url` (HUB_GATEWAY_PUBLIC_URL): how the gateway is addressed from outside, for the SOAP contract; empty: as
      the request was.
    - `xroad_service` (HUB_GATEWAY_XROAD_SERVICE): our service on X-Road, `INSTANCE/CLASS/CODE/SUBSYSTEM/SERVICE`;
      empty: no call is X-Road's.
    - `xroad_secrets`: the secrets that our security servers present, one a line, read from the file `xroad_secret` in
      HUB_SECRETS_DIR; without the file no call is X-Road's.
    - `token_issuer`, `token_audience` (HUB_TOKEN_ISSUER, HUB_TOKEN_AUDIENCE): what tokens must name.
    """

    amqp_url: str
    receipt_key: bytes
    host: str = "127.0.0.1"
    port: int = 8080
    fd: int | None = None
    drain_seconds: float = 6.0
    rpc_timeout_seconds: float = 10.0
    receipt_timeout_seconds: float = 1.0
    max_body_bytes: int = 2 * 1024 * 1024
    calls_per_second: float = 1000.0
    calls_burst: float = 2000.0
    sign_ins_per_second: float = 20.0
    sign_ins_burst: float = 60.0
    public_reads_per_second: float = 10.0
    public_reads_burst: float = 60.0
    metrics_loopback_only: bool = True
    proxies: str = "127.0.0.1,::1"
    public_url: str = ""
    xroad_service: str = ""
    xroad_secrets: tuple[bytes, ...] = ()
    token_issuer: str = "laichau-hub"  # noqa: S105 - a name, no secret
    token_audience: str = "laichau-hub"  # noqa: S105 - the same

    @classmethod
    def read(cls, environ: Mapping[str, str] = os.environ) -> GatewaySettings:
        """Read settings from `environ`. Ends the process with one line when the receipt key is missing or short."""

        default = cls(amqp_url="", receipt_key=b"")

        def number(name: str, default: float) -> float:
            return float(environ.get(name, default))

        return cls(
            amqp_url=given(environ, "HUB_AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/"),
            receipt_key=_receipt_key(environ),
            host=environ.get("HUB_GATEWAY_HOST", default.host),
            port=int(number("HUB_GATEWAY_PORT", default.port)),
            fd=int(environ["HUB_GATEWAY_FD"]) if environ.get("HUB_GATEWAY_FD") else None,
            drain_seconds=number("HUB_GATEWAY_DRAIN_SECONDS", default.drain_seconds),
            rpc_timeout_seconds=number("HUB_RPC_TIMEOUT_SECONDS", default.rpc_timeout_seconds),
            receipt_timeout_seconds=number("HUB_GATEWAY_RECEIPT_TIMEOUT_SECONDS", default.receipt_timeout_seconds),
            max_body_bytes=int(number("HUB_GATEWAY_MAX_BODY_BYTES", default.max_body_bytes)),
            calls_per_second=number("HUB_GATEWAY_CALLS_PER_SECOND", default.calls_per_second),
            calls_burst=number("HUB_GATEWAY_CALLS_BURST", default.calls_burst),
            sign_ins_per_second=number("HUB_GATEWAY_SIGN_INS_PER_SECOND", default.sign_ins_per_second),
            sign_ins_burst=number("HUB_GATEWAY_SIGN_INS_BURST", default.sign_ins_burst),
            public_reads_per_second=number("HUB_GATEWAY_PUBLIC_READS_PER_SECOND", default.public_reads_per_second),
            public_reads_burst=number("HUB_GATEWAY_PUBLIC_READS_BURST", default.public_reads_burst),
            metrics_loopback_only=environ.get("HUB_GATEWAY_METRICS_LOOPBACK_ONLY", "1") != "0",
            proxies=environ.get("HUB_GATEWAY_PROXIES", default.proxies),
            public_url=environ.get("HUB_GATEWAY_PUBLIC_URL", ""),
            xroad_service=environ.get("HUB_GATEWAY_XROAD_SERVICE", ""),
            xroad_secrets=_xroad_secrets(environ),
            token_issuer=environ.get("HUB_TOKEN_ISSUER", default.token_issuer),
            token_audience=environ.get("HUB_TOKEN_AUDIENCE", default.token_audience),
        )


def _receipt_key(environ: Mapping[str, str]) -> bytes:
    path = Path(environ.get("HUB_SECRETS_DIR", "var/secrets"), RECEIPT_KEY_FILE)
    try:
        key = path.read_bytes().strip()
    except OSError as error:
        sys.exit(f"gateway: no receipt key: {error} (set HUB_SECRETS_DIR; `hub run` creates the key)")
    if len(key) < MIN_KEY_BYTES:
        sys.exit(f"gateway: the receipt key in {path} is shorter than {MIN_KEY_BYTES} bytes")
    return key


def _xroad_secrets(environ: Mapping[str, str]) -> tuple[bytes, ...]:
    path = Path(environ.get("HUB_SECRETS_DIR", "var/secrets"), XROAD_SECRET_FILE)
    try:
        lines = tuple(line.strip() for line in path.read_bytes().splitlines() if line.strip())
    except FileNotFoundError:
        return ()
    except OSError as error:
        sys.exit(f"gateway: cannot read {path}: {error}")
    if any(len(line) < MIN_KEY_BYTES for line in lines):
        sys.exit(f"gateway: a secret in {path} is shorter than {MIN_KEY_BYTES} bytes")
    return lines
