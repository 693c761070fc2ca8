"""What partners are beyond codes and forms: permission, transport, limits, timetable, dialect, source."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; the version before reads and writes partners without it."""
    op.execute("ALTER TABLE partners ADD COLUMN details jsonb NOT NULL DEFAULT '{}'")
