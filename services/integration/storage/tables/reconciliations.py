"""Comparisons and what they found."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Float, Identity, Index, Integer, Table, Text, text

from services.integration.storage.tables.base import metadata

reconciliations = Table(
    "reconciliations",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("partner", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("repair", Boolean, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("correlation_id", Text, nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("finished_at", DateTime(timezone=True)),
    Column("equal", Boolean),
    Column("entries", BigInteger, nullable=False, server_default=text("0")),
    Column("buckets", BigInteger, nullable=False, server_default=text("0")),
    Column("pending", Integer, nullable=False, server_default=text("0")),
    Column("calls", Integer, nullable=False, server_default=text("0")),
    Column("bytes_compared", BigInteger, nullable=False, server_default=text("0")),
    Column("scrub_age_seconds", Float),
    Column("error", Text),
    Column("direction", Text, nullable=False, server_default=text("'receiver'")),
    Column("method", Text, nullable=False, server_default=text("''")),
    Index("reconciliations_open", "partner", unique=True, postgresql_where=text("finished_at IS NULL")),
)
"""Comparisons, one at a time per partner. `method`: by which means the other side was read (see comparing.py)."""

differences = Table(
    "differences",
    metadata,
    Column("reconciliation", BigInteger, primary_key=True),
    Column("form", Text, primary_key=True),
    Column("unit", Text, primary_key=True),
    Column("period", Text, primary_key=True),
    Column("indicator", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("expected", Text),
    Column("found", Text),
    Column("state", Text, nullable=False),
)
"""What a comparison found."""
