"""The message log: entries that are only ever sealed, what is kept of their bodies, and where the chain begins."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_FIELDS = (
    *("id", "partner", "direction", "kind", "at", "correlation_id", "endpoint", "outcome", "microseconds", "status"),
    *("message_id", "form", "unit", "period", "delivery", "attempt", "error"),
    *("request_bytes", "request_digest", "request_kept", "response_bytes", "response_digest", "response_kept"),
)
_NEW, _OLD = (", ".join(f"{side}.{name}" for name in _FIELDS) for side in ("NEW", "OLD"))

_STATEMENTS = (
    """
    CREATE TABLE messages (
        id uuid PRIMARY KEY, partner text NOT NULL, direction text NOT NULL, kind text NOT NULL,
        at timestamptz NOT NULL, correlation_id text NOT NULL, endpoint text NOT NULL, outcome text NOT NULL,
        microseconds bigint NOT NULL, status integer, message_id text, form text, unit text, period text,
        delivery bigint, attempt integer, error text, request_bytes bigint, request_digest bytea, request_kept bytea,
        response_bytes bigint, response_digest bytea, response_kept bytea,
        sealed_as bigint CONSTRAINT messages_sealed_as_key UNIQUE, hash bytea,
        CONSTRAINT messages_direction CHECK (direction IN ('in', 'out')))
    """,
    "CREATE INDEX messages_unsealed ON messages (id) WHERE sealed_as IS NULL",
    "CREATE INDEX messages_at ON messages (at)",
    "CREATE INDEX messages_of_partner ON messages (partner, id)",
    "CREATE INDEX messages_of_correlation ON messages (correlation_id)",
    "CREATE INDEX messages_of_key ON messages (unit, form, period) WHERE unit IS NOT NULL",
    "CREATE INDEX messages_of_delivery ON messages (delivery) WHERE delivery IS NOT NULL",
    "CREATE TABLE message_bodies (message uuid PRIMARY KEY, at timestamptz NOT NULL, request bytea, response bytea)",
    "ALTER TABLE message_bodies ALTER request SET STORAGE EXTERNAL, ALTER response SET STORAGE EXTERNAL",
    "CREATE INDEX message_bodies_at ON message_bodies (at)",
    "CREATE TABLE message_anchor (number bigint PRIMARY KEY, hash bytea NOT NULL, bodies_gone timestamptz)",
    "INSERT INTO message_anchor VALUES (0, decode(repeat('00', 32), 'hex'), NULL)",
    f"""
    CREATE FUNCTION message_guard() RETURNS trigger LANGUAGE plpgsql AS $guard$
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
    "CREATE TRIGGER message_guard BEFORE UPDATE OR DELETE ON messages FOR EACH ROW EXECUTE FUNCTION message_guard()",
    "CREATE TRIGGER message_guard_all BEFORE TRUNCATE ON messages FOR EACH STATEMENT EXECUTE FUNCTION message_guard()",
)


def upgrade() -> None:
    """Create the log; the version before calls partners without it."""
    for statement in _STATEMENTS:
        op.execute(statement)
