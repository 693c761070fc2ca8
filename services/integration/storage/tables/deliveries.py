"""What partners are due, and the tries."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, Float, Identity, Index, Integer, LargeBinary, Table, Text, text
from sqlalchemy.dialects.postgresql import UUID

from services.integration.storage.tables.base import metadata

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("message_id", UUID(as_uuid=True), nullable=False),
    Column("partner", Text, nullable=False),
    Column("form", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("partner_unit", Text, nullable=False),
    Column("agency", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("correlation_id", Text, nullable=False),
    Column("reconciliation", BigInteger),
    Column("claimed_by", Text),
    Column("packet", LargeBinary),
    Column("error", Text),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("next_attempt_at", DateTime(timezone=True)),
    Index("deliveries_message", "message_id", unique=True),
    Index(
        "deliveries_due",
        "partner",
        "next_attempt_at",
        "id",
        postgresql_where=text("state IN ('planned', 'waiting', 'in_doubt', 'sending')"),
    ),
    Index(
        "deliveries_of_key",
        "partner",
        "form",
        "unit",
        "period",
        postgresql_where=text("state IN ('planned', 'waiting', 'in_doubt', 'sending')"),
    ),
    Index("deliveries_of_reconciliation", "reconciliation", postgresql_where=text("reconciliation IS NOT NULL")),
)
"""What a partner is due. `packet` is kept from the first sending until the delivery is settled, so that a repeat
is the same to the byte; `next_attempt_at` of a `sending` one is the end of its sender's lease."""

attempts = Table(
    "attempts",
    metadata,
    Column("delivery", BigInteger, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("action", Text, nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False),
    Column("seconds", Float),
    Column("outcome", Text),
    Column("error", Text),
)
"""Every try: `action` is send or ask; without an outcome it is under way, or its process died."""
