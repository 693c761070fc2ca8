"""Differences through time, earlier versions of entries, direction and method of a reconciliation."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create what is new; the version before reads and writes reconciliations without the added columns."""
    op.execute(
        """
        CREATE TABLE known_differences (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, direction text NOT NULL, partner text NOT NULL,
            form text NOT NULL, unit text NOT NULL, period text NOT NULL, indicator text NOT NULL, state text NOT NULL,
            kind text NOT NULL, expected text, found text, first_seen timestamptz NOT NULL,
            last_seen timestamptz NOT NULL, times_seen integer NOT NULL, owner text NOT NULL,
            recurrences integer NOT NULL, failed_repairs integer NOT NULL, task boolean NOT NULL, acceptance jsonb,
            settled_at timestamptz, reconciliation bigint NOT NULL)
        """
    )
    op.execute(
        "CREATE UNIQUE INDEX known_differences_place "
        "ON known_differences (direction, partner, form, unit, period, indicator)"
    )
    op.execute(
        "CREATE INDEX known_differences_open ON known_differences (partner, direction, id) WHERE state <> 'repaired'"
    )
    op.execute(
        """
        CREATE TABLE earlier_entries (
            partner text, form text, unit text, period text, indicator text, version bigint, value text,
            status text NOT NULL, PRIMARY KEY (partner, form, unit, period, indicator, version))
        """
    )
    op.execute("ALTER TABLE reconciliations ADD COLUMN direction text NOT NULL DEFAULT 'receiver'")
    op.execute("ALTER TABLE reconciliations ADD COLUMN method text NOT NULL DEFAULT ''")
