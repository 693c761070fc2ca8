"""People, clients and failed attempts."""

from alembic import op

from shared.storage import create_backbone

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the backbone's tables, `people`, `clients` and `attempts`."""
    create_backbone(op)
    op.execute(
        """
        CREATE TABLE people (
            id text PRIMARY KEY, username text NOT NULL CONSTRAINT people_username_key UNIQUE, name text NOT NULL,
            agency text, roles text[] NOT NULL, units text[] NOT NULL, forms text[] NOT NULL,
            password_hash text NOT NULL, active boolean NOT NULL,
            CONSTRAINT people_username_lower CHECK (username = lower(username)))
        """
    )
    op.execute(
        """
        CREATE TABLE clients (
            client_id text PRIMARY KEY, partner text NOT NULL, name text NOT NULL, rights text[] NOT NULL,
            units text[] NOT NULL, forms text[] NOT NULL, agency text, secret_hash text NOT NULL,
            active boolean NOT NULL)
        """
    )
    op.execute(
        """
        CREATE TABLE attempts (
            kind text NOT NULL, login_hash text NOT NULL, failures integer NOT NULL, failed_at timestamptz NOT NULL,
            locked_until timestamptz NOT NULL, PRIMARY KEY (kind, login_hash))
        """
    )
