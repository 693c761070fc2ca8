"""Keeping the message log: its retention. What enters it is written where it is caused; the relay seals it."""

from __future__ import annotations

from services.integration.settings import integration_settings
from services.integration.storage import messages
from shared.entrypoints import every
from shared.storage import UnitOfWork

RETENTION_SECONDS = 600.0


class MessageLogKeeping:
    """The worker's part that lets old bodies and entries go."""

    unit: UnitOfWork

    @every(seconds=RETENTION_SECONDS)
    def forget_old_messages(self) -> None:
        """Delete bodies, and later the chain's beginning, when their time is over."""
        settings = integration_settings()
        with self.unit() as unit:
            messages.forget_bodies(unit.connection, settings.message_bodies_days)
        with self.unit() as unit:
            messages.forget(unit.connection, settings.messages_days)
