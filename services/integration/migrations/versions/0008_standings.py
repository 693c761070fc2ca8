"""How partners stand: breaker, pauses, budget of repeats, and which process sends to one with limits."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table; the version before sends without minding it."""
    op.execute(
        """
        CREATE TABLE partner_standings (
            partner text PRIMARY KEY, circuit text NOT NULL DEFAULT 'closed', failures integer NOT NULL DEFAULT 0,
            openings integer NOT NULL DEFAULT 0, until timestamptz, paused_until timestamptz,
            story text NOT NULL DEFAULT '', hour timestamptz, repeats integer NOT NULL DEFAULT 0,
            led_by text NOT NULL DEFAULT '', led_until timestamptz,
            CONSTRAINT partner_standings_circuit CHECK (circuit IN ('closed', 'open', 'half_open')))
        """
    )
