"""Differences through time, and what partners were given before."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Identity, Index, Integer, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from services.integration.storage.tables.base import metadata

known_differences = Table(
    "known_differences",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("direction", Text, nullable=False),
    Column("partner", Text, nullable=False),
    Column("form", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("indicator", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("expected", Text),
    Column("found", Text),
    Column("first_seen", DateTime(timezone=True), nullable=False),
    Column("last_seen", DateTime(timezone=True), nullable=False),
    Column("times_seen", Integer, nullable=False),
    Column("owner", Text, nullable=False),
    Column("recurrences", Integer, nullable=False),
    Column("failed_repairs", Integer, nullable=False),
    Column("task", Boolean, nullable=False),
    Column("told", Boolean, nullable=False, server_default=text("true")),
    Column("acceptance", JSONB(none_as_null=True)),
    Column("settled_at", DateTime(timezone=True)),
    Column("reconciliation", BigInteger, nullable=False),
    Index("known_differences_place", "direction", "partner", "form", "unit", "period", "indicator", unique=True),
    Index("known_differences_settled", "settled_at", postgresql_where=text("state = 'repaired'")),
    Index("known_differences_open", "partner", "direction", "id", postgresql_where=text("state <> 'repaired'")),
)
"""Every difference ever seen, one row per place, settled ones too, for as long as a setting says:
they may come back. `reconciliation` is the last one
that saw it, `acceptance` who let it be, why and until when, `told` whether those whose task it is were told of it."""

earlier_entries = Table(
    "earlier_entries",
    metadata,
    Column("partner", Text, primary_key=True),
    Column("form", Text, primary_key=True),
    Column("unit", Text, primary_key=True),
    Column("period", Text, primary_key=True),
    Column("indicator", Text, primary_key=True),
    Column("version", BigInteger, primary_key=True),
    Column("value", Text),
    Column("status", Text, nullable=False),
    Column("until", DateTime(timezone=True), nullable=False, server_default=text("now()")),
)
"""What a partner was to hold under an entry before that changed: `version` is the one that said so first. Written only
by corrections and withdrawals, so that a first load costs nothing; `until` is when it was."""
