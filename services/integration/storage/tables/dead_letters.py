"""Messages no retry can help, what was done with each, and jobs over many."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, Integer, LargeBinary, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB, UUID

from services.integration.storage.tables.base import metadata

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

dead_letter_history = Table(
    "dead_letter_history",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("letter", BigInteger, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("what", Text, nullable=False),
    Column("by", Text),
    Column("reason", Text),
    Column("attempts", Integer),
    Column("job", BigInteger),
    Index("dead_letter_history_of_letter", "letter", "id"),
    Index("dead_letter_history_of_job", "job", postgresql_where=text("job IS NOT NULL")),
)
"""Every death (`reason` is its error), replay and discarding of a letter."""

dead_letter_jobs = Table(
    "dead_letter_jobs",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("action", Text, nullable=False),
    Column("wanted", JSONB, nullable=False),
    Column("reason", Text),
    Column("requested_by", Text, nullable=False),
    Column("key", Text),
    Column("correlation_id", Text, nullable=False),
    Column("rate", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("worked_at", DateTime(timezone=True)),
    Column("finished_at", DateTime(timezone=True)),
    Column("stopped_by", Text),
    Column("matched", Integer, nullable=False, server_default=text("0")),
    Column("done", Integer, nullable=False, server_default=text("0")),
    Column("skipped", Integer, nullable=False, server_default=text("0")),
    Index("dead_letter_jobs_running", "action", "wanted", unique=True, postgresql_where=text("finished_at IS NULL")),
    Index("dead_letter_jobs_key", "requested_by", "key", unique=True, postgresql_where=text("key IS NOT NULL")),
)
"""Replays and discardings of many: one at a time for the same action and filter, one ever for the same key."""

dead_letter_job_items = Table(
    "dead_letter_job_items",
    metadata,
    Column("job", BigInteger, primary_key=True),
    Column("letter", BigInteger, primary_key=True),
)
"""What a running job has still to do: the letters that matched when it was begun."""
