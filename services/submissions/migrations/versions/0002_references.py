"""Reference values as the warehouse told them; comments on warnings, frozen with their round."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_DDL = (
    """
    CREATE TABLE reference_releases (
        form text COLLATE "C" NOT NULL,
        unit text COLLATE "C" NOT NULL,
        period text COLLATE "C" NOT NULL,
        version bigint NOT NULL,
        batch bigint NOT NULL,
        PRIMARY KEY (form, unit, period)
    ) WITH (fillfactor = 90)
    """,
    """
    CREATE TABLE reference_values (
        unit text COLLATE "C" NOT NULL,
        indicator text COLLATE "C" NOT NULL,
        period text COLLATE "C" NOT NULL,
        value numeric(24, 4),
        status text NOT NULL,
        derived boolean NOT NULL,
        form text COLLATE "C" NOT NULL,
        version bigint NOT NULL,
        batch bigint NOT NULL,
        PRIMARY KEY (unit, indicator, period)
    )
    """,
    "CREATE INDEX reference_values_of_period ON reference_values (unit, period)",
    """
    CREATE TABLE reference_check (
        id smallint PRIMARY KEY CONSTRAINT reference_check_single CHECK (id = 1),
        after text NOT NULL
    )
    """,
    """
    CREATE TABLE comments (
        submission bigint NOT NULL REFERENCES submissions (number),
        code text COLLATE "C" NOT NULL,
        indicator text COLLATE "C" NOT NULL,
        about text NOT NULL,
        text text NOT NULL,
        by text NOT NULL,
        at timestamptz NOT NULL,
        PRIMARY KEY (submission, code, indicator, about)
    )
    """,
    "ALTER TABLE rounds ADD COLUMN comments jsonb NOT NULL DEFAULT '[]'",
    "DROP TRIGGER rounds_immutable ON rounds",
    """
    CREATE TRIGGER rounds_immutable BEFORE UPDATE OF submission, round, content_hash, content, figure_count,
        submitted_by, submitted_at, authors, comments ON rounds FOR EACH ROW EXECUTE FUNCTION rounds_are_immutable()
    """,
)


def upgrade() -> None:
    """Create and alter everything."""
    for statement in _DDL:
        op.execute(statement)
