"""The message log as callers see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageView:
    """One exchange with another system.

    `direction`: out (the hub asked), in (the other did). `outcome`: answered, refused, failed, no_connection, timeout,
    broken, interrupted (the process died between sending and recording). Sizes (bytes) and SHA-256 are of the whole
    bodies, however much is kept. `number` is the place in the hash chain, None until it is sealed. `road`: rest, soap,
    xroad-rest, xroad-soap; `client`: which of the partner's clients asked the hub.
    """

    id: str
    number: int | None
    partner: str
    direction: str
    kind: str
    at: datetime
    correlation_id: str
    endpoint: str
    outcome: str
    seconds: float
    status: int | None = None
    message_id: str | None = None
    form: str | None = None
    unit: str | None = None
    period: str | None = None
    delivery: str | None = None
    attempt: int | None = None
    error: str | None = None
    request_bytes: int | None = None
    request_sha256: str | None = None
    response_bytes: int | None = None
    response_sha256: str | None = None
    road: str | None = None
    client: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDetail:
    """An exchange with what is kept of both sides: head, blank line, body; secrets are masked, long bodies cut. None:
    there was none, or it was let go when its time was over."""

    message: MessageView
    request: str | None = None
    response: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagePage:
    """Messages, newest first."""

    messages: list[MessageView]
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageExport:
    """An export that begins: the file's first line, and the numbers of the first and the last entry."""

    head: str
    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageExportPage:
    """Further lines of the file; `next` is the last number in them, None at the end."""

    lines: str
    next: int | None = None
