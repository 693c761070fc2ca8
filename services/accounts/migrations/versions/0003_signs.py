"""Whether a partner must sign what it pushes, as integration tells."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column: until integration tells, nobody must."""
    op.execute("ALTER TABLE partners ADD COLUMN signs boolean NOT NULL DEFAULT false")
