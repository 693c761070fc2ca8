"""What the warehouse has, what partners are to hold and what they acknowledged."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, Integer, LargeBinary, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from services.integration.storage.tables.base import metadata
from shared.digest import LANES


def _lanes(side: str) -> list[Column[int]]:
    return [Column(f"{side}_l{lane}", BigInteger, nullable=False, server_default=text("0")) for lane in range(LANES)]


contents = Table(
    "contents",
    metadata,
    Column("form", Text, primary_key=True),
    Column("unit", Text, primary_key=True),
    Column("period", Text, primary_key=True),
    Column("agency", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("batch", BigInteger, nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("count", Integer, nullable=False),
    Column("digest", Text, nullable=False),
    Column("observations", JSONB, nullable=False),
)
"""What integration knows of the warehouse per key, in hub codes: {indicator: [value, status]}, with its digest."""

holdings = Table(
    "holdings",
    metadata,
    Column("partner", Text, primary_key=True),
    Column("form", Text, primary_key=True),
    Column("unit", Text, primary_key=True),
    Column("period", Text, primary_key=True),
    Column("partner_unit", Text, nullable=False),
    Column("agency", Text, nullable=False),
    Column("expected_version", BigInteger, nullable=False),
    Column("acknowledged_version", BigInteger),
    Column("lift", BigInteger, nullable=False, server_default=text("0")),
    Column("held_version", BigInteger),
    Column("refused_version", BigInteger),
    Column("expected_count", Integer, nullable=False, server_default=text("0")),
    *_lanes("expected"),
    Column("acknowledged_count", Integer, nullable=False, server_default=text("0")),
    *_lanes("acknowledged"),
    Index("holdings_buckets", "partner", "period", "form", "partner_unit", unique=True),
    Index(
        "holdings_pending",
        "partner",
        "period",
        "form",
        postgresql_where=text("acknowledged_version IS DISTINCT FROM expected_version"),
    ),
)
"""Per partner and key: versions and digests, expected and acknowledged apart. `refused_version` is the version of ours
that the partner took for older than what it holds, `held_version` the newer one that it was seen to hold, `lift` what
is added to ours for it since a person has put ours above it. Whoever changes ledger rows of a key
locks its row here first."""

ledger = Table(
    "ledger",
    metadata,
    Column("partner", Text, primary_key=True),
    Column("form", Text, primary_key=True),
    Column("unit", Text, primary_key=True),
    Column("period", Text, primary_key=True),
    Column("indicator", Text, primary_key=True),
    Column("partner_indicator", Text, nullable=False),
    Column("expected_value", Text),
    Column("expected_status", Text),
    Column("expected_version", BigInteger),
    Column("expected_hash", LargeBinary),
    Column("acknowledged_value", Text),
    Column("acknowledged_status", Text),
    Column("acknowledged_version", BigInteger),
    Column("acknowledged_hash", LargeBinary),
)
"""Per partner and entry: what it is to hold and what it acknowledged. A hash of null: no entry on that side."""

scrubs = Table(
    "scrubs",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("partner", Text),
    Column("kind", Text, nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False),
    Column("finished_at", DateTime(timezone=True), nullable=False),
    Column("entries", BigInteger, nullable=False),
    Column("corrected", BigInteger, nullable=False),
    Index("scrubs_of_partner", "partner", "finished_at"),
)
"""Recomputations: kind `digests` (of one partner, from the ledger's rows) or `warehouse` (contents against it)."""
