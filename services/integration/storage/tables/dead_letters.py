"""Messages no retry can help."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, Integer, LargeBinary, Table, Text, text
from sqlalchemy.dialects.postgresql import UUID

from services.integration.storage.tables.base import metadata

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("queue", Text, nullable=False),
    Column("message_id", UUID(as_uuid=True), nullable=False),
    Column("event", Text, nullable=False),
    Column("correlation_id", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("schema", Integer, nullable=False),
    Column("error", Text, nullable=False),
    Column("traceback", Text),
    Column("attempts", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("died_at", DateTime(timezone=True), nullable=False),
    Column("state", Text, nullable=False),
    Column("replays", Integer, nullable=False, server_default=text("0")),
    Column("settled_by", Text),
    Column("settled_at", DateTime(timezone=True)),
    Column("reason", Text),
    Index("dead_letters_message", "queue", "message_id", unique=True),
    Index("dead_letters_state", "state", "id"),
)
"""Messages no retry can help; one that dies again after a replay is the same row again, with its replays counted."""
