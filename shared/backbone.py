"""The tables that every service's database has, and their frozen DDL. What they mean stands at each table."""

from __future__ import annotations

from typing import Protocol

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

backbone = MetaData()

outbox = Table(
    "outbox",
    backbone,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("message_id", UUID(as_uuid=True), nullable=False),
    Column("event", Text, nullable=False),
    Column("schema", Integer, nullable=False),
    Column("subject", Text, nullable=False),
    Column("correlation_id", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("body", LargeBinary, nullable=False),
    Column("queue", Text),
    Column("sent_at", DateTime(timezone=True)),
    UniqueConstraint("message_id", name="outbox_message_id_key"),
    Index("outbox_unsent", "id", postgresql_where=text("sent_at IS NULL")),
)
"""Messages written with the state they tell of; the relay publishes them, without `queue` to all."""

inbox = Table(
    "inbox",
    backbone,
    Column("queue", Text, primary_key=True),
    Column("message_id", UUID(as_uuid=True), primary_key=True),
    Column("received_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("inbox_received_at", "received_at"),
)
"""Messages whose effect is committed; one that comes again has none."""

audit = Table(
    "audit",
    backbone,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("correlation_id", Text, nullable=False),
    Column("details", JSONB, nullable=False),
    Column("sealed_as", BigInteger),
    Column("hash", LargeBinary),
    UniqueConstraint("sealed_as", name="audit_sealed_as_key"),
    Index("audit_unsealed", "id", postgresql_where=text("sealed_as IS NULL")),
)
"""Who did what; the sealer numbers entries and chains them by hash."""

chunks = Table(
    "chunks",
    backbone,
    Column("set_id", Text, primary_key=True),
    Column("index", Integer, primary_key=True),
    Column("total", Integer, nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
"""Parts of sets that are not complete yet."""

replica_state = Table(
    "replica_state",
    backbone,
    Column("source", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("refreshed_at", DateTime(timezone=True), nullable=False),
)
"""At which version this service's copy of another's state stands."""

replica_entries = Table(
    "replica_entries",
    backbone,
    Column("source", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("body", JSONB, nullable=False),
)
"""This service's copy of another's state."""

_DDL = """
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id uuid NOT NULL CONSTRAINT outbox_message_id_key UNIQUE,
    event text NOT NULL, schema integer NOT NULL, subject text NOT NULL, correlation_id text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(), body bytea NOT NULL, queue text, sent_at timestamptz);
CREATE INDEX outbox_unsent ON outbox (id) WHERE sent_at IS NULL;
ALTER TABLE outbox SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05);
CREATE TABLE inbox (
    queue text NOT NULL, message_id uuid NOT NULL, received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (queue, message_id));
CREATE INDEX inbox_received_at ON inbox (received_at);
CREATE TABLE audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL, actor text NOT NULL,
    action text NOT NULL, subject text NOT NULL, correlation_id text NOT NULL, details jsonb NOT NULL,
    sealed_as bigint CONSTRAINT audit_sealed_as_key UNIQUE, hash bytea);
CREATE INDEX audit_unsealed ON audit (id) WHERE sealed_as IS NULL;
CREATE TABLE chunks (
    set_id text NOT NULL, index integer NOT NULL, total integer NOT NULL, content_hash text NOT NULL,
    body bytea NOT NULL, received_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (set_id, index));
CREATE TABLE replica_state (
    source text PRIMARY KEY, version bigint NOT NULL, refreshed_at timestamptz NOT NULL);
CREATE TABLE replica_entries (
    source text NOT NULL, kind text NOT NULL, id text NOT NULL, body jsonb NOT NULL, PRIMARY KEY (source, kind, id));
"""


class Operations(Protocol):
    """The part of Alembic's `op` that this needs."""

    def execute(self, sqltext: str) -> object:
        """Run one SQL statement."""


def create_backbone(op: Operations) -> None:
    """Create the backbone's tables in a service's first migration: `create_backbone(op)`.

    The DDL is frozen: a change of a table above needs a new function for the services' next migrations, and the test
    that compares metadata with a migrated database tells when one was forgotten.
    """
    for statement in _DDL.split(";\n"):
        if statement.strip():
            op.execute(statement)
    from shared.audit import audit_guard_sql

    for statement in audit_guard_sql():
        op.execute(statement)


def metadata_with_backbone() -> MetaData:
    """Return a new MetaData that holds the backbone's tables; a service defines its own tables on it."""
    metadata = MetaData()
    for table in backbone.sorted_tables:
        table.to_metadata(metadata)
    return metadata
