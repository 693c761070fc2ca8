"""Partners, ledger and digests, deliveries, reconciliations, dead letters; canonical hashing in SQL for the scrub."""

from alembic import op

from shared.storage import create_backbone

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_LANES = 8

_TABLES = (
    """
    CREATE TABLE partners (
        id text PRIMARY KEY, name text NOT NULL, protocol text NOT NULL, endpoint text NOT NULL,
        credential text NOT NULL, max_processing_seconds double precision NOT NULL, min_level text NOT NULL,
        mapping jsonb NOT NULL, forms text[] NOT NULL, active boolean NOT NULL)
    """,
    """
    CREATE TABLE contents (
        form text, unit text, period text, agency text NOT NULL, level text NOT NULL, version bigint NOT NULL,
        batch bigint NOT NULL, content_hash text NOT NULL, count integer NOT NULL, digest text NOT NULL,
        observations jsonb NOT NULL, PRIMARY KEY (form, unit, period))
    """,
    f"""
    CREATE TABLE holdings (
        partner text, form text, unit text, period text, partner_unit text NOT NULL, agency text NOT NULL,
        expected_version bigint NOT NULL, acknowledged_version bigint,
        expected_count integer NOT NULL DEFAULT 0,
        {", ".join(f"expected_l{lane} bigint NOT NULL DEFAULT 0" for lane in range(_LANES))},
        acknowledged_count integer NOT NULL DEFAULT 0,
        {", ".join(f"acknowledged_l{lane} bigint NOT NULL DEFAULT 0" for lane in range(_LANES))},
        PRIMARY KEY (partner, form, unit, period)) WITH (fillfactor = 70)
    """,
    "CREATE UNIQUE INDEX holdings_buckets ON holdings (partner, period, form, partner_unit)",
    """
    CREATE INDEX holdings_pending ON holdings (partner, period, form)
    WHERE acknowledged_version IS DISTINCT FROM expected_version
    """,
    """
    CREATE TABLE ledger (
        partner text, form text, unit text, period text, indicator text, partner_indicator text NOT NULL,
        expected_value text, expected_status text, expected_version bigint, expected_hash bytea,
        acknowledged_value text, acknowledged_status text, acknowledged_version bigint, acknowledged_hash bytea,
        PRIMARY KEY (partner, form, unit, period, indicator)) WITH (fillfactor = 80)
    """,
    """
    CREATE TABLE deliveries (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, message_id uuid NOT NULL, partner text NOT NULL,
        form text NOT NULL, unit text NOT NULL, period text NOT NULL, partner_unit text NOT NULL, agency text NOT NULL,
        version bigint NOT NULL, kind text NOT NULL, state text NOT NULL, attempts integer NOT NULL DEFAULT 0,
        correlation_id text NOT NULL, reconciliation bigint, claimed_by text, packet bytea, error text,
        created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(),
        next_attempt_at timestamptz,
        CONSTRAINT deliveries_kind CHECK (kind IN ('release', 'repair')),
        CONSTRAINT deliveries_state CHECK (state IN ('planned', 'sending', 'acknowledged', 'rejected', 'waiting',
            'in_doubt', 'superseded', 'dead')))
    """,
    "CREATE UNIQUE INDEX deliveries_message ON deliveries (message_id)",
    """
    CREATE INDEX deliveries_due ON deliveries (partner, next_attempt_at, id)
    WHERE state IN ('planned', 'waiting', 'in_doubt', 'sending')
    """,
    """
    CREATE INDEX deliveries_of_key ON deliveries (partner, form, unit, period)
    WHERE state IN ('planned', 'waiting', 'in_doubt', 'sending')
    """,
    "CREATE INDEX deliveries_of_reconciliation ON deliveries (reconciliation) WHERE reconciliation IS NOT NULL",
    """
    CREATE TABLE attempts (
        delivery bigint, number integer, action text NOT NULL, started_at timestamptz NOT NULL,
        seconds double precision, outcome text, error text, PRIMARY KEY (delivery, number))
    """,
    """
    CREATE TABLE reconciliations (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, partner text NOT NULL, state text NOT NULL,
        repair boolean NOT NULL, requested_by text NOT NULL, correlation_id text NOT NULL,
        started_at timestamptz NOT NULL DEFAULT now(), finished_at timestamptz, equal boolean,
        entries bigint NOT NULL DEFAULT 0, buckets bigint NOT NULL DEFAULT 0, pending integer NOT NULL DEFAULT 0,
        calls integer NOT NULL DEFAULT 0, bytes_compared bigint NOT NULL DEFAULT 0,
        scrub_age_seconds double precision, error text)
    """,
    "CREATE UNIQUE INDEX reconciliations_open ON reconciliations (partner) WHERE finished_at IS NULL",
    """
    CREATE TABLE differences (
        reconciliation bigint, form text, unit text, period text, indicator text, kind text NOT NULL, expected text,
        found text, state text NOT NULL, PRIMARY KEY (reconciliation, form, unit, period, indicator))
    """,
    """
    CREATE TABLE dead_letters (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, queue text NOT NULL, message_id uuid NOT NULL,
        event text NOT NULL, correlation_id text NOT NULL, subject text NOT NULL, schema integer NOT NULL,
        error text NOT NULL, traceback text, attempts integer NOT NULL, body bytea NOT NULL,
        died_at timestamptz NOT NULL, state text NOT NULL, replays integer NOT NULL DEFAULT 0, settled_by text,
        settled_at timestamptz, reason text,
        CONSTRAINT dead_letters_state CHECK (state IN ('dead', 'replayed', 'discarded')))
    """,
    "CREATE UNIQUE INDEX dead_letters_message ON dead_letters (queue, message_id)",
    "CREATE INDEX dead_letters_state ON dead_letters (state, id)",
    """
    CREATE TABLE scrubs (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, partner text, kind text NOT NULL,
        started_at timestamptz NOT NULL, finished_at timestamptz NOT NULL, entries bigint NOT NULL,
        corrected bigint NOT NULL)
    """,
    "CREATE INDEX scrubs_of_partner ON scrubs (partner, finished_at)",
)

