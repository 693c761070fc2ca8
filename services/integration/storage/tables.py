"""The integration service's tables. What each is for stands below it; the SQL stands in the files next to this."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Float,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

from shared.digest import LANES
from shared.storage import metadata_with_backbone

metadata = metadata_with_backbone()


def _lanes(side: str) -> list[Column[int]]:
    return [Column(f"{side}_l{lane}", BigInteger, nullable=False, server_default=text("0")) for lane in range(LANES)]


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
)
"""Other systems. `credential` names a file of the run's secrets, never the secret itself."""

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
"""Per partner and key: versions and digests, expected and acknowledged apart. Whoever changes ledger rows of a key
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
    Index("reconciliations_open", "partner", unique=True, postgresql_where=text("finished_at IS NULL")),
)
"""Comparisons with partners; one at a time per partner."""

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

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("queue", Text, nullable=False),
    Column("message_id", UUID(as_uuid=True), nullable=False),
    Column("event", Text, nullable=False),
    Column("correlation_id", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("schema", Integer, nullable=False),
    Column("error", Text, nullable=False),
    Column("traceback", Text),
    Column("attempts", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("died_at", DateTime(timezone=True), nullable=False),
    Column("state", Text, nullable=False),
    Column("replays", Integer, nullable=False, server_default=text("0")),
    Column("settled_by", Text),
    Column("settled_at", DateTime(timezone=True)),
    Column("reason", Text),
    Index("dead_letters_message", "queue", "message_id", unique=True),
    Index("dead_letters_state", "state", "id"),
)
"""Messages no retry can help; one that dies again after a replay is the same row again, with its replays counted."""

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
