"""Settings of the relay, read from `HUB_RELAY_*` environment variables. Documented in docs/operations.md."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True, kw_only=True)
class RelaySettings:
    """How the relay works. Each is set by HUB_RELAY_ and its name in capitals.

    - `window_messages`, `window_bytes`: how much is published before the confirms are waited for.
    - `poll_min_seconds`, `poll_max_seconds`: the outbox is asked this often while busy, and before the relay sleeps.
    - `asleep_seconds`: a relay that sleeps looks this often although nothing woke it: processes of an older version
      write without waking.
    - `confirm_timeout_seconds`: a broker that confirms nothing for this long counts as lost.
    - `standby_seconds`: how often a relay that stands by asks for the lock.
    - `backoff_max_seconds`: the longest wait between attempts to reach broker or database.
    - `refused_max_seconds`: the longest wait before a destination that refused messages is tried again.
    - `housekeeping_seconds`: how often audit entries are sealed.
    - `gauges_seconds`, `retention_seconds`: how often the gauges are read and old rows deleted.
    - `outbox_days`, `inbox_days`: how long sent outbox rows and inbox rows are kept (the inbox longer than any replay).
    """

    window_messages: int = 500
    window_bytes: int = 4_000_000
    poll_min_seconds: float = 0.005
    poll_max_seconds: float = 0.05
    asleep_seconds: float = 1.0
    confirm_timeout_seconds: float = 30.0
    standby_seconds: float = 1.0
    backoff_max_seconds: float = 5.0
    refused_max_seconds: float = 60.0
    housekeeping_seconds: float = 0.5
    gauges_seconds: float = 2.0
    retention_seconds: float = 60.0
    outbox_days: float = 14.0
    inbox_days: float = 30.0

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> RelaySettings:
        """Read settings from `environ`; what is not set keeps its default. Raises ValueError for bad numbers."""
        given: dict[str, int | float] = {}
        for item in fields(cls):
            raw = environ.get(f"HUB_RELAY_{item.name.upper()}")
            if raw is not None:
                given[item.name] = int(raw) if item.name.startswith("window_") else float(raw)
        return cls(**given)  # type: ignore[arg-type]  # names and types come from the fields themselves


def relay_settings() -> RelaySettings:
    """Return this process's settings."""
    return RelaySettings.read(os.environ)
