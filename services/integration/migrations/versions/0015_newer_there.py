"""Keys that a partner holds under a newer version than ours; differences are told once; old ones go."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let keys say what the partner holds and refused, differences whether they were told, earlier entries since when
    they are earlier."""
    op.execute("ALTER TABLE holdings ADD COLUMN lift bigint NOT NULL DEFAULT 0, ADD COLUMN held_version bigint, "
               "ADD COLUMN refused_version bigint")  # fmt: skip
    # What stood before was told at every comparison.
    op.execute("ALTER TABLE known_differences ADD COLUMN told boolean NOT NULL DEFAULT true")
    op.execute("ALTER TABLE earlier_entries ADD COLUMN until timestamptz NOT NULL DEFAULT now()")
    op.execute("CREATE INDEX known_differences_settled ON known_differences (settled_at) WHERE state = 'repaired'")
