"""A warehouse of ten million monthly observations, for the rows that ask much of it at once.

Every commune reports some twenty forms each month, the 106 of before the reform until June 2025, the 38 since. The
catalogue is Lai Châu's with these forms; the warehouse is filled set-wise, on two connections, and is unlogged. It is
made once per run: the rows that need it share it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import psycopg
from sqlalchemy import Engine

import catalogue
from bench.ground import Ground
from services.indicators.service import IndicatorsService
from services.indicators.storage import partitions
from shared.calendar import Period
from shared.contracts.actor import Actor
from shared.settings import database_url
from shared.storage import UnitOfWork, create_database, engine_for_url, migrate_engine

ANALYST = Actor("bench", "person", "bench", ("catalogue.manage", "catalogue.read", "observations.read"), ("*",), ("*",))
OLD_MONTHS = (Period("month", 2013, 1), Period("month", 2025, 6))
NEW_MONTHS = (Period("month", 2025, 7), Period("month", 2026, 10))
FORM_SIZE = 30
FULL, QUICK = 20, 2  # forms
_NAME = "warehouse"
_SPARE = (
    "ALTER TABLE observations DISABLE TRIGGER USER",
    "ALTER TABLE observations DROP CONSTRAINT observations_pkey",
    "DROP INDEX observations_current, observations_of_form",
)
_FILL = """
INSERT INTO observations (unit, period, indicator, batch, form, value, status, derived, level, version, submission_id,
    round, recorded_at)
SELECT u.name, p.name, i.name, 1, i.form, 1000 + u.n * 37 %% 911 + i.n * 53 %% 787
    + (u.n * 31 + i.n * 17 + p.n * 7919) %% 101 + (p.n + i.n) %% 10 / 10.0,
    'official', false, 'commune', 1, 'bench', 1, now()
FROM unnest(%s::text[]) WITH ORDINALITY AS p (name, n), unnest(%s::text[]) WITH ORDINALITY AS u (name, n),
    unnest(%s::text[], %s::text[]) WITH ORDINALITY AS i (name, form, n)
ORDER BY p.n, u.n, i.n
"""
# What the trigger would keep row by row, for a year at once.
_YEAR_ROWS = """
INSERT INTO year_rows (unit, year, kind, indicator, present, occurred, amounts)
SELECT unit, substr(period, 1, 4), 'month', indicator, sum(1 << (period_number(period) - 1)),
    sum(1 << (period_number(period) - 1)), string_agg((value * 10000)::numeric(28, 0)::text, ',' ORDER BY period)
FROM observations WHERE period >= %s AND period <= %s GROUP BY unit, substr(period, 1, 4), indicator
"""
_KEYS = (
    "ALTER TABLE observations ENABLE TRIGGER USER",
    "ALTER TABLE observations ADD PRIMARY KEY (unit, period, indicator, batch)",
    "CREATE UNIQUE INDEX observations_current ON observations (unit, period, indicator) WHERE superseded_batch IS NULL",
    "CREATE INDEX observations_of_form ON observations (form, unit, period, indicator) WHERE superseded_batch IS NULL",
    "VACUUM ANALYZE observations",
    "VACUUM ANALYZE year_rows",
    "CHECKPOINT",
)


@dataclass
class Filled:
    """The warehouse, and a service on it that is asked as the queue asks it."""

    engine: Engine
    service: IndicatorsService
    forms: dict[str, list[str]]
    units: list[str]
    rows: int
    fill_seconds: float


_made: dict[str, Filled] = {}


def filled(ground: Ground) -> Filled:
    """Return the run's warehouse, made when it is first asked for; it goes with the server."""
    if ground.postgres.url not in _made:
        _made[ground.postgres.url] = _fill(ground)
    return _made[ground.postgres.url]


def _fill(ground: Ground) -> Filled:
    database = ground.settings.database_prefix + _NAME
    create_database(ground.postgres.url, database)
    url = database_url(ground.postgres.url, database)
    engine = engine_for_url(url)
    migrate_engine(engine, "indicators")
    service = IndicatorsService()
    service.unit = UnitOfWork.for_engine(engine, "indicators")
    body, forms = _catalogue(QUICK if ground.quick else FULL)
    service.load_catalogue(ANALYST, catalogue.read())
    service.load_catalogue(ANALYST, body)
    begun = time.monotonic()
    communes = service.list_units(ANALYST, kind="commune", limit=500).units
    old = [unit.id for unit in communes if unit.valid_from is None or unit.valid_from < "2025-07-01"]
    new = [unit.id for unit in communes if unit.valid_to is None]
    months = {period[:4]: period for period in (*_months(*OLD_MONTHS), *_months(*NEW_MONTHS))}
    options = "-c maintenance_work_mem=1GB -c synchronous_commit=off"
    with engine.begin() as connection:
        for period in months.values():
            partitions.ensure(connection, period)
    with psycopg.connect(url, autocommit=True, options=options) as connection:
        for year in months:
            connection.execute(f"ALTER TABLE observations_{year} SET UNLOGGED")
        for statement in _SPARE:
            connection.execute(statement)
        _insert(url, [(_months(*OLD_MONTHS), old), (_months(*NEW_MONTHS), new)], forms)
        for statement in _KEYS:
            connection.execute(statement)
        row = connection.execute("SELECT count(*) FROM observations").fetchone()
    return Filled(engine, service, forms, new, int(row[0]) if row else 0, time.monotonic() - begun)


def _insert(url: str, parts: Sequence[tuple[list[str], list[str]]], forms: dict[str, list[str]]) -> None:
    codes = [code for members in forms.values() for code in members]
    names = [form for form, members in forms.items() for _ in members]

    def year(part: tuple[list[str], list[str]]) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(_FILL, (part[0], part[1], codes, names))

    def row(year: str) -> None:
        with psycopg.connect(url, autocommit=True, options="-c work_mem=256MB") as connection:
            connection.execute(_YEAR_ROWS, (f"{year}-01", f"{year}-12"))

    whole = [
        ([month for month in months if month.startswith(year)], units)
        for months, units in parts
        for year in sorted({month[:4] for month in months})
    ]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(year, whole))
        list(pool.map(row, sorted({month[:4] for months, _ in parts for month in months})))


def _months(first: Period, last: Period) -> list[str]:
    found = [first]
    while found[-1] != last:
        found.append(found[-1].next)
    return [str(period) for period in found]


def _catalogue(count: int) -> tuple[dict[str, Any], dict[str, list[str]]]:
    forms = {
        f"BM{form:02}-THANG": [f"BM{form:02}.N{number:02}" for number in range(1, FORM_SIZE + 1)]
        for form in range(1, count + 1)
    }
    measured = {"measure": "tấn", "value_type": "decimal", "decimals": 1, "rollup": "sum", "over_time": "sum"}
    regime = {
        "id": "BM-THANG",
        "name": "Chế độ đo thử",
        "decision": "đo thử",
        "period_kind": "month",
        "deadline": {"day": 20},
        "level": "commune",
    }
    asked = {"period_kind": "month", "regime": "BM-THANG", "owed_by": {"each": "commune"}, "periods": {"from": 2013}}
    return {
        "indicators": [
            {"id": code, "name": f"Chỉ tiêu đo thử {code}", **measured}
            for members in forms.values()
            for code in members
        ],
        "regimes": [regime],
        "forms": [{"id": form, "name": form, "indicators": members, **asked} for form, members in forms.items()],
    }, forms
