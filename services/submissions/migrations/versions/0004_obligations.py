"""What people do to obligations: extended, waived, opened, closed, urged; rounds that had come on paper."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_DDL = (
    """
    ALTER TABLE submissions
        DROP CONSTRAINT submissions_state,
        ADD CONSTRAINT submissions_state
            CHECK (state IN ('due', 'draft', 'submitted', 'returned', 'approved', 'waived')),
        ADD COLUMN extended_to timestamptz,
        ADD COLUMN opens_at timestamptz,
        ADD COLUMN closes_at timestamptz,
        ADD COLUMN intake text CONSTRAINT submissions_intake CHECK (intake IN ('open', 'closed')),
        ADD COLUMN intake_until timestamptz,
        ADD COLUMN waived_from text,
        ADD COLUMN received_on date,
        ADD COLUMN urged_on date,
        ADD CONSTRAINT submissions_waived CHECK ((state = 'waived') = (waived_from IS NOT NULL))
    """,
    # What is owed still, by when: urging and lists of what is late look here.
    """
    CREATE INDEX submissions_owed ON submissions (coalesce(extended_to, deadline))
        WHERE state IN ('due', 'draft', 'returned') AND approved_round IS NULL
    """,
    "ALTER TABLE rounds ADD COLUMN paper jsonb, ADD COLUMN paper_confirmed_by text,"
    " ADD COLUMN paper_confirmed_at timestamptz",
    "DROP TRIGGER rounds_immutable ON rounds",
    """
    CREATE TRIGGER rounds_immutable BEFORE UPDATE OF submission, round, content_hash, content, figure_count,
        submitted_by, submitted_at, authors, comments, paper ON rounds
        FOR EACH ROW EXECUTE FUNCTION rounds_are_immutable()
    """,
    """
    CREATE TABLE acts (
        number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        submission uuid NOT NULL,
        act text NOT NULL,
        at timestamptz NOT NULL,
        by text NOT NULL,
        reason text NOT NULL,
        until timestamptz,
        announcement uuid
    )
    """,
    "CREATE INDEX acts_of_submission ON acts (submission, number)",
)


def upgrade() -> None:
    """Add columns and the table of acts."""
    for statement in _DDL:
        op.execute(statement)
