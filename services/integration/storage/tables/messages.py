"""The message log: entries, what is kept of bodies, and where the chain begins."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import UUID

from services.integration.storage.tables.base import metadata

messages = Table(
    "messages",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True),
    Column("partner", Text, nullable=False),
    Column("direction", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("correlation_id", Text, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("microseconds", BigInteger, nullable=False),
    Column("status", Integer),
    Column("message_id", Text),
    Column("form", Text),
    Column("unit", Text),
    Column("period", Text),
    Column("delivery", BigInteger),
    Column("attempt", Integer),
    Column("error", Text),
    Column("request_bytes", BigInteger),
    Column("request_digest", LargeBinary),
    Column("request_kept", LargeBinary),
    Column("response_bytes", BigInteger),
    Column("response_digest", LargeBinary),
    Column("response_kept", LargeBinary),
    Column("sealed_as", BigInteger),
    Column("hash", LargeBinary),
    Column("road", Text),
    Column("client", Text),
    UniqueConstraint("sealed_as", name="messages_sealed_as_key"),
    Index("messages_unsealed", "id", postgresql_where=text("sealed_as IS NULL")),
    Index("messages_at", "at"),
    Index("messages_of_partner", "partner", "id"),
    Index("messages_of_correlation", "correlation_id"),
    Index("messages_of_key", "unit", "form", "period", postgresql_where=text("unit IS NOT NULL")),
    Index("messages_of_delivery", "delivery", postgresql_where=text("delivery IS NOT NULL")),
)
"""Every exchange with another system. A digest is of a whole body, `kept` of what is stored of it. Entries are never
changed, only sealed, and deleted only from the chain's beginning: a trigger sees to it."""

message_bodies = Table(
    "message_bodies",
    metadata,
    Column("message", UUID(as_uuid=True), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("request", LargeBinary),
    Column("response", LargeBinary),
    Index("message_bodies_at", "at"),
)
"""What is kept of messages' bodies: masked, cut, compressed. They go before their entries do."""

message_anchor = Table(
    "message_anchor",
    metadata,
    Column("number", BigInteger, primary_key=True),
    Column("hash", LargeBinary, nullable=False),
    Column("bodies_gone", DateTime(timezone=True)),
)
"""One row: number and hash of the last entry that retention has deleted (0 and zeros while it has deleted none), and
before which moment bodies may be gone."""
