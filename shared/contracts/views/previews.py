"""What would be sent to a partner."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestPreview:
    """A request as it would leave, credentials masked: `headers` a line each, `body` its text; of `values` figures at
    `version`."""

    partner: str
    method: str
    address: str
    headers: list[str]
    body: str
    version: int
    values: int
