"""The tables, as the migrations leave them.

Texts that are keys collate as "C": they are codes and ids, compared byte by byte, which is several times faster than
a language's order and the same on every server.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

from shared.storage import metadata_with_backbone

metadata = metadata_with_backbone()

_KEY = Text(collation="C")
_TIME = DateTime(timezone=True)

submissions = Table(
    "submissions",
    metadata,
    Column("number", BigInteger, Identity(always=True), primary_key=True),
    Column("id", UUID(as_uuid=False), nullable=False),
    Column("form", _KEY, nullable=False),
    Column("unit", _KEY, nullable=False),
    Column("agency", _KEY, nullable=False),
    Column("period", _KEY, nullable=False),
    Column("state", Text, nullable=False, server_default="due"),
    Column("round", Integer, nullable=False, server_default="1"),
    Column("deadline", _TIME),
    Column("content_hash", Text),
    Column("submitted_at", _TIME),
    Column("submitted_by", Text),
    Column("approved_round", Integer),
    Column("approved_hash", Text),
    Column("reopened_by", Text),
    Column("reopened_reason", Text),
    Column("extended_to", _TIME),
    Column("opens_at", _TIME),
    Column("closes_at", _TIME),
    Column("intake", Text),
    Column("intake_until", _TIME),
    Column("waived_from", Text),
    Column("received_on", Date),
    Column("urged_on", Date),
    Index("submissions_id", "id", unique=True),
    Index("submissions_key", "form", "unit", "period", unique=True),
    Index("submissions_agency", "agency", "form", "unit", "period"),
    Index(
        "submissions_owed",
        text("coalesce(extended_to, deadline)"),
        postgresql_where=text("state IN ('due', 'draft', 'returned') AND approved_round IS NULL"),
    ),
)
"""One row per obligation; `id` is computed from (form, unit, period), `number` is the short key of the figures."""

figures = Table(
    "figures",
    metadata,
    Column("submission", BigInteger, primary_key=True),
    Column("indicator", _KEY, primary_key=True),
    Column("value", Numeric(24, 4)),
    Column("status", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", _TIME, nullable=False),
    Column("receipt_id", Text),
    Column("accepted_at", _TIME),
    Column("tie_breaker", _KEY),
    Column("version", Integer, nullable=False),
    Column("removed", Boolean, nullable=False),
    Column("conflict", JSONB),
    Column("label", Text),
)
"""The current draft of every submission. No foreign key: it would cost a look-up per figure on the bulk path, and
obligations that have figures are never deleted. (accepted_at, tie_breaker) is the newest push seen."""

rounds = Table(
    "rounds",
    metadata,
    Column("submission", BigInteger, ForeignKey("submissions.number"), primary_key=True),
    Column("round", Integer, primary_key=True),
    Column("state", Text, nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("figure_count", Integer, nullable=False),
    Column("submitted_by", Text, nullable=False),
    Column("submitted_at", _TIME, nullable=False),
    Column("authors", JSONB, nullable=False),
    Column("reasons", JSONB, nullable=False),
    Column("decided_by", Text),
    Column("decided_at", _TIME),
    Column("level", Text),
    Column("comments", JSONB, nullable=False, server_default="[]"),
    Column("paper", JSONB(none_as_null=True)),
    Column("paper_confirmed_by", Text),
    Column("paper_confirmed_at", _TIME),
)
"""What was submitted, frozen: `content` is the JSON of its figures with their provenance, `comments` what was said to
warnings about them; neither ever changes."""

comments = Table(
    "comments",
    metadata,
    Column("submission", BigInteger, ForeignKey("submissions.number"), primary_key=True),
    Column("code", _KEY, primary_key=True),
    Column("indicator", _KEY, primary_key=True),
    Column("about", Text, primary_key=True),
    Column("text", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", _TIME, nullable=False),
)
"""Comments on warnings of drafts. `about` is the text of the figures it explains: other figures ask for another one.
`indicator` is empty where the finding is about the whole."""

reference_releases = Table(
    "reference_releases",
    metadata,
    Column("form", _KEY, primary_key=True),
    Column("unit", _KEY, primary_key=True),
    Column("period", _KEY, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("batch", BigInteger, nullable=False),
)
"""Which version of each (form, unit, period) of the warehouse is held here."""

reference_values = Table(
    "reference_values",
    metadata,
    Column("unit", _KEY, primary_key=True),
    Column("indicator", _KEY, primary_key=True),
    Column("period", _KEY, primary_key=True),
    Column("value", Numeric(24, 4)),
    Column("status", Text, nullable=False),
    Column("derived", Boolean, nullable=False),
    Column("form", _KEY, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("batch", BigInteger, nullable=False),
    Index("reference_values_of_period", "unit", "period"),
)
"""What is approved: the warehouse's current values, as it told them."""

reference_check = Table(
    "reference_check",
    metadata,
    Column("id", SmallInteger, CheckConstraint("id = 1", name="reference_check_single"), primary_key=True),
    Column("after", Text, nullable=False),
)
"""One row: how far the warehouse's list of releases was compared and all of it is held."""

acts = Table(
    "acts",
    metadata,
    Column("number", BigInteger, Identity(always=True), primary_key=True),
    Column("submission", UUID(as_uuid=False), nullable=False),
    Column("act", Text, nullable=False),
    Column("at", _TIME, nullable=False),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("until", _TIME),
    Column("announcement", UUID(as_uuid=False)),
    Index("acts_of_submission", "submission", "number"),
)
"""What people did to obligations, with reason and announcement (Đ17.4). By the computed id, not by the row: what is
taken back with a change of the catalogue and comes again keeps its history."""

receipts = Table(
    "receipts",
    metadata,
    Column("receipt_id", _KEY, primary_key=True),
    Column("client_id", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("accepted_at", _TIME, nullable=False),
    Column("processed_at", _TIME, nullable=False),
    Column("counts", JSONB),
    Column("outcomes", JSONB),
    Column("submissions", JSONB),
    Column("conflicts", Integer, nullable=False, server_default="0"),
)
"""What became of each push. `conflicts` counts other bodies that came under the same key and had no effect."""

rollups = Table(
    "rollups",
    metadata,
    Column("submission", BigInteger, ForeignKey("submissions.number"), primary_key=True),
    Column("round", Integer, primary_key=True),
    Column("form", _KEY, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", _TIME, nullable=False),
    Column("sources", JSONB, nullable=False),
    Column("results", JSONB, nullable=False),
)
"""The last roll-up into a round: `form` is the form below, `sources` the submissions below as they were then (JSON of
`Seen`), `results` what became of each indicator."""

contributions = Table(
    "contributions",
    metadata,
    Column("submission", BigInteger, primary_key=True),
    Column("round", Integer, primary_key=True),
    Column("indicator", _KEY, primary_key=True),
    Column("unit", _KEY, primary_key=True),
    Column("period", _KEY, primary_key=True),
    Column("lower_submission", UUID(as_uuid=False), nullable=False),
    Column("lower_round", Integer, nullable=False),
    Column("value", Numeric(24, 4)),
    Column("status", Text, nullable=False),
    Column("weight", Numeric(24, 4)),
    Column("used", Boolean, nullable=False),
    Column("note", Text),
    ForeignKeyConstraint(["submission", "round"], ["rollups.submission", "rollups.round"]),
    Index("contributions_of", "lower_submission"),
)
"""What each submission below gave to each indicator of that roll-up."""
