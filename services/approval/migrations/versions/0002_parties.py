"""Whose leaders decide a case, the level an approval reaches, and who is sent the approved submission."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns. Empty ones mean what held before: the agency that owes decides, the level follows from it."""
    op.execute(
        """
        ALTER TABLE cases
            ADD COLUMN reaches text NOT NULL DEFAULT '',
            ADD COLUMN approvers text[] NOT NULL DEFAULT '{}',
            ADD COLUMN receivers text[] NOT NULL DEFAULT '{}'
        """
    )
