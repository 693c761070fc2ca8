"""Years of values in one row each, kept by the database itself: also under what the version before writes."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Amounts are whole ten-thousandths, of the periods in which something occurred, in order; a bit stands for a period.
_PACKED = """
    sum(1 << (period_number(o.period) - 1))::int AS present,
    coalesce(sum(1 << (period_number(o.period) - 1)) FILTER (WHERE o.value IS NOT NULL), 0)::int AS occurred,
    coalesce(string_agg((o.value * 10000)::numeric(28, 0)::text, ',' ORDER BY o.period)
        FILTER (WHERE o.value IS NOT NULL), '') AS amounts
"""
_STATEMENTS = (
    """
    CREATE TABLE year_rows (
        unit text COLLATE "C" NOT NULL, year text COLLATE "C" NOT NULL, kind text NOT NULL,
        indicator text COLLATE "C" NOT NULL, present integer NOT NULL, occurred integer NOT NULL, amounts text NOT NULL,
        PRIMARY KEY (unit, year, kind, indicator))
    """,
    # NULL: a day, or no period at all. These have no row.
    """
    CREATE FUNCTION period_kind(period text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
        SELECT CASE WHEN period ~ '^[0-9]{4}$' THEN 'year' WHEN period ~ '^[0-9]{4}-9M$' THEN 'nine_months'
            WHEN period ~ '^[0-9]{4}-H[12]$' THEN 'half' WHEN period ~ '^[0-9]{4}-Q[1-4]$' THEN 'quarter'
            WHEN period ~ '^[0-9]{4}-(0[1-9]|1[0-2])$' THEN 'month' END
    $$
    """,
    """
    CREATE FUNCTION period_number(period text) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
        SELECT CASE WHEN length(period) = 4 OR right(period, 1) = 'M' THEN 1
            ELSE ltrim(substr(period, 6), 'QH')::integer END
    $$
    """,
    """
    CREATE FUNCTION periods_of(kind text, year text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
        SELECT CASE kind WHEN 'year' THEN ARRAY[year] WHEN 'nine_months' THEN ARRAY[year || '-9M']
            WHEN 'half' THEN ARRAY[year || '-H1', year || '-H2']
            WHEN 'quarter' THEN ARRAY[year || '-Q1', year || '-Q2', year || '-Q3', year || '-Q4']
            ELSE ARRAY[year || '-01', year || '-02', year || '-03', year || '-04', year || '-05', year || '-06',
                year || '-07', year || '-08', year || '-09', year || '-10', year || '-11', year || '-12'] END
    $$
    """,
    f"""
    CREATE FUNCTION keep_year_rows() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        WITH keys AS (
            SELECT DISTINCT c.unit, substr(c.period, 1, 4) AS year, period_kind(c.period) AS kind, c.indicator
            FROM changed c WHERE period_kind(c.period) IS NOT NULL
        ), made AS (
            SELECT k.*, p.present, p.occurred, p.amounts FROM keys k, LATERAL (
                SELECT {_PACKED} FROM observations o
                WHERE o.unit = k.unit AND o.indicator = k.indicator AND o.period = ANY (periods_of(k.kind, k.year))
                    AND o.period >= k.year AND o.period <= k.year || '~' AND o.superseded_batch IS NULL
            ) AS p
        ), gone AS (
            DELETE FROM year_rows y USING made m WHERE m.present IS NULL AND y.unit = m.unit AND y.year = m.year
                AND y.kind = m.kind AND y.indicator = m.indicator
        )
        INSERT INTO year_rows AS y (unit, year, kind, indicator, present, occurred, amounts)
        SELECT m.unit, m.year, m.kind, m.indicator, m.present, m.occurred, m.amounts FROM made m
        WHERE m.present IS NOT NULL ORDER BY m.unit, m.year, m.kind, m.indicator
        ON CONFLICT (unit, year, kind, indicator) DO UPDATE
        SET present = excluded.present, occurred = excluded.occurred, amounts = excluded.amounts;
        RETURN NULL;
    END $$
    """,  # noqa: S608 -- a constant
    *(
        f"CREATE TRIGGER year_rows_{event.lower()} AFTER {event} ON observations REFERENCING {side} TABLE AS changed "
        "FOR EACH STATEMENT EXECUTE FUNCTION keep_year_rows()"
        for event, side in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD"))
    ),
    # A sort of all there is would otherwise go through the disk many times.
    "SET LOCAL work_mem = '256MB'",
    """
    INSERT INTO year_rows (unit, year, kind, indicator, present, occurred, amounts)
    SELECT o.unit, p.year, p.kind, o.indicator, sum(p.bit)::int,
        coalesce(sum(p.bit) FILTER (WHERE o.value IS NOT NULL), 0)::int,
        coalesce(string_agg((o.value * 10000)::numeric(28, 0)::text, ',' ORDER BY o.period)
            FILTER (WHERE o.value IS NOT NULL), '')
    FROM (
        SELECT period, substr(period, 1, 4) AS year, period_kind(period) AS kind,
            1 << (period_number(period) - 1) AS bit
        FROM (SELECT DISTINCT period FROM observations WHERE superseded_batch IS NULL) AS d
        WHERE period_kind(period) IS NOT NULL
    ) AS p JOIN observations o ON o.period = p.period AND o.superseded_batch IS NULL
    GROUP BY o.unit, p.year, p.kind, o.indicator
    """,
)


def upgrade() -> None:
    """Create the rows, what keeps them, and those of the values there are."""
    for statement in _STATEMENTS:
        op.execute(statement)
