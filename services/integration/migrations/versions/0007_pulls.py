"""Pulls from sources: how far each was pulled, runs with their pages, rows, faults and receipts."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_DDL = """
CREATE TABLE pull_sources (
    partner text PRIMARY KEY, watermark bigint, began_at timestamptz NOT NULL, last_good_at timestamptz,
    failures integer NOT NULL DEFAULT 0, more boolean NOT NULL DEFAULT false);
CREATE TABLE pull_runs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, token text NOT NULL, partner text NOT NULL,
    state text NOT NULL, requested_by text NOT NULL, correlation_id text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(), finished_at timestamptz, since bigint, again boolean NOT NULL,
    ask jsonb, pages integer NOT NULL DEFAULT 0, total bigint, highest bigint,
    cut boolean NOT NULL DEFAULT false, in_order boolean NOT NULL DEFAULT true,
    read bigint NOT NULL DEFAULT 0, fresh bigint NOT NULL DEFAULT 0, unchanged bigint NOT NULL DEFAULT 0,
    unmapped bigint NOT NULL DEFAULT 0, refused bigint NOT NULL DEFAULT 0, deleted bigint NOT NULL DEFAULT 0,
    pushes bigint NOT NULL DEFAULT 0, tries integer NOT NULL DEFAULT 0, next_try_at timestamptz,
    claimed_by text, claimed_until timestamptz, error_code text, error text);
CREATE UNIQUE INDEX pull_runs_open ON pull_runs (partner) WHERE finished_at IS NULL;
CREATE INDEX pull_runs_of_partner ON pull_runs (partner, id);
CREATE TABLE pull_pages (
    run bigint NOT NULL, number integer NOT NULL, ask bytea NOT NULL, content bytea NOT NULL, rows integer NOT NULL,
    PRIMARY KEY (run, number));
CREATE TABLE pull_rows (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, run bigint NOT NULL, form text NOT NULL, unit text NOT NULL,
    period text NOT NULL, indicator text NOT NULL, value text, status text NOT NULL, mark bigint NOT NULL,
    deleted boolean NOT NULL, hash bytea NOT NULL, raw bytea NOT NULL);
CREATE INDEX pull_rows_of_run ON pull_rows (run, form, unit, period, indicator);
CREATE TABLE pull_cells (
    partner text NOT NULL, form text NOT NULL, unit text NOT NULL, period text NOT NULL, indicator text NOT NULL,
    value text, status text NOT NULL, deleted boolean NOT NULL, mark bigint NOT NULL, hash bytea NOT NULL,
    run bigint NOT NULL, PRIMARY KEY (partner, form, unit, period, indicator));
CREATE TABLE pull_faults (
    run bigint NOT NULL, number integer NOT NULL, page integer, position integer, kind text NOT NULL,
    place text NOT NULL, code text NOT NULL, message text NOT NULL, row text NOT NULL, PRIMARY KEY (run, number));
CREATE TABLE pull_receipts (
    run bigint NOT NULL, receipt_id text NOT NULL, form text NOT NULL, unit text NOT NULL, period text NOT NULL,
    figures integer NOT NULL, PRIMARY KEY (run, receipt_id));
"""


def upgrade() -> None:
    """Create the tables."""
    for statement in _DDL.strip().split(";\n"):
        op.execute(statement)
