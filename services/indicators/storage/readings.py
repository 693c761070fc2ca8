"""Reading many values at once: series, and the sums that the grid of comparisons shows.

Both look units and periods up pair by pair in the index of values: so many probes, however large the warehouse is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection

from services.indicators.domain.cells import Cell
from services.indicators.domain.comparing import SLOTS, Found, Slot, Source
from services.indicators.domain.looking_back import Place

_CURRENT = "o.superseded_batch IS NULL"
_AS_OF = "o.batch <= %(as_of)s AND (o.superseded_batch IS NULL OR o.superseded_batch > %(as_of)s)"
# OFFSET 0 keeps the planner from turning probes into a scan; the bounds let it leave other years' partitions out.
_PROBE = """
LATERAL (
    SELECT o.indicator, o.value, o.status, o.derived, o.label, o.basis FROM observations o
    WHERE o.unit = s.unit AND o.period = s.period AND o.indicator = ANY(%(indicators)s)
        AND o.period >= %(first)s AND o.period <= %(last)s AND {held}
        AND (%(forms)s::text[] IS NULL OR o.form = ANY(%(forms)s::text[]))
    OFFSET 0
) AS o
"""
_SERIES = """
SELECT o.indicator, s.unit, s.period, trim_scale(o.value)::text AS value, o.status, o.derived, o.label, o.basis
FROM (SELECT unit, period FROM unnest(%(units)s::text[]) AS unit, unnest(%(periods)s::text[]) AS period) AS s,
{probe}
"""
_COLUMNS = ", ".join(
    f"sum(c.periods) {where}::int, sum(c.occurred) {where}::int, sum(c.inherited) {where}::int,"
    f" trim_scale(sum(c.total) {where})"
    for where in (f"FILTER (WHERE c.slots & {int(slot)} > 0)" for slot in SLOTS)
)
# A unit's own figure comes before those of the units it came from; theirs count only when all of them are there. Where
# nothing but its own can count, nothing is grouped for it; and periods that stand in the same columns are added up
# before they are told apart by column: both are most of the work.
_GRID = """
SELECT c.target, c.indicator, {columns}
FROM (
    SELECT f.target, f.indicator, f.slots, count(*) AS periods, sum(f.occurred) AS occurred,
        count(*) FILTER (WHERE NOT f.own) AS inherited, sum(f.total) AS total
    FROM (
        SELECT s.target, o.indicator, s.slots, true AS own, (o.value IS NOT NULL)::int AS occurred, o.value AS total
        FROM {sources} AS s (target, place, period, slots, unit, share, own, expected), {probe}
        WHERE s.expected = 0
        UNION ALL
        SELECT s.target, o.indicator, s.slots, bool_or(s.own) AS own,
            CASE WHEN bool_or(s.own) THEN (count(o.value) FILTER (WHERE s.own) > 0)::int
                ELSE (count(o.value) > 0)::int END AS occurred,
            CASE WHEN bool_or(s.own) THEN sum(o.value) FILTER (WHERE s.own) ELSE sum(o.value * s.share) END AS total
        FROM {sources} AS s (target, place, period, slots, unit, share, own, expected), {probe}
        WHERE s.expected > 0 AND (s.own OR o.indicator = ANY(%(added)s::text[]))
        GROUP BY s.place, o.indicator, s.target, s.slots
        HAVING bool_or(s.own) OR count(*) = max(s.expected)
    ) AS f
    GROUP BY f.target, f.indicator, f.slots
) AS c
GROUP BY c.target, c.indicator
"""
_SOURCES = """unnest(%(targets)s::int[], %(places)s::int[], %(periods)s::text[], %(slots)s::int[], %(units)s::text[],
    %(shares)s::numeric[], %(owns)s::boolean[], %(expected)s::int[])"""


_CELLS = """
SELECT s.unit, s.period, o.indicator, o.form, trim_scale(o.value)::text AS value, o.status, o.derived, o.level, o.label,
    o.basis, o.batch
