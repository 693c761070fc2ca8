"""What is usual in each series, and the values that are not.

A series is one indicator of one unit in one kind of period. What is usual for a year is told by the years before it,
kept in `series_statistics`, and dropped by the transaction that changes a value it rests on. Numbers are exact decimals
all the way; no value is judged by what is not kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from services.indicators.domain.outliers import Method
from services.indicators.storage.moments import last_batch
from services.indicators.storage.tables import batch_counter
from shared.calendar import Period

ATTEMPTS = 3
_FORGET = "DELETE FROM series_statistics WHERE unit = %s AND indicator = ANY(%s) AND kind = %s AND year > %s"
_KIND = (
    "CASE length(o.period) WHEN 4 THEN 'year' WHEN 10 THEN 'day' ELSE CASE substr(o.period, 6, 1) WHEN 'Q' THEN"
    " 'quarter' WHEN 'H' THEN 'half' WHEN '9' THEN 'nine_months' ELSE 'month' END END"
)
_KEPT = (
    f"LEFT JOIN series_statistics k ON k.year = %(year)s AND k.unit = o.unit AND k.indicator = o.indicator"
    f" AND k.kind = {_KIND}"
)
_OF_YEAR = "o.period >= %(first)s AND o.period < %(next)s AND o.superseded_batch IS NULL AND o.value IS NOT NULL"
_LACKING = """
SELECT o.unit, count(DISTINCT (o.indicator, {kind})) FROM observations o {kept}
WHERE {of_year} AND k.count IS NULL GROUP BY o.unit ORDER BY o.unit
"""
# The middle of an even number of values is half the sum of the two in the middle.
_KEEP = """
WITH asked AS (
    SELECT DISTINCT o.unit, o.indicator, {kind} AS kind FROM observations o {kept}
    WHERE o.unit = %(unit)s AND {of_year} AND k.count IS NULL
), history AS MATERIALIZED (
    SELECT o.indicator, {kind} AS kind, o.value FROM observations o
    WHERE o.unit = %(unit)s AND o.period < %(first)s AND o.superseded_batch IS NULL AND o.value IS NOT NULL
), middles AS (
    SELECT *, (sorted[(count + 1) / 2] + sorted[count / 2 + 1]) / 2 AS median FROM (
        SELECT indicator, kind, count(*)::int AS count, avg(value) AS mean, stddev_samp(value) AS deviation,
            min(value) AS low, max(value) AS high, array_agg(value ORDER BY value) AS sorted
        FROM history GROUP BY indicator, kind) AS made
), spreads AS (
    SELECT indicator, kind, (sorted[(count + 1) / 2] + sorted[count / 2 + 1]) / 2 AS spread FROM (
        SELECT indicator, kind, m.count, array_agg(abs(value - median) ORDER BY abs(value - median)) AS sorted
        FROM history JOIN middles m USING (indicator, kind) GROUP BY indicator, kind, m.count) AS made
)
INSERT INTO series_statistics (unit, indicator, kind, year, count, mean, deviation, median, spread, low, high)
SELECT unit, indicator, kind, %(year)s, coalesce(count, 0), mean, deviation, median, spread, low, high
FROM asked LEFT JOIN middles USING (indicator, kind) LEFT JOIN spreads USING (indicator, kind)
ON CONFLICT DO NOTHING
"""
# Of a series that never moved every other value is out of bounds, and how far cannot be told: its score is NULL.
_METHODS = {
    Method.Z_SCORE: (
        "abs(o.value - k.mean) > %(threshold)s * coalesce(k.deviation, 0)",
        "(o.value - k.mean) / nullif(k.deviation, 0)",
    ),
    Method.MODIFIED_Z_SCORE: (
        "0.6745 * abs(o.value - k.median) > %(threshold)s * k.spread",
        "0.6745 * (o.value - k.median) / nullif(k.spread, 0)",
    ),
    Method.MIN_MAX: (
        "(o.value > k.high + %(threshold)s * (k.high - k.low) OR o.value < k.low - %(threshold)s * (k.high - k.low))",
        "(o.value - CASE WHEN o.value > k.high THEN k.high ELSE k.low END) / nullif(k.high - k.low, 0)",
    ),
}
_SCAN = """
SELECT o.indicator, o.unit, o.period, o.form, trim_scale(o.value)::text AS value, o.status,
    round({score}, 2)::text AS score, k.count AS before, round(k.mean, 4)::text AS mean,
    round(k.deviation, 4)::text AS deviation, trim_scale(k.median)::text AS median,
    trim_scale(k.spread)::text AS spread, trim_scale(k.low)::text AS low, trim_scale(k.high)::text AS high
