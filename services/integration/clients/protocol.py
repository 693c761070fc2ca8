"""What every client offers, whatever protocol it speaks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from services.integration.domain.delivery import Answer
from services.integration.domain.ledger import Packet
from services.integration.domain.reconciliation import Cell, Group
from shared.digest import Digest

MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""A longer answer is not read to its end: it counts as malformed."""


class Unanswered(Exception):
    """A question (digests, values) got no usable answer; asking again later may help."""


@dataclass(slots=True)
class Cost:
    """What questions have cost so far."""

    calls: int = 0
    bytes: int = 0


@dataclass(slots=True)
class Listing:
    """What a partner holds for one of its keys: values by its indicator codes, and the version it names."""

    values: dict[str, Cell] = field(default_factory=dict)
    version: int = 0


class Client(Protocol):
    """One partner. `submit` and `status` never raise for what a partner does: every outcome is an Answer."""

    cost: Cost

    def submit(self, packet: Packet) -> Answer:
        """Hand over a packet."""

    def status(self, packet: Packet) -> Answer:
        """Ask what became of a packet that was sent."""

    def digests(self, level: str, period: str | None = None, form: str | None = None) -> dict[Group, Digest]:
        """Return the partner's digests. Raises Unanswered."""

    def values(self, form: str, unit: str, period: str) -> Listing:
        """Return all that the partner holds under its own key. Raises Unanswered."""

    def close(self) -> None:
        """Give connections back."""
