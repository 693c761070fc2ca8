"""Comparisons with sources while they are under way, and who sends for which source."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Identity, Index, Integer, LargeBinary, Table, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from services.integration.storage.tables.base import metadata


def _group(*key: str) -> list[Column[Any]]:
    names = ("period", "form", "unit")
    first: Column[Any] = Column("reconciliation", BigInteger, primary_key=bool(key), nullable=False)
    return [first, *(Column(name, Text, primary_key=name in key, nullable=False) for name in names)]


reconciliation_scopes = Table(
    "reconciliation_scopes",
    metadata,
    Column("reconciliation", BigInteger, primary_key=True),
    Column("scopes", JSONB, nullable=False),
)
"""What a reconciliation compared when it ended: [form, period, entries] each."""

source_clients = Table(
    "source_clients",
    metadata,
    Column("partner", Text, primary_key=True),
    Column("client", Text, primary_key=True),
    Column("first_seen", DateTime(timezone=True), nullable=False, server_default=text("now()")),
)
"""Which clients have pushed for which partner."""

source_runs = Table(
    "source_runs",
    metadata,
    Column("reconciliation", BigInteger, primary_key=True),
    Column("phase", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("clients", ARRAY(Text), nullable=False),
    Column("units", ARRAY(Text), nullable=False),
    Column("forms", ARRAY(Text), nullable=False),
    Column("posted_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
)
"""Where a comparison with a source stands: `level` is the one posted last, or, in phase digests, the one wanted."""

source_received = Table(
    "source_received",
    metadata,
    *_group("period", "form", "unit"),
    Column("hub_unit", Text, nullable=False),
    Column("agency", Text, nullable=False),
    Column("count", Integer, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("unapproved", Boolean, nullable=False),
)
"""What was received from the source, summed up by key in the source's codes; `unapproved`: the warehouse holds other
values, or none. Gone when the comparison has ended."""

source_stated = Table(
    "source_stated",
    metadata,
    *_group("period", "form", "unit"),
    Column("level", Text, primary_key=True),
    Column("count", Integer, nullable=False),
    Column("digest", LargeBinary, nullable=False),
)
"""Digests that the source stated; what lies above a level is empty. Gone when the comparison has ended."""

source_groups = Table(
    "source_groups",
    metadata,
    *_group("period", "form", "unit"),
    Column("level", Text, primary_key=True),
    Column("received", Integer, nullable=False),
    Column("stated", Integer, nullable=False),
    Column("listed", Boolean, nullable=False),
)
"""Groups that differ, by level; `listed`: the source has posted all values. Gone when the comparison has ended."""

source_values = Table(
    "source_values",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    *_group(),
    Column("page", Integer, nullable=False),
    Column("indicator", Text, nullable=False),
    Column("value", Text),
    Column("status", Text, nullable=False),
    Column("changed_at", DateTime(timezone=True)),
    Index("source_values_of_group", "reconciliation", "period", "form", "unit", "page"),
)
"""Values that the source listed. Gone when the comparison has ended."""
