"""Pushes and commands as they were acknowledged."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, LargeBinary, Table, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import UUID

from services.integration.storage.tables.base import metadata

journal = Table(
    "journal",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("message_id", UUID(as_uuid=True), nullable=False),
    Column("event", Text, nullable=False),
    Column("service", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("subject", Text, nullable=False),
    Column("correlation_id", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    UniqueConstraint("message_id", name="journal_message_id_key"),
    Index("journal_of_service", "service", "at"),
    Index("journal_at", "at"),
)
"""Pushes and commands as they were acknowledged: see storage/journal.py."""
