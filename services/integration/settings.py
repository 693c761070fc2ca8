"""Settings of the integration service. Documented in docs/operations.md."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_PREFIX = "HUB_INTEGRATION_"

AHEAD = 16
"""Deliveries of one partner that are claimed at once, so that one transaction claims or records several: those being
sent and those next in turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegrationSettings:
    """How deliveries and reconciliations are worked. All times are seconds.

    - `secrets` (HUB_SECRETS_DIR): folder with one file `partner_<id>` per partner. Default: `secrets` under HUB_VAR.
    - `contracts` (HUB_CONTRACTS_DIR): folder of partners' WSDL files. Default: `contracts` under HUB_VAR.
    - `process` (HUB_PROCESS_NAME): under this name a worker claims deliveries, and finds its own again after a restart.
    - `poll_seconds` (HUB_INTEGRATION_POLL_SECONDS): how often a sender with nothing to do looks again.
    - `senders` (HUB_INTEGRATION_SENDERS): calls that one partner gets at once.
    - `timeout_seconds` (HUB_INTEGRATION_TIMEOUT_SECONDS): how long a partner may take to answer one call.
    - `quick_tries` (HUB_INTEGRATION_QUICK_TRIES): tries within one attempt while nothing can have been applied.
    - `max_attempts` (HUB_INTEGRATION_MAX_ATTEMPTS): attempts before a delivery is dead and a person is told.
    - `backoff_seconds` (HUB_INTEGRATION_BACKOFF_SECONDS): wait after the first failed attempt; it doubles each time.
    - `backoff_cap_seconds` (HUB_INTEGRATION_BACKOFF_CAP_SECONDS): the longest such wait.
    - `breaker_failures` (HUB_INTEGRATION_BREAKER_FAILURES): failed calls in a row after which a partner is left alone.
    - `breaker_seconds`, `breaker_cap_seconds` (HUB_INTEGRATION_BREAKER_SECONDS, HUB_INTEGRATION_BREAKER_CAP_SECONDS):
      for how long, before one call probes; it doubles with each probe that fails, up to the cap.
    - `reconcile_every_seconds` (HUB_INTEGRATION_RECONCILE_EVERY_SECONDS): between reconciliations; 0 never.
    - `scrub_every_seconds` (HUB_INTEGRATION_SCRUB_EVERY_SECONDS): how often digests are recomputed from the ledger and
      the ledger is compared with the warehouse; 0 never.
    - `chunks_overdue_seconds` (HUB_INTEGRATION_CHUNKS_OVERDUE_SECONDS): age of a set asked for anew.
    - `differences_days` (HUB_INTEGRATION_DIFFERENCES_DAYS): how long settled differences and comparisons are kept.
    - `earlier_days` (HUB_INTEGRATION_EARLIER_DAYS): how long it is known what earlier versions of ours said.
    - `plain_anywhere` (HUB_INTEGRATION_PLAIN_ANYWHERE): 1 lets partners be called without TLS beyond the loopback and
      private networks, too.
    - `pull_timeout_seconds` (HUB_INTEGRATION_PULL_TIMEOUT_SECONDS): how long a source may take to answer one request.
    - `pull_tries` (HUB_INTEGRATION_PULL_TRIES): tries of one page before its run has failed.
    - `pull_days` (HUB_INTEGRATION_PULL_DAYS): how long pull runs with their errors and receipts are kept.
    - `journal_days` (HUB_INTEGRATION_JOURNAL_DAYS): how long the journal is kept: as long as outboxes are.
    - `message_body_bytes` (HUB_INTEGRATION_MESSAGE_BODY_BYTES): how much of a body the message log keeps.
    - `message_bodies_days`, `messages_days` (HUB_INTEGRATION_MESSAGE_BODIES_DAYS, HUB_INTEGRATION_MESSAGES_DAYS): how
      long the message log keeps bodies, and entries.
    """

    secrets: Path
    contracts: Path = Path("var/contracts")
    process: str = "integration.worker"
    poll_seconds: float = 0.2
    senders: int = 2
    timeout_seconds: float = 5.0
    quick_tries: int = 3
    max_attempts: int = 20
    backoff_seconds: float = 0.5
    backoff_cap_seconds: float = 300.0
    breaker_failures: int = 5
    breaker_seconds: float = 5.0
    breaker_cap_seconds: float = 300.0
    reconcile_every_seconds: float = 3600.0
    scrub_every_seconds: float = 3600.0
    chunks_overdue_seconds: float = 60.0
    pull_timeout_seconds: float = 30.0
    pull_tries: int = 6
    pull_days: int = 365
    journal_days: int = 14
    differences_days: int = 1_830
    earlier_days: int = 1_830
    plain_anywhere: bool = False
    message_body_bytes: int = 262_144
    message_bodies_days: int = 90
    messages_days: int = 1_830

    @classmethod
    def read(cls, environ: Mapping[str, str] = os.environ) -> IntegrationSettings:
        """Read settings from `environ`; what is not set keeps its default. Raises ValueError for bad numbers."""
        base = Path(environ.get("HUB_VAR", "var"))
        whole = {name for name, field in cls.__dataclass_fields__.items() if field.type == "int"}
        given: dict[str, float] = {}
        for name in cls.__dataclass_fields__:
            text = environ.get(_PREFIX + name.upper())
            if text is not None and name not in ("secrets", "contracts", "process", "plain_anywhere"):
                given[name] = int(text) if name in whole else float(text)
        process = environ.get("HUB_PROCESS_NAME", "integration.worker")
        return cls(
            secrets=Path(environ.get("HUB_SECRETS_DIR") or base / "secrets"),
            contracts=Path(environ.get("HUB_CONTRACTS_DIR") or base / "contracts"),
            process=process,
            plain_anywhere=environ.get(_PREFIX + "PLAIN_ANYWHERE", "0") == "1",
            **given,  # type: ignore[arg-type]  # names above
        )

    def lease_seconds(self, callers: int) -> float:
        """How long a claimed delivery is its sender's alone, with so many calls at once: longer than those before it
        and itself can take."""
        return self.timeout_seconds * (self.quick_tries + 1) * math.ceil(AHEAD / callers) + 20.0

    def secret_file(self, credential: str) -> Path:
        """Return the file that holds a partner's secret."""
        return self.secrets / credential


def endpoint_of(partner: str, configured: str, environ: Mapping[str, str] = os.environ) -> str:
    """Return where this partner is: what HUB_INTEGRATION_ENDPOINT_<ID> (`-` written as `_`) says, else `configured`."""
    return environ.get(f"{_PREFIX}ENDPOINT_{partner.upper().replace('-', '_')}", configured)


@lru_cache(maxsize=1)
def integration_settings() -> IntegrationSettings:
    """Return this process's settings, read once."""
    return IntegrationSettings.read()
