"""How a message looks on the wire: CloudEvents 1.0 attributes in AMQP headers, JSON in the body.

Knows names and shapes only; publishing and consuming are the relay's and the entrypoints' work.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec

from shared.contracts.events import Event

E = TypeVar("E", bound=Event)

ATTEMPT = "hub_attempt"
ERROR = "hub_error"
TRACEBACK = "hub_traceback"
QUEUE = "hub_queue"
DIED_AT = "hub_died_at"


@dataclass(frozen=True, slots=True)
class Received(Generic[E]):
    """One message as a handler sees it. `attempt` is 1 on first delivery and rises with each delayed retry."""

    data: E
    id: UUID
    correlation_id: str
    time: datetime
    attempt: int = 1
    subject: str = ""
    queue: str = ""


class NewerSchema(ValueError):
    """The message speaks a schema that this process does not read yet: one of a newer version, beside it, does."""


def attempt_of(head: Mapping[str, Any]) -> int:
    """Return which attempt at the message this is, from 1."""
    return int(head.get(ATTEMPT, 0)) + 1


def new_message_id() -> UUID:
    """Return a fresh message id: UUID version 7, so that ids made together lie together in the inbox's index."""
    millis = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    value = (millis & 0xFFFF_FFFF_FFFF) << 80 | random
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)


def headers(
    *, event: str, source: str, schema: int, message_id: str, subject: str, correlation_id: str, at: datetime
) -> dict[str, Any]:
    """Return the AMQP headers of a message; `at` is when the thing happened (UTC)."""
    return {
        "cloudEvents_specversion": "1.0",
        "cloudEvents_id": message_id,
        "cloudEvents_source": source,
        "cloudEvents_type": event,
        "cloudEvents_time": at.astimezone(UTC).isoformat(),
        "cloudEvents_subject": subject,
        "correlation_id": correlation_id,
        "schema": schema,
    }


def headers_of(event: Event, *, message_id: str, correlation_id: str, at: datetime) -> dict[str, Any]:
    """Return the AMQP headers for this event."""
    return headers(
        event=event.event,
        source=event.source,
        schema=event.schema,
        message_id=message_id,
        subject=event.subject,
        correlation_id=correlation_id,
        at=at,
    )


class Decoder(Generic[E]):
    """Turns bodies and headers of one queue into `Received`; made once per queue, since msgspec compiles the type."""

    def __init__(self, event: type[E], queue: str) -> None:
        self._decode = msgspec.json.Decoder(event).decode
        self._schema = event.schema
        self._queue = queue

    def read(self, body: bytes, head: Mapping[str, Any]) -> Received[E]:
        """Return the message; fields that this process does not know are passed over. Raises NewerSchema when another
        process may read it, any other ValueError (msgspec's errors included) when it can never be read: such a message
        belongs to the dead letters."""
        schema = int(head.get("schema", 1))
        if schema > self._schema:
            raise NewerSchema(f"schema {schema} is newer than {self._schema}, which this process reads")
        identity = head.get("cloudEvents_id")
        if identity is None:
            raise ValueError("the message has no id")
        return Received(
            data=self._decode(body),
            id=UUID(identity),
            correlation_id=str(head.get("correlation_id") or identity),
            time=_time(head.get("cloudEvents_time")),
            attempt=attempt_of(head),
            subject=str(head.get("cloudEvents_subject", "")),
            queue=self._queue,
        )


def _time(value: object) -> datetime:
    if isinstance(value, str):
        return datetime.fromisoformat(value)
    return datetime.now(UTC)
