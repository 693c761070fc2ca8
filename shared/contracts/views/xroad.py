"""Who calls over X-Road."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class XRoadCallerView:
    """The partner that an X-Road client belongs to, and the client of the hub it stands for."""

    partner: str
    client: str
