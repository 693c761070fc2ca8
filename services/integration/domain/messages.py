"""What the message log keeps of one message and its answer. Pure.

A message may be larger than what is kept of it: `digest` and `size` are of the whole body, `kept` of what is stored,
which is masked and cut. So whoever has the original can show it is the one, and nobody reads a secret here.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.integration.domain.masking import masked_body, masked_headers

_QUICKLY = 1
_LINE = "\r\n"


class Outcome(StrEnum):
    """How an exchange ended."""

    ANSWERED = "answered"
    """2xx, or a push or question of another system that the hub has answered so."""
    REFUSED = "refused"
    """Any other status below 500."""
    FAILED = "failed"
    """5xx."""
    NO_CONNECTION = "no_connection"
    """Nobody was there: certainly nothing left."""
    TIMEOUT = "timeout"
    BROKEN = "broken"
    """The connection or the answer broke off."""
    INTERRUPTED = "interrupted"
    """The process died between sending and recording: nobody here knows the answer."""


def outcome_of(status: int) -> Outcome:
    """Return what an HTTP status tells."""
    if status >= 500:
        return Outcome.FAILED
    return Outcome.ANSWERED if 200 <= status < 300 else Outcome.REFUSED


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One side of an exchange: size in bytes and SHA-256 of its whole body; `packed` is what is kept (head, blank line,
    body; masked, cut at the bound, compressed) and `kept` the SHA-256 of that uncompressed. None: it is kept elsewhere.
    """

    size: int
    digest: bytes
    packed: bytes | None = None
    kept: bytes | None = None


def part(head: str, headers: Mapping[str, str], body: bytes, limit: int, secrets: Sequence[bytes] = ()) -> Part:
    """Return what is kept of a body that came under these headers, at most `limit` bytes of it; `head` is the line
    above them (`POST https://…`, `200`)."""
    margin = max((len(secret) for secret in secrets), default=0)
    shown = masked_body(body[: limit + margin], secrets)
    if len(body) > limit + margin:
        shown = shown[: max(0, len(shown) - margin)]  # a secret that the cut goes through is not seen for one
    shown = shown[:limit]
    text = f"{head}{_LINE}{masked_headers(headers, secrets)}{_LINE}{_LINE}".encode() + shown
    return Part(
        size=len(body),
        digest=hashlib.sha256(body).digest(),
        packed=zlib.compress(text, _QUICKLY),
        kept=hashlib.sha256(text).digest(),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One exchange with another system. `direction` is `out` (the hub asked) or `in` (the other did); `unit` and `form`
    are the hub's; `endpoint` has no credentials; `delivery` and `attempt` tell which try it belongs to. `road` is rest,
    soap, xroad-rest or xroad-soap, `client` which of the partner's clients asked the hub."""

    id: UUID
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
    delivery: int | None = None
    attempt: int | None = None
    error: str | None = None
    request: Part | None = None
    response: Part | None = None
    road: str | None = None
    client: str | None = None
