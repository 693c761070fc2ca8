"""Reading many values at once: series, and what stands in certain places.

Both look units and periods up pair by pair in the index of values: so many probes, however large the warehouse is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection

from services.indicators.domain.cells import Cell
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


def _bounded(
    statement: str, asked: Mapping[str, Any], periods: Iterable[str], as_of: int | None, forms: Sequence[str] | None
) -> tuple[str, dict[str, Any]]:
    within = {"first": min(periods), "last": max(periods), "as_of": as_of}
    text = statement.replace("{probe}", _PROBE).replace("{held}", _CURRENT if as_of is None else _AS_OF)
    return text, {**asked, **within, "forms": None if forms is None else list(forms)}
