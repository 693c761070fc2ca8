"""Dead letters have a history, and many are replayed or discarded by one job."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_DDL = """
CREATE TABLE dead_letter_history (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, letter bigint NOT NULL, at timestamptz NOT NULL,
    what text NOT NULL, by text, reason text, attempts integer, job bigint);
CREATE INDEX dead_letter_history_of_letter ON dead_letter_history (letter, id);
CREATE INDEX dead_letter_history_of_job ON dead_letter_history (job) WHERE job IS NOT NULL;
CREATE TABLE dead_letter_jobs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, action text NOT NULL, wanted jsonb NOT NULL, reason text,
    requested_by text NOT NULL, key text, correlation_id text NOT NULL, rate integer NOT NULL, state text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(), worked_at timestamptz, finished_at timestamptz, stopped_by text,
    matched integer NOT NULL DEFAULT 0, done integer NOT NULL DEFAULT 0, skipped integer NOT NULL DEFAULT 0);
CREATE UNIQUE INDEX dead_letter_jobs_running ON dead_letter_jobs (action, wanted) WHERE finished_at IS NULL;
CREATE UNIQUE INDEX dead_letter_jobs_key ON dead_letter_jobs (requested_by, key) WHERE key IS NOT NULL;
CREATE TABLE dead_letter_job_items (job bigint NOT NULL, letter bigint NOT NULL, PRIMARY KEY (job, letter));
INSERT INTO dead_letter_history (letter, at, what, reason, attempts)
    SELECT id, died_at, 'died', error, attempts FROM dead_letters ORDER BY id;
INSERT INTO dead_letter_history (letter, at, what, by, reason)
    SELECT id, settled_at, state, settled_by, reason FROM dead_letters
    WHERE state IN ('replayed', 'discarded') AND settled_at IS NOT NULL ORDER BY id
"""


def upgrade() -> None:
    """Create the tables; begin the history with what is known of it."""
    for statement in _DDL.strip().split(";\n"):
        op.execute(statement)
