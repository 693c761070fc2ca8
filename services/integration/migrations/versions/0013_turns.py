"""Every call to a partner takes its turn, whichever process makes it."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let a partner's row say when its next call may begin."""
    op.execute("ALTER TABLE partner_standings ADD COLUMN next_call_at timestamptz")
