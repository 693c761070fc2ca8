"""The command that a transaction carries out, and carrying it out again.

A command (a call by an actor) that changed something is told to the journal with its arguments, in the transaction of
its effect. A service that was restored from an older copy is healed by carrying out again what the copy has not seen,
at the time at which it was done (`shared.healing`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Command:
    """One call as it came over the wire: `arguments` by name, as JSON's own types."""

    service: str
    method: str
    arguments: Mapping[str, Any]


in_hand: ContextVar[Command | None] = ContextVar("hub_command", default=None)
"""The command that this greenlet works on; None for handlers, timers, and calls without an actor."""

repeated_at: ContextVar[datetime | None] = ContextVar("hub_repeated_at", default=None)
"""While something is carried out again: when it was done first."""


@contextmanager
def repeated(at: datetime) -> Iterator[None]:
    """Let units of work believe that it is `at`, and what they do accepted already, for the length of a `with`."""
    token = repeated_at.set(at)
    try:
        yield
    finally:
        repeated_at.reset(token)
