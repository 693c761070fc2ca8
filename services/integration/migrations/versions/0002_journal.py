"""The journal of pushes and commands, from which a restored service is healed."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the journal."""
    op.execute(
        """
        CREATE TABLE journal (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            message_id uuid NOT NULL CONSTRAINT journal_message_id_key UNIQUE, event text NOT NULL,
            service text NOT NULL, at timestamptz NOT NULL, subject text NOT NULL, correlation_id text NOT NULL,
            body bytea NOT NULL)
        """
    )
    op.execute("ALTER TABLE journal ALTER body SET STORAGE EXTERNAL")
    op.execute("CREATE INDEX journal_of_service ON journal (service, at)")
    op.execute("CREATE INDEX journal_at ON journal (at)")
