"""Releases are walked in the order in which they were recorded."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the index of that walk."""
    op.execute("CREATE INDEX releases_recorded ON releases (batch, form, unit, period)")
