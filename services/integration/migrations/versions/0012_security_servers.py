"""The registry of security servers (Đ11)."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of announced changes."""
    op.execute(
        """
        CREATE TABLE security_server_changes (
            number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, server text NOT NULL, effective_on date NOT NULL,
            becomes jsonb, announced_at timestamptz NOT NULL, announced_by text NOT NULL, emergency boolean NOT NULL,
            reason text NOT NULL)
        """
    )
    op.execute("CREATE INDEX security_server_changes_of ON security_server_changes (server, effective_on)")
