"""The tables. Identifiers sort by bytes (COLLATE "C"), so that cursors mean the same on every machine."""

from __future__ import annotations

from functools import cache

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Engine,
    Index,
    Integer,
    Numeric,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from shared.storage import metadata_with_backbone

metadata = metadata_with_backbone()
_KEY = Text(collation="C")
_CURRENT = text("superseded_batch IS NULL")

catalogue_state = Table(
    "catalogue_state",
    metadata,
    Column("id", SmallInteger, CheckConstraint("id = 1", name="catalogue_state_single"), primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("loaded_at", DateTime(timezone=True)),
    Column("loaded_by", Text),
)
"""One row: the catalogue's version; its lock makes loads follow one another."""

catalogue_entries = Table(
    "catalogue_entries",
    metadata,
    Column("kind", _KEY, primary_key=True),
    Column("id", _KEY, primary_key=True),
    Column("body", JSONB, nullable=False),
    Column("version", BigInteger, nullable=False),
)
"""Every entry as it stands, and the version that last changed it."""

batch_counter = Table(
    "batch_counter",
    metadata,
    Column("id", SmallInteger, CheckConstraint("id = 1", name="batch_counter_single"), primary_key=True),
    Column("last", BigInteger, nullable=False),
)
"""One row: the last batch number. Whoever records holds its lock until the commit, so batch order is commit order."""

batches = Table(
    "batches",
    metadata,
    Column("batch", BigInteger, primary_key=True, autoincrement=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    Column("form", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("submission_id", Text, nullable=False),
    Column("round", Integer, nullable=False),
    Index("batches_recorded_at", "recorded_at"),
)
"""What each batch recorded, and when; times rise with the numbers."""

releases = Table(
    "releases",
    metadata,
    Column("form", _KEY, primary_key=True),
    Column("unit", _KEY, primary_key=True),
    Column("period", _KEY, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("batch", BigInteger, nullable=False),
    Column("agency", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("submission_id", Text, nullable=False),
    Column("round", Integer, nullable=False),
    Column("content_hash", Text, nullable=False),
    Index("releases_recorded", "batch", "form", "unit", "period"),
)
"""Per (form, unit, period): its newest version. Round 0: only derived values so far, no round of its own."""

observations = Table(
    "observations",
    metadata,
    Column("unit", _KEY, primary_key=True),
    Column("period", _KEY, primary_key=True),
    Column("indicator", _KEY, primary_key=True),
    Column("batch", BigInteger, primary_key=True, autoincrement=False),
    Column("form", _KEY, nullable=False),
    Column("value", Numeric(24, 4)),
    Column("status", Text, nullable=False),
    Column("derived", Boolean, nullable=False),
    Column("level", Text, nullable=False),
    Column("superseded_batch", BigInteger),
    Column("version", Integer, nullable=False),
    Column("submission_id", Text, nullable=False),
    Column("round", Integer, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    Column("label", Text),
    Column("basis", Text),
    CheckConstraint("superseded_batch > batch", name="observations_superseded_later"),
    Index("observations_current", "unit", "period", "indicator", unique=True, postgresql_where=_CURRENT),
    Index("observations_of_form", "form", "unit", "period", "indicator", postgresql_where=_CURRENT),
    postgresql_partition_by="RANGE (period)",
)
"""Every value there ever was: valid for as-of reads from `batch` until before `superseded_batch`. `label` names a row
of an open list, `basis` says how a value came about where it rests on other units' figures. One partition per year of
the period (services/indicators/storage/partitions.py)."""

year_rows = Table(
    "year_rows",
    metadata,
    Column("unit", _KEY, primary_key=True),
    Column("year", _KEY, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("indicator", _KEY, primary_key=True),
    Column("present", Integer, nullable=False),
    Column("occurred", Integer, nullable=False),
    Column("amounts", Text, nullable=False),
)
"""The current values of a (unit, indicator) in the year's periods of one kind: see storage/years.py. A trigger on the
observations keeps them."""

series_statistics = Table(
    "series_statistics",
    metadata,
    Column("unit", _KEY, primary_key=True),
    Column("indicator", _KEY, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("year", Integer, primary_key=True, autoincrement=False),
    Column("count", Integer, nullable=False),
    Column("mean", Numeric),
    Column("deviation", Numeric),
    Column("median", Numeric),
    Column("spread", Numeric),
    Column("low", Numeric),
    Column("high", Numeric),
)
"""What is usual in a series (unit, indicator, kind of period): over its current values of the years before `year`.
A row is dropped in the transaction that changes one of those values, so a row that stands is right."""

publications = Table(
    "publications",
    metadata,
    Column("id", Text, primary_key=True),
    Column("form", _KEY, nullable=False),
    Column("period_from", _KEY, nullable=False),
    Column("period_to", _KEY, nullable=False),
    Column("units", ARRAY(Text)),
    Column("indicators", ARRAY(Text)),
    Column("decision", Text, nullable=False),
    Column("decided_on", Date, nullable=False),
    Column("published_at", DateTime(timezone=True), nullable=False),
    Column("published_by", Text, nullable=False),
    Column("withdrawn_at", DateTime(timezone=True)),
    Column("withdrawn_by", Text),
    Column("withdrawal_decision", Text),
    Index("publications_in_force", "form", "period_from", postgresql_where=text("withdrawn_at IS NULL")),
)
"""What was published by which decision (Đ5.4). Units or indicators that are NULL: all of the form's."""

history_loads = Table(
    "history_loads",
    metadata,
    Column("id", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("decision", Text, nullable=False),
    Column("loaded_at", DateTime(timezone=True), nullable=False),
    Column("loaded_by", Text, nullable=False),
    Column("result", JSONB, nullable=False),
)
"""Loads of history, by hash of source, decision and content: the same again finds its result here."""


@cache
def reading(engine: Engine) -> Engine:
    """Return the same engine for single-statement reads: without BEGIN and COMMIT, one round trip instead of three."""
    return engine.execution_options(isolation_level="AUTOCOMMIT")
