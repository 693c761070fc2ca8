"""The message log tells the road of each message and which client of a partner asked; both enter the chain where they
are said, so that entries from before keep their hashes."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_FIELDS = (
    *("id", "partner", "direction", "kind", "at", "correlation_id", "endpoint", "outcome", "microseconds", "status"),
    *("message_id", "form", "unit", "period", "delivery", "attempt", "error"),
    *("request_bytes", "request_digest", "request_kept", "response_bytes", "response_digest", "response_kept"),
    *("road", "client"),
)
_NEW, _OLD = (", ".join(f"{side}.{name}" for name in _FIELDS) for side in ("NEW", "OLD"))

_STATEMENTS = (
    "ALTER TABLE messages ADD road text, ADD client text",
    f"""
    CREATE OR REPLACE FUNCTION message_guard() RETURNS trigger LANGUAGE plpgsql AS $guard$
    BEGIN
        IF TG_OP = 'UPDATE' AND OLD.sealed_as IS NULL AND NEW.sealed_as IS NOT NULL AND NEW.hash IS NOT NULL
           AND ({_NEW}) IS NOT DISTINCT FROM ({_OLD})
        THEN
            RETURN NEW;
        END IF;
        IF TG_OP = 'DELETE' AND OLD.sealed_as <= (SELECT max(number) FROM message_anchor) THEN
            RETURN OLD;
        END IF;
        RAISE EXCEPTION 'entries of the message log are never changed, and deleted only from its beginning'
            USING ERRCODE = 'insufficient_privilege';
    END
    $guard$
    """,  # noqa: S608 -- names above
)


def upgrade() -> None:
    """Add the columns and guard them; the version before writes entries without them."""
    for statement in _STATEMENTS:
        op.execute(statement)
