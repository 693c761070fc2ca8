"""Labels of rows in open lists."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; figures that stand have no label."""
    op.execute("ALTER TABLE figures ADD COLUMN label text")
