"""What is pulled from sources: runs, their pages and rows, and what each source was last seen to hold."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from services.integration.storage.tables.base import metadata


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default=text("0"))


pull_sources = Table(
    "pull_sources",
    metadata,
    Column("partner", Text, primary_key=True),
    Column("watermark", BigInteger),
    Column("began_at", DateTime(timezone=True), nullable=False),
    Column("last_good_at", DateTime(timezone=True)),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("more", Boolean, nullable=False, server_default=text("false")),
)
"""Per source: how far it was pulled, when a run last began and last succeeded, how many failed since; `more`: the last
run stopped at its number of pages, and the next one goes on at once."""

pull_runs = Table(
    "pull_runs",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("token", Text, nullable=False),
    Column("partner", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("correlation_id", Text, nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("finished_at", DateTime(timezone=True)),
    Column("since", BigInteger),
    Column("again", Boolean, nullable=False),
    Column("ask", JSONB),
    Column("pages", Integer, nullable=False, server_default=text("0")),
    Column("total", BigInteger),
    Column("highest", BigInteger),
    Column("cut", Boolean, nullable=False, server_default=text("false")),
    Column("in_order", Boolean, nullable=False, server_default=text("true")),
    _count("read"),
    _count("fresh"),
    _count("unchanged"),
    _count("unmapped"),
    _count("refused"),
    _count("deleted"),
    _count("pushes"),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("next_try_at", DateTime(timezone=True)),
    Column("claimed_by", Text),
    Column("claimed_until", DateTime(timezone=True)),
    Column("error_code", Text),
    Column("error", Text),
    Index("pull_runs_open", "partner", unique=True, postgresql_where=text("finished_at IS NULL")),
    Index("pull_runs_of_partner", "partner", "id"),
)
"""Runs, one at a time per source. `ask` is the next request (null: all pages are read); `token` makes receipt ids that
no other run has, in a restored database neither."""

pull_pages = Table(
    "pull_pages",
    metadata,
    Column("run", BigInteger, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("ask", LargeBinary, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("rows", Integer, nullable=False),
)
"""Hashes of what each page was asked with and what it said: pages that repeat for ever are known by them."""

pull_rows = Table(
    "pull_rows",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("run", BigInteger, nullable=False),
    Column("form", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("indicator", Text, nullable=False),
    Column("value", Text),
    Column("status", Text, nullable=False),
    Column("mark", BigInteger, nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Index("pull_rows_of_run", "run", "form", "unit", "period", "indicator"),
)
"""Rows of runs under way, in hub codes; gone with the run's end."""

pull_cells = Table(
    "pull_cells",
    metadata,
    Column("partner", Text, primary_key=True),
    Column("form", Text, primary_key=True),
    Column("unit", Text, primary_key=True),
    Column("period", Text, primary_key=True),
    Column("indicator", Text, primary_key=True),
    Column("value", Text),
    Column("status", Text, nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("mark", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("run", BigInteger, nullable=False),
)
"""What each source was last seen to hold, in hub codes, and by which run."""

pull_faults = Table(
    "pull_faults",
    metadata,
    Column("run", BigInteger, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("page", Integer),
    Column("position", Integer),
    Column("kind", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("row", Text, nullable=False),
)
"""Rows that were not sent on, and why; the first thousand of a run."""

pull_receipts = Table(
    "pull_receipts",
    metadata,
    Column("run", BigInteger, primary_key=True),
    Column("receipt_id", Text, primary_key=True),
    Column("form", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("figures", Integer, nullable=False),
)
"""The pushes that a run became."""
