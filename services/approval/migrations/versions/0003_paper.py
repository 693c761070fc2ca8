"""What is said of a round that had come on paper while the system could not be reached."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; empty means that the round was submitted here in the ordinary way."""
    op.execute("ALTER TABLE cases ADD COLUMN paper jsonb")
