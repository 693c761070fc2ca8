"""Inboxes, tokens and the state of services as callers see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxEntry:
    """One notification in a person's inbox, in Vietnamese. `subject` names what it is about, `link` where to look."""

    id: str
    at: datetime
    title: str
    text: str
    subject: str
    link: str
    read: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxPage:
    """Notifications, newest first."""

    entries: list[InboxEntry]
    unread: int
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenView:
    """A signed access token and its life in seconds (RFC 6749 §5.1)."""

    access_token: str
    token_type: str
    expires_in: int
    scope: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStatus:
    """How one service's backbone is doing; the same numbers are metrics."""

    service: str
    outbox_unsent: int
    outbox_oldest_seconds: float
    unsealed_audit: int
    unsealed_oldest_seconds: float
    incomplete_chunk_sets: int
    incomplete_oldest_seconds: float
