"""Roll-ups: what was rolled up into which round of which submission, and what each lower submission gave to it."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_DDL = (
    "ALTER TABLE figures DROP CONSTRAINT figures_origin",
    # Checked from now on; there is nothing that could break it in what stands.
    "ALTER TABLE figures ADD CONSTRAINT figures_origin CHECK (origin IN ('push', 'hand', 'rollup')) NOT VALID",
    """
    CREATE TABLE rollups (
        submission bigint NOT NULL REFERENCES submissions (number),
        round integer NOT NULL,
        form text COLLATE "C" NOT NULL,
        by text NOT NULL,
        at timestamptz NOT NULL,
        sources jsonb NOT NULL,
        results jsonb NOT NULL,
        PRIMARY KEY (submission, round)
    )
    """,
    """
    CREATE TABLE contributions (
        submission bigint NOT NULL,
        round integer NOT NULL,
        indicator text COLLATE "C" NOT NULL,
        unit text COLLATE "C" NOT NULL,
        period text COLLATE "C" NOT NULL,
        lower_submission uuid NOT NULL,
        lower_round integer NOT NULL,
        value numeric(24, 4),
        status text NOT NULL,
        weight numeric(24, 4),
        used boolean NOT NULL,
        note text,
        PRIMARY KEY (submission, round, indicator, unit, period),
        FOREIGN KEY (submission, round) REFERENCES rollups (submission, round)
    )
    """,
    "CREATE INDEX contributions_of ON contributions (lower_submission)",
)


def upgrade() -> None:
    """Create and alter everything."""
    for statement in _DDL:
        op.execute(statement)
