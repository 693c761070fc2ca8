"""The broker's double for tests: in memory, with what was published and asked on record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from shared.contracts.events import Event
from shared.errors import HubError, Unavailable

Answer = Callable[..., Any] | HubError | Any


class RecordingBroker:
    """Answers calls from a table and keeps everything: `answers["approval.approve"]` is a value, a function of the
    call's arguments, or an error to raise. A method without an answer is Unavailable, as a stopped service is.

    Results go through JSON as they would on the wire, so a test cannot pass on what would not travel.
    """

    def __init__(self) -> None:
        self.connected = True
        self.answers: dict[str, Answer] = {}
        self.published: list[tuple[Event, str]] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.refusal: HubError | None = None

    async def start(self) -> None:
        """Nothing to connect to."""

    async def stop(self) -> None:
        """Nothing to close."""

    async def publish(self, event: Event, *, correlation_id: str) -> None:
        """Keep the event, or raise `refusal`."""
        if self.refusal is not None:
            raise self.refusal
        self.published.append((event, correlation_id))

    async def call(
        self,
        service: str,
        method: str,
        /,
        *,
        correlation_id: str,
        timeout_seconds: float | None = None,
        **arguments: Any,
    ) -> msgspec.Raw:
        """Keep the call as it would arrive there and answer from the table."""
        name = f"{service}.{method}"
        self.calls.append((name, msgspec.json.decode(msgspec.json.encode(arguments))))
        if name not in self.answers:
            raise Unavailable("gateway.rpc_timeout", f"{name} has no answer", None)
        answer = self.answers[name]
        if isinstance(answer, HubError):
            raise answer
        result = answer(**arguments) if callable(answer) else answer
        return msgspec.Raw(msgspec.json.encode(result))
