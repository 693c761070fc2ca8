"""A year of values in one row: what the grid of comparisons adds up.

A row of `year_rows` holds the current values of one (unit, indicator, kind of period, year), so a grid reads one row
where there are a dozen values. A trigger on the observations keeps it (migrations/versions/0005_year_rows.py), in the
transaction that changes a value and whoever changes it: a row that stands is right, and where there is none there is no
value. As-of reads, readers of some forms only, and days take the same shape from the observations themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import msgspec
from sqlalchemy import Connection

from services.indicators.domain.adding_up import YearRow, spread
from shared.calendar import Period

# A year's rows come as one JSON text for each unit, not as so many rows: most of the time would go into rows.
_KEPT = """
SELECT y.unit, y.year, '{' || string_agg(
    to_json(y.indicator)::text || ':[' || y.present || ',' || y.occurred || ',[' || y.amounts || ']]', ',') || '}'
FROM unnest(%(units)s::text[], %(years)s::text[]) AS s (unit, year), LATERAL (
    SELECT * FROM year_rows y WHERE y.unit = s.unit AND y.year = s.year AND y.kind = %(kind)s
        AND y.indicator = ANY(%(indicators)s) OFFSET 0
) AS y
GROUP BY y.unit, y.year
"""
# OFFSET 0 keeps the planner from turning probes into a scan; the bounds let it leave other years' partitions out.
_READ = """
SELECT o.unit, s.year, o.indicator, s.number, (o.value * 10000)::numeric(28, 0)::text
FROM unnest(%(units)s::text[], %(years)s::text[], %(numbers)s::int[], %(periods)s::text[])
    AS s (unit, year, number, period), LATERAL (
    SELECT o.unit, o.indicator, o.value FROM observations o
    WHERE o.unit = s.unit AND o.period = s.period AND o.indicator = ANY(%(indicators)s)
        AND o.period >= %(first)s AND o.period <= %(last)s
        AND o.batch <= coalesce(%(as_of)s::bigint, o.batch)
        AND (o.superseded_batch IS NULL OR o.superseded_batch > %(as_of)s::bigint)
        AND (%(forms)s::text[] IS NULL OR o.form = ANY(%(forms)s::text[]))
    OFFSET 0
) AS o
"""
Years = dict[tuple[str, int], dict[str, YearRow]]
"""The years of values by unit and year, then by indicator."""

_decode = msgspec.json.Decoder(dict[str, tuple[int, int, list[int]]]).decode


def rows(
    connection: Connection,
    wanted: Collection[tuple[str, int]],
    periods: Iterable[Period],
    indicators: Sequence[str],
    *,
    as_of: int | None,
    forms: Sequence[str] | None,
) -> Years:
    """Return these units' years, of the kind of these periods; other periods may or may not be in them."""
    looks = list(periods)
    if as_of is None and forms is None and looks[0].kind != "day":
        return _kept(connection, wanted, looks[0], indicators)
    return _read(connection, wanted, looks, indicators, as_of=as_of, forms=forms)


def _kept(
    connection: Connection, wanted: Collection[tuple[str, int]], period: Period, indicators: Sequence[str]
) -> Years:
    asked = {
        "units": [unit for unit, _ in wanted],
        "years": [f"{year:04}" for _, year in wanted],
        "kind": period.kind,
        "indicators": list(indicators),
    }
    size = period.in_year
    return {
        (unit, int(year)): {
            indicator: YearRow(present, occurred, spread(occurred, amounts, size))
            for indicator, (present, occurred, amounts) in _decode(packed).items()
        }
        for unit, year, packed in connection.exec_driver_sql(_KEPT, asked)
    }


def _read(
    connection: Connection,
    wanted: Collection[tuple[str, int]],
    looks: Sequence[Period],
    indicators: Sequence[str],
    *,
    as_of: int | None,
    forms: Sequence[str] | None,
) -> Years:
    places = [(unit, period) for unit, year in wanted for period in looks if period.year == year]
    texts = [str(period) for _, period in places]
    asked = {
        "units": [unit for unit, _ in places],
        "years": [f"{period.year:04}" for _, period in places],
        "numbers": [period.number for _, period in places],
        "periods": texts,
        "first": min(texts),
        "last": max(texts),
        "indicators": list(indicators),
        "as_of": as_of,
        "forms": None if forms is None else list(forms),
    }
    size = max(period.in_year for period in looks)
    found: dict[tuple[str, int], dict[str, dict[int, int | None]]] = {}
    for unit, year, indicator, number, amount in connection.exec_driver_sql(_READ, asked):
        held = found.setdefault((unit, int(year)), {}).setdefault(indicator, {})
        held[number - 1] = None if amount is None else int(amount)
    return {place: {name: _row(held, size) for name, held in by.items()} for place, by in found.items()}


def _row(held: dict[int, int | None], size: int) -> YearRow:
    amounts = [0] * size
    for number, amount in held.items():
        amounts[number] = amount or 0
    occurred = sum(1 << number for number, amount in held.items() if amount is not None)
    return YearRow(sum(1 << number for number in held), occurred, amounts)
