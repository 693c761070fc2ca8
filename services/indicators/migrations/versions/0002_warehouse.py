"""Observations in partitions, one per year; statistics of series, publications, loads of history."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_STATEMENTS = (
    "ALTER TABLE observations RENAME TO observations_whole",
    "ALTER TABLE observations_whole RENAME CONSTRAINT observations_pkey TO observations_whole_pkey",
    "DROP INDEX observations_current",
    "DROP INDEX observations_of_form",
    """
    CREATE TABLE observations (
        unit text COLLATE "C" NOT NULL, period text COLLATE "C" NOT NULL, indicator text COLLATE "C" NOT NULL,
        batch bigint NOT NULL, form text COLLATE "C" NOT NULL, value numeric(24,4), status text NOT NULL,
        derived boolean NOT NULL, level text NOT NULL, superseded_batch bigint, version integer NOT NULL,
        submission_id text NOT NULL, round integer NOT NULL, recorded_at timestamptz NOT NULL,
        label text, basis text,
        PRIMARY KEY (unit, period, indicator, batch),
        CONSTRAINT observations_superseded_later CHECK (superseded_batch > batch)) PARTITION BY RANGE (period)
    """,
    """
    CREATE UNIQUE INDEX observations_current ON observations (unit, period, indicator)
    WHERE superseded_batch IS NULL
    """,
    """
    CREATE INDEX observations_of_form ON observations (form, unit, period, indicator)
    WHERE superseded_batch IS NULL
    """,
    "CREATE TABLE observations_other PARTITION OF observations DEFAULT",
    # The years there are figures of, this one and the next; later ones come as they are needed.
    """
    DO $$ DECLARE y integer; BEGIN
        FOR y IN SELECT left(period, 4)::integer FROM observations_whole WHERE period ~ '^[0-9]{4}'
            UNION SELECT extract(year FROM now())::integer + n FROM generate_series(0, 1) AS n ORDER BY 1 LOOP
            EXECUTE format('CREATE TABLE %I PARTITION OF observations FOR VALUES FROM (%L) TO (%L)',
                'observations_' || lpad(y::text, 4, '0'), lpad(y::text, 4, '0'), lpad((y + 1)::text, 4, '0'));
        END LOOP;
    END $$
    """,
    """
    INSERT INTO observations (unit, period, indicator, batch, form, value, status, derived, level, superseded_batch,
        version, submission_id, round, recorded_at)
    SELECT unit, period, indicator, batch, form, value, status, derived, level, superseded_batch,
        version, submission_id, round, recorded_at
    FROM observations_whole
    """,
    "DROP TABLE observations_whole",
    "CREATE INDEX batches_recorded_at ON batches (recorded_at)",
    """
    CREATE TABLE series_statistics (
        unit text COLLATE "C" NOT NULL, indicator text COLLATE "C" NOT NULL, kind text NOT NULL, year integer NOT NULL,
        count integer NOT NULL, mean numeric, deviation numeric, median numeric, spread numeric, low numeric,
        high numeric,
        PRIMARY KEY (unit, indicator, kind, year))
    """,
    """
    CREATE TABLE publications (
        id text PRIMARY KEY, form text COLLATE "C" NOT NULL, period_from text COLLATE "C" NOT NULL,
        period_to text COLLATE "C" NOT NULL, units text[], indicators text[], decision text NOT NULL,
        decided_on date NOT NULL, published_at timestamptz NOT NULL, published_by text NOT NULL,
        withdrawn_at timestamptz, withdrawn_by text, withdrawal_decision text)
    """,
    "CREATE INDEX publications_in_force ON publications (form, period_from) WHERE withdrawn_at IS NULL",
    """
    CREATE TABLE history_loads (
        id text PRIMARY KEY, source text NOT NULL, decision text NOT NULL, loaded_at timestamptz NOT NULL,
        loaded_by text NOT NULL, result jsonb NOT NULL)
    """,
)


def upgrade() -> None:
    """Move the observations there are into partitions and make room for what this issue adds."""
    for statement in _STATEMENTS:
        op.execute(statement)
