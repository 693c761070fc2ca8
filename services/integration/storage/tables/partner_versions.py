"""What partners were at each change, and the backfills that changes ask for."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, Integer, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from services.integration.storage.tables.base import metadata

partner_versions = Table(
    "partner_versions",
    metadata,
    Column("partner", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("by", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("changes", JSONB, nullable=False),
    Column("document", JSONB, nullable=False),
)
"""Every change of a partner: who, when, why, which fields (before and after), and the whole as it was from then on."""

backfills = Table(
    "backfills",
    metadata,
    Column("partner", Text, primary_key=True),
    Column("form", Text, nullable=False, server_default=text("''")),
    Column("unit", Text, nullable=False, server_default=text("''")),
    Column("period", Text, nullable=False, server_default=text("''")),
    Column("planned", BigInteger, nullable=False, server_default=text("0")),
    Column("correlation_id", Text, nullable=False),
    Column("asked_at", DateTime(timezone=True), nullable=False),
)
"""Partners whose holdings are being brought in line with their forms and mapping, and the last key that was: worked off
page by page, gone when done."""

mapping_gaps = Table(
    "mapping_gaps",
    metadata,
    Column("partner", Text, primary_key=True),
    Column("form", Text, primary_key=True),
    Column("unit", Text, primary_key=True),
    Column("period", Text, primary_key=True),
    Column("error", Text, nullable=False),
    Column("since", DateTime(timezone=True), nullable=False),
)
"""Contents that a partner is due and whose unit has no code of its: nothing of them leaves until the mapping or the
catalogue has one."""
