"""Partners are administered: their versions, backfills page by page, gaps of their mappings."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables; the version before writes partners without a version, which is then a loaded one."""
    op.execute(
        """
        CREATE TABLE partner_versions (
            partner text, version integer, at timestamptz NOT NULL, by text NOT NULL, action text NOT NULL,
            reason text NOT NULL, changes jsonb NOT NULL, document jsonb NOT NULL, PRIMARY KEY (partner, version))
        """
    )
    op.execute(
        """
        CREATE TABLE backfills (
            partner text PRIMARY KEY, form text NOT NULL DEFAULT '', unit text NOT NULL DEFAULT '',
            period text NOT NULL DEFAULT '', planned bigint NOT NULL DEFAULT 0, correlation_id text NOT NULL,
            asked_at timestamptz NOT NULL)
        """
    )
    op.execute(
        """
        CREATE TABLE mapping_gaps (
            partner text, form text, unit text, period text, error text NOT NULL, since timestamptz NOT NULL,
            PRIMARY KEY (partner, form, unit, period))
        """
    )
