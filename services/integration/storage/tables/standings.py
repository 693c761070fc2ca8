"""How each partner stands: breaker, pause, repeats, who sends, when the next call may begin."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, Integer, Table, Text, text

from services.integration.storage.tables.base import metadata

partner_standings = Table(
    "partner_standings",
    metadata,
    Column("partner", Text, primary_key=True),
    Column("circuit", Text, nullable=False, server_default=text("'closed'")),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("openings", Integer, nullable=False, server_default=text("0")),
    Column("until", DateTime(timezone=True)),
    Column("paused_until", DateTime(timezone=True)),
    Column("story", Text, nullable=False, server_default=text("''")),
    Column("hour", DateTime(timezone=True)),
    Column("repeats", Integer, nullable=False, server_default=text("0")),
    Column("led_by", Text, nullable=False, server_default=text("''")),
    Column("led_until", DateTime(timezone=True)),
    Column("next_call_at", DateTime(timezone=True)),
)
"""One row per partner that was ever in trouble or has limits; see domain/governor.py. Whoever claims or records locks
it after keys and deliveries, and waits for nothing any more."""
