"""What reports say was compared, and comparisons with sources: who sends for them, what they state, what differs."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_GROUP = "reconciliation bigint NOT NULL, period text NOT NULL, form text NOT NULL, unit text NOT NULL"


def upgrade() -> None:
    """Create the tables; the version before knows nothing of them."""
    op.execute("CREATE TABLE reconciliation_scopes (reconciliation bigint PRIMARY KEY, scopes jsonb NOT NULL)")
    op.execute(
        "CREATE TABLE source_clients (partner text, client text, first_seen timestamptz NOT NULL DEFAULT now(), "
        "PRIMARY KEY (partner, client))"
    )
    op.execute(
        """
        CREATE TABLE source_runs (
            reconciliation bigint PRIMARY KEY, phase text NOT NULL, level text NOT NULL, clients text[] NOT NULL,
            units text[] NOT NULL, forms text[] NOT NULL, posted_at timestamptz NOT NULL DEFAULT now())
        """
    )
    op.execute(
        f"""
        CREATE TABLE source_received (
            {_GROUP}, hub_unit text NOT NULL, agency text NOT NULL, count integer NOT NULL, digest bytea NOT NULL,
            unapproved boolean NOT NULL, PRIMARY KEY (reconciliation, period, form, unit))
        """
    )
    op.execute(
        f"""
        CREATE TABLE source_stated (
            {_GROUP}, level text NOT NULL, count integer NOT NULL, digest bytea NOT NULL,
            PRIMARY KEY (reconciliation, level, period, form, unit))
        """
    )
    op.execute(
        f"""
        CREATE TABLE source_groups (
            {_GROUP}, level text NOT NULL, received integer NOT NULL, stated integer NOT NULL, listed boolean NOT NULL,
            PRIMARY KEY (reconciliation, level, period, form, unit))
        """
    )
    op.execute(
        f"""
        CREATE TABLE source_values (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, {_GROUP}, page integer NOT NULL,
            indicator text NOT NULL, value text, status text NOT NULL, changed_at timestamptz)
        """
    )
    op.execute("CREATE INDEX source_values_of_group ON source_values (reconciliation, period, form, unit, page)")
