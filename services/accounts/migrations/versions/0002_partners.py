"""Partners, as integration tells of them: whose systems are let in."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table; it fills with what integration tells, or is asked where it lacks one."""
    op.execute(
        """
        CREATE TABLE partners (
            partner text PRIMARY KEY, version integer NOT NULL, active boolean NOT NULL, valid_from date,
            valid_to date)
        """
    )
