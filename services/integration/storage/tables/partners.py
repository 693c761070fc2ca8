"""Other systems."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, Table, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from services.integration.storage.tables.base import metadata

partners = Table(
    "partners",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("protocol", Text, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("credential", Text, nullable=False),
    Column("max_processing_seconds", Float, nullable=False),
    Column("min_level", Text, nullable=False),
    Column("mapping", JSONB, nullable=False),
    Column("forms", ARRAY(Text), nullable=False),
    Column("active", Boolean, nullable=False),
    Column("details", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
)
"""Other systems. `credential` names a file of the run's secrets, never the secret itself."""
