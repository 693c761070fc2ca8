"""The copy of the catalogue keeps forms and indicators too: read anew with the next change."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Call the copy unread. Its units stay; the version before reads them on, and keeps them alone."""
    op.execute("UPDATE replica_state SET version = 0 WHERE source = 'indicators'")