# The same bytes as shared.canonical.encode and shared.digest.entry_hash; a property test compares them. STABLE, because
# convert_to is: PostgreSQL then inlines them, which halves their cost.
_FUNCTIONS = (
    """
    CREATE FUNCTION hub_field(content text) RETURNS bytea STABLE PARALLEL SAFE LANGUAGE sql AS $$
        SELECT CASE WHEN content IS NULL THEN '\\xffffffff'::bytea
            ELSE int4send(octet_length(normalize(content, NFC))) || convert_to(normalize(content, NFC), 'UTF8') END
    $$
    """,
    """
    CREATE FUNCTION hub_entry_hash(form text, unit text, period text, indicator text, value text, status text)
    RETURNS bytea STABLE PARALLEL SAFE LANGUAGE sql AS $$
        SELECT sha256(hub_field(form) || hub_field(unit) || hub_field(period) || hub_field(indicator)
            || hub_field(value) || hub_field(status))
    $$
    """,
    """
    CREATE FUNCTION hub_lane(hash bytea, lane integer) RETURNS bigint IMMUTABLE PARALLEL SAFE LANGUAGE sql AS $$
        SELECT (get_byte(hash, lane * 4)::bigint << 24) | (get_byte(hash, lane * 4 + 1)::bigint << 16)
            | (get_byte(hash, lane * 4 + 2)::bigint << 8) | get_byte(hash, lane * 4 + 3)::bigint
    $$
    """,
)


def upgrade() -> None:
    """Create the backbone's tables, the service's own, and the hash functions."""
    create_backbone(op)
    for statement in (*_TABLES, *_FUNCTIONS):
        op.execute(statement)
