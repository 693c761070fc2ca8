"""What every event is; the events themselves stand in `shared.contracts.events`."""

from __future__ import annotations

from typing import ClassVar

import msgspec

EVERY_SERVICE = "every service"
"""The source of what any service may tell; the message names the one that does."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all payloads. `schema` rises when meaning changes; `subject` names what the event is about."""

    event: ClassVar[str]
    source: ClassVar[str]
    schema: ClassVar[int] = 1

    @property
    def subject(self) -> str:
        """The CloudEvents subject: the id of the thing the event is about."""
        return ""
