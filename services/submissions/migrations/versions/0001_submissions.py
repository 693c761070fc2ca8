"""Obligations, drafts, rounds and receipts, on the backbone's tables."""

from __future__ import annotations

from alembic import op

from shared.storage import create_backbone

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_DDL = (
    # States and figures are updated in place again and again: room on each page keeps those updates off the indexes.
    """
    CREATE TABLE submissions (
        number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        id uuid NOT NULL,
        form text COLLATE "C" NOT NULL,
        unit text COLLATE "C" NOT NULL,
        agency text COLLATE "C" NOT NULL,
        period text COLLATE "C" NOT NULL,
        state text NOT NULL DEFAULT 'due'
            CONSTRAINT submissions_state CHECK (state IN ('due', 'draft', 'submitted', 'returned', 'approved')),
        round integer NOT NULL DEFAULT 1,
        deadline timestamptz,
        content_hash text,
        submitted_at timestamptz,
        submitted_by text,
        approved_round integer,
        approved_hash text,
        reopened_by text,
        reopened_reason text
    ) WITH (fillfactor = 70)
    """,
    "CREATE UNIQUE INDEX submissions_id ON submissions (id)",
    "CREATE UNIQUE INDEX submissions_key ON submissions (form, unit, period)",
    "CREATE INDEX submissions_agency ON submissions (agency, form, unit, period)",
    """
    CREATE TABLE figures (
        submission bigint NOT NULL,
        indicator text COLLATE "C" NOT NULL,
        value numeric(24, 4),
        status text NOT NULL,
        origin text NOT NULL CONSTRAINT figures_origin CHECK (origin IN ('push', 'hand')),
        by text NOT NULL,
        at timestamptz NOT NULL,
        receipt_id text,
        accepted_at timestamptz,
        tie_breaker text COLLATE "C",
        version integer NOT NULL,
        removed boolean NOT NULL,
        conflict jsonb,
        PRIMARY KEY (submission, indicator)
    ) WITH (fillfactor = 80)
    """,
    """
    CREATE TABLE rounds (
        submission bigint NOT NULL REFERENCES submissions (number),
        round integer NOT NULL,
        state text NOT NULL
            CONSTRAINT rounds_state CHECK (state IN ('submitted', 'returned', 'withdrawn', 'approved')),
        content_hash text NOT NULL,
        content bytea NOT NULL,
        figure_count integer NOT NULL,
        submitted_by text NOT NULL,
        submitted_at timestamptz NOT NULL,
        authors jsonb NOT NULL,
        reasons jsonb NOT NULL,
        decided_by text,
        decided_at timestamptz,
        level text,
        PRIMARY KEY (submission, round)
    )
    """,
    """
    CREATE TABLE receipts (
        receipt_id text COLLATE "C" PRIMARY KEY,
        client_id text NOT NULL,
        fingerprint text NOT NULL,
        accepted_at timestamptz NOT NULL,
        processed_at timestamptz NOT NULL,
        counts jsonb,
        outcomes jsonb,
        submissions jsonb,
        conflicts integer NOT NULL DEFAULT 0
    )
    """,
    # What was frozen stays so, whoever writes to this table.
    """
    CREATE FUNCTION rounds_are_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'a submitted round never changes';
    END $$
    """,
    """
    CREATE TRIGGER rounds_immutable BEFORE UPDATE OF submission, round, content_hash, content, figure_count,
        submitted_by, submitted_at, authors ON rounds FOR EACH ROW EXECUTE FUNCTION rounds_are_immutable()
    """,
    "CREATE TRIGGER rounds_kept BEFORE DELETE ON rounds FOR EACH ROW EXECUTE FUNCTION rounds_are_immutable()",
)


def upgrade() -> None:
    """Create everything."""
    create_backbone(op)
    for statement in _DDL:
        op.execute(statement)