FROM unnest(%(units)s::text[], %(periods)s::text[]) AS s (unit, period), LATERAL (
    SELECT * FROM observations o
    WHERE o.unit = s.unit AND o.period = s.period AND o.indicator = ANY(%(indicators)s)
        AND o.period >= %(first)s AND o.period <= %(last)s AND {held}
        AND (%(forms)s::text[] IS NULL OR o.form = ANY(%(forms)s::text[]))
    OFFSET 0
) AS o
"""
_FILLED = """
SELECT s.unit, s.period FROM unnest(%(units)s::text[], %(periods)s::text[]) AS s (unit, period), LATERAL (
    SELECT FROM observations o
    WHERE o.unit = s.unit AND o.period = s.period
        AND o.period >= %(first)s AND o.period <= %(last)s AND o.superseded_batch IS NULL
    LIMIT 1
) AS o
"""


class Point(NamedTuple):
    """A value as a series shows it."""

    value: str | None
    status: str
    derived: bool
    label: str | None
    basis: str | None


def cells(
    connection: Connection,
    places: Iterable[Place],
    indicators: Iterable[str],
    *,
    as_of: int | None = None,
    forms: Sequence[str] | None = None,
) -> dict[tuple[Place, str], Cell]:
    """Return the values of these indicators in these places: the current ones, of all forms, unless told otherwise."""
    by_text = {(place.unit, str(place.period)): place for place in places}
    if not by_text:
        return {}
    asked = {**_listed(by_text), "indicators": sorted(indicators)}
    rows = connection.exec_driver_sql(*_bounded(_CELLS, asked, asked["periods"], as_of, forms))
    return {(by_text[row[0], row[1]], row[2]): Cell(*row[3:]) for row in rows}


def filled(connection: Connection, places: Iterable[Place]) -> set[Place]:
    """Return those of these places of which there is a value."""
    by_text = {(place.unit, str(place.period)): place for place in places}
    if not by_text:
        return set()
    return {by_text[row[0], row[1]] for row in connection.exec_driver_sql(_FILLED, _listed(by_text))}


def _listed(places: Iterable[tuple[str, str]]) -> dict[str, Any]:
    units, periods = zip(*places, strict=True)
    return {"units": list(units), "periods": list(periods), "first": min(periods), "last": max(periods)}


def series(
    connection: Connection,
    indicators: Sequence[str],
    units: Sequence[str],
    periods: Sequence[str],
    *,
    as_of: int | None,
    forms: Sequence[str] | None,
) -> dict[tuple[str, str, str], Point]:
    """Return the values of these series by (indicator, unit, period)."""
    asked = {"indicators": list(indicators), "units": list(units), "periods": list(periods)}
    rows = connection.exec_driver_sql(*_bounded(_SERIES, asked, periods, as_of, forms))
    return {(row[0], row[1], row[2]): Point(*row[3:]) for row in rows}


def sums(
    connection: Connection,
    sources: Sequence[Source],
    indicators: Sequence[str],
    *,
    added: Sequence[str],
    as_of: int | None,
    forms: Sequence[str] | None,
) -> dict[tuple[str, str], Mapping[Slot, Found]]:
    """Return what each (unit, indicator) has in the columns of the grid; what has nothing at all is left out. Those it
    came from count only for the indicators that are `added`."""
    # Numbers are grouped by faster than texts.
    targets = {name: number for number, name in enumerate(dict.fromkeys(item.target for item in sources))}
    places = {key: number for number, key in enumerate(dict.fromkeys((item.target, item.period) for item in sources))}
    names = list(targets)
    asked: dict[str, Any] = {
        "indicators": list(indicators),
        "added": list(added),
        "targets": [targets[item.target] for item in sources],
        "places": [places[item.target, item.period] for item in sources],
        "periods": [item.period for item in sources],
        "slots": [item.slots for item in sources],
        "units": [item.unit for item in sources],
        "shares": [item.share for item in sources],
        "owns": [item.own for item in sources],
        "expected": [item.expected for item in sources],
    }
    rows = connection.exec_driver_sql(*_bounded(_GRID, asked, asked["periods"], as_of, forms))
    return {(names[row[0]], row[1]): _columns(row[2:]) for row in rows}


def _columns(values: Sequence[Any]) -> dict[Slot, Found]:
    found: dict[Slot, Found] = {}
    for number, slot in enumerate(SLOTS):
        periods, occurred, inherited, total = values[4 * number : 4 * number + 4]
        if periods:
            found[slot] = Found(periods, occurred, inherited, total)
    return found


def _bounded(
    statement: str, asked: Mapping[str, Any], periods: Iterable[str], as_of: int | None, forms: Sequence[str] | None
) -> tuple[str, dict[str, Any]]:
    within = {"first": min(periods), "last": max(periods), "as_of": as_of}
    text = statement.replace("{columns}", _COLUMNS).replace("{sources}", _SOURCES).replace("{probe}", _PROBE)
    text = text.replace("{held}", _CURRENT if as_of is None else _AS_OF)
    return text, {**asked, **within, "forms": None if forms is None else list(forms)}
