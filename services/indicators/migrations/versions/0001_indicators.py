"""The catalogue, the warehouse and its batches."""

from alembic import op

from shared.storage import create_backbone

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    CREATE TABLE catalogue_state (
        id smallint PRIMARY KEY CONSTRAINT catalogue_state_single CHECK (id = 1),
        version bigint NOT NULL, loaded_at timestamptz, loaded_by text)
    """,
    "INSERT INTO catalogue_state (id, version) VALUES (1, 0)",
    """
    CREATE TABLE catalogue_entries (
        kind text COLLATE "C" NOT NULL, id text COLLATE "C" NOT NULL, body jsonb NOT NULL, version bigint NOT NULL,
        PRIMARY KEY (kind, id))
    """,
    """
    CREATE TABLE batch_counter (
        id smallint PRIMARY KEY CONSTRAINT batch_counter_single CHECK (id = 1), last bigint NOT NULL)
    """,
    "INSERT INTO batch_counter (id, last) VALUES (1, 0)",
    """
    CREATE TABLE batches (
        batch bigint PRIMARY KEY, recorded_at timestamptz NOT NULL, form text NOT NULL, unit text NOT NULL,
        period text NOT NULL, submission_id text NOT NULL, round integer NOT NULL)
    """,
    """
    CREATE TABLE releases (
        form text COLLATE "C" NOT NULL, unit text COLLATE "C" NOT NULL, period text COLLATE "C" NOT NULL,
        version integer NOT NULL, batch bigint NOT NULL, agency text NOT NULL, level text NOT NULL,
        submission_id text NOT NULL, round integer NOT NULL, content_hash text NOT NULL,
        PRIMARY KEY (form, unit, period))
    """,
    """
    CREATE TABLE observations (
        unit text COLLATE "C" NOT NULL, period text COLLATE "C" NOT NULL, indicator text COLLATE "C" NOT NULL,
        batch bigint NOT NULL, form text COLLATE "C" NOT NULL, value numeric(24,4), status text NOT NULL,
        derived boolean NOT NULL, level text NOT NULL, superseded_batch bigint, version integer NOT NULL,
        submission_id text NOT NULL, round integer NOT NULL, recorded_at timestamptz NOT NULL,
        PRIMARY KEY (unit, period, indicator, batch),
        CONSTRAINT observations_superseded_later CHECK (superseded_batch > batch))
    """,
    """
    CREATE UNIQUE INDEX observations_current ON observations (unit, period, indicator)
    WHERE superseded_batch IS NULL
    """,
    """
    CREATE INDEX observations_of_form ON observations (form, unit, period, indicator)
    WHERE superseded_batch IS NULL
    """,
)


def upgrade() -> None:
    """Create the backbone's tables, the catalogue's and the warehouse's."""
    create_backbone(op)
    for statement in _STATEMENTS:
        op.execute(statement)
