"""A scan of a year for unusual values, by each method, over all units and indicators of ten million observations."""

from __future__ import annotations

import time

from bench.ground import Ground
from bench.result import Measure, Result, middle
from bench.warehouse import ANALYST, Filled, filled
from services.indicators.domain.outliers import Method
from services.indicators.storage import statistics

YEAR = 2024
_PLANT = """
UPDATE observations SET value = value * 10 WHERE (unit, period, indicator) IN (
    SELECT unit, period, indicator FROM observations WHERE period BETWEEN '2024' AND '2024~'
    ORDER BY md5(unit || period || indicator) LIMIT %s)
"""


def run(ground: Ground) -> Result:
    """Plant values that are ten times too large, compute what is usual, and scan."""
    made = filled(ground)
    planted = 20 if ground.quick else 100
    result = Result("outliers")
    with made.engine.begin() as connection:
        connection.exec_driver_sql(_PLANT, (planted,))
        year = connection.exec_driver_sql("SELECT count(*) FROM observations_2024").scalar_one()
    begun = time.perf_counter()
    series = _prepare(made)
    prepared = time.perf_counter() - begun
    with made.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE series_statistics, observations_2024")
    for method in Method:
        taken = []
        for _ in range(5):
            begun = time.perf_counter()
            page = made.service.scan_outliers(ANALYST, YEAR, method=method, limit=1000)
            taken.append(time.perf_counter() - begun)
            if page.pending or len(page.outliers) < planted:
                raise AssertionError(f"{method}: {len(page.outliers)} of {planted} found, {page.pending} pending")
        what = f"{year:,} values of a year, {method}" if method is Method.Z_SCORE else str(method)
        result.measures.append(Measure(what, middle(taken), "s", bar=1, least=False))
        result.notes.append(f"{method}: {len(page.outliers)} found, {planted} planted")
    result.measures.append(Measure(f"what is usual in {series:,} series, computed anew", prepared, "s"))
    return result


def _prepare(made: Filled) -> int:
    unit_of_work = made.service.unit
    with unit_of_work() as unit:
        lacking = statistics.lacking(unit.connection, YEAR)
    for name in lacking:
        with unit_of_work() as unit:
            statistics.keep(unit.connection, YEAR, name)
    return sum(lacking.values())