FROM observations o {kept}
WHERE {of_year} AND (k.count >= %(at_least)s AND {beyond} OR k.count IS NULL AND %(unjudged)s)
    AND (%(units)s::text[] IS NULL OR o.unit = ANY(%(units)s::text[]))
    AND (%(forms)s::text[] IS NULL OR o.form = ANY(%(forms)s::text[]))
ORDER BY k.count IS NOT NULL, abs({score}) DESC NULLS FIRST, o.unit, o.indicator, o.period LIMIT %(limit)s
"""


class Unusual(NamedTuple):
    """A value that is out of bounds, with what is usual in its series."""

    indicator: str
    unit: str
    period: str
    form: str
    value: str
    status: str
    score: str | None
    before: int
    mean: str
    deviation: str | None
    median: str
    spread: str
    low: str
    high: str


def forget(connection: Connection, unit: str, period: str, indicators: Sequence[str]) -> None:
    """Drop what was kept about these series for the years after this period's: a value of theirs changes."""
    changed = Period.parse(period)
    connection.exec_driver_sql(_FORGET, (unit, list(indicators), changed.kind, changed.year))


def lacking(connection: Connection, year: int) -> dict[str, int]:
    """Return how many series with a value in this year lack statistics, by unit."""
    rows = connection.exec_driver_sql(_filled(_LACKING), _of(year))
    return {row[0]: row[1] for row in rows}


def keep(connection: Connection, year: int, unit: str) -> None:
    """Compute and keep what the unit's series lack for this year.

    What is kept must be there to be dropped by whoever changes a value, so nobody may have recorded since the values
    were read. That is looked at when all is computed, with recorders held up for that moment alone; if some came in
    between time and again, they wait for the last attempt.
    """
    asked = {**_of(year), "unit": unit}
    for _ in range(ATTEMPTS):
        before = last_batch(connection)
        attempt = connection.begin_nested()
        connection.exec_driver_sql(_filled(_KEEP), asked)
        if _holding_recorders(connection) == before:
            attempt.commit()
            return
        attempt.rollback()
    _holding_recorders(connection)
    connection.exec_driver_sql(_filled(_KEEP), asked)


def _holding_recorders(connection: Connection) -> int:
    """Make recorders wait until this transaction ends, or goes back; return the last batch."""
    return int(connection.execute(select(batch_counter.c.last).with_for_update(read=True)).scalar_one())


def scan(
    connection: Connection,
    year: int,
    method: Method,
    threshold: Decimal,
    at_least: int,
    *,
    units: Sequence[str] | None,
    forms: Sequence[str] | None,
    limit: int,
    unjudged: bool,
) -> list[Unusual] | None:
    """Return the year's values that are further out than `threshold`, furthest first, of series with `at_least` values
    before; `units` and `forms` bound what is looked at. None if a series lacks statistics, unless `unjudged` is False.
    """
    beyond, score = _METHODS[method]
    statement = _filled(_SCAN).replace("{beyond}", beyond).replace("{score}", score)
    asked = {"threshold": threshold, "at_least": at_least, "limit": limit, "unjudged": unjudged}
    bounds = {"units": None if units is None else list(units), "forms": None if forms is None else list(forms)}
    found = connection.exec_driver_sql(statement, {**_of(year), **asked, **bounds}).all()
    return None if found and found[0].before is None else [Unusual(*row) for row in found]


def _filled(statement: str) -> str:
    return statement.replace("{kept}", _KEPT).replace("{of_year}", _OF_YEAR).replace("{kind}", _KIND)


def _of(year: int) -> dict[str, Any]:
    return {"year": year, "first": f"{year:04}", "next": f"{year + 1:04}"}
