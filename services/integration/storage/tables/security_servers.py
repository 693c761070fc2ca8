"""Security servers, as announced."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Date, DateTime, Identity, Index, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from services.integration.storage.tables.base import metadata

security_server_changes = Table(
    "security_server_changes",
    metadata,
    Column("number", BigInteger, Identity(always=True), primary_key=True),
    Column("server", Text, nullable=False),
    Column("effective_on", Date, nullable=False),
    Column("becomes", JSONB),
    Column("announced_at", DateTime(timezone=True), nullable=False),
    Column("announced_by", Text, nullable=False),
    Column("emergency", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Index("security_server_changes_of", "server", "effective_on"),
)
"""Changes of security servers, only ever added: `becomes` is the server from `effective_on`, null that it stands no
more."""
