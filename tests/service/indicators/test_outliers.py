"""Scanning a year for unusual values on a real PostgreSQL: known answers, statistics that are right or absent."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from services.indicators.domain.outliers import Method
from services.indicators.storage import statistics as kept
from services.indicators.storage import warehouse as recording
from shared.contracts.actor import Actor
from shared.contracts.views.warehouse import OutlierView
from shared.errors import Forbidden, Invalid
from tests.service.indicators.monthly import DOAN_KET, FORM, OFFICE, Warehouse

UNIT = "LC-X03451-2004"
HISTORY = [10, 12, 11, 13, 12, 11, 10, 12]


@pytest.fixture
def warehouse(database: Callable[[str], Engine]) -> Warehouse:
    made = Warehouse(database("indicators"))
    for month, value in enumerate(HISTORY, start=1):
        made.record(UNIT, f"2024-{month:02}", KT1=str(value), KT2="7")
    return made


def _scan(warehouse: Warehouse, method: Method, **asked: Any) -> list[OutlierView]:
    page = warehouse.service.scan_outliers(OFFICE, 2025, method=method, **asked)
    assert page.pending == 0
    return page.outliers


@pytest.mark.parametrize("method", list(Method))
def test_a_value_ten_times_too_large_is_found_by_every_method(warehouse: Warehouse, method: Method) -> None:
    warehouse.record(UNIT, "2025-01", KT1="120")
    warehouse.record(UNIT, "2025-02", KT1="12")
    [found] = _scan(warehouse, method)
    assert (found.indicator, found.period, found.value, found.before) == ("KT1", "2025-01", "120", 8)
    assert (found.median, found.spread, found.low, found.high) == ("11.5", "0.5", "10", "13")
    assert Decimal(found.mean) == Decimal(str(statistics.mean(HISTORY))).quantize(Decimal("0.0001"))
    scores = {
        Method.Z_SCORE: (120 - statistics.mean(HISTORY)) / statistics.stdev(HISTORY),
        Method.MODIFIED_Z_SCORE: 0.6745 * (120 - 11.5) / 0.5,
        Method.MIN_MAX: (120 - 13) / 3,
    }
    assert float(found.score or 0) == pytest.approx(scores[method], abs=0.006)


def test_one_wild_value_in_the_past_does_not_hide_another_from_the_median(warehouse: Warehouse) -> None:
    warehouse.record(UNIT, "2024-09", KT1="1000")
    warehouse.record(UNIT, "2025-01", KT1="900")
    assert _scan(warehouse, Method.MIN_MAX) == []
    assert [item.value for item in _scan(warehouse, Method.MODIFIED_Z_SCORE)] == ["900"]


def test_a_series_that_never_moved_shows_any_other_value_without_a_score(warehouse: Warehouse) -> None:
    warehouse.record(UNIT, "2025-01", KT2="8")
    for method in Method:
        [found] = _scan(warehouse, method)
        assert (found.indicator, found.value, found.score) == ("KT2", "8", None)
    warehouse.record(UNIT, "2025-01", KT2="7")
    assert _scan(warehouse, Method.MIN_MAX) == []


def test_short_series_and_other_kinds_of_period_are_not_judged(warehouse: Warehouse) -> None:
    warehouse.record(UNIT, "2025-01", KT1="120")
    assert _scan(warehouse, Method.MIN_MAX, at_least=9) == []
    warehouse.record(DOAN_KET, "2025-08", KT1="120")
    assert [item.unit for item in _scan(warehouse, Method.MIN_MAX)] == [UNIT]


def test_a_correction_of_the_past_changes_what_is_usual(warehouse: Warehouse) -> None:
    warehouse.record(UNIT, "2025-01", KT1="20")
    assert [item.high for item in _scan(warehouse, Method.MIN_MAX)] == ["13"]
    warehouse.record(UNIT, "2024-08", KT1="21")
    assert _scan(warehouse, Method.MIN_MAX) == []


def test_statistics_are_prepared_ahead_for_the_year_and_the_last(warehouse: Warehouse) -> None:
    with warehouse.worker.unit() as unit:
        this = unit.now.year
    warehouse.record(UNIT, f"{this}-01", KT1="12")
    warehouse.worker.prepare_statistics()
    with warehouse.engine.connect() as connection:
        years = connection.exec_driver_sql("SELECT DISTINCT year FROM series_statistics").scalars().all()
    assert years == [this]


def test_a_scan_keeps_within_scope(warehouse: Warehouse) -> None:
    warehouse.record(UNIT, "2025-01", KT1="120")
    own = Actor("xa", "person", "Xã", ("observations.read",), (DOAN_KET,), (FORM,))
    assert warehouse.service.scan_outliers(own, 2025).outliers == []
    with pytest.raises(Forbidden):
        warehouse.service.scan_outliers(own, 2025, unit=UNIT)
    for asked in ({"year": 0}, {"year": 2025, "threshold": "nhiều"}, {"year": 2025, "threshold": "-1"}):
        with pytest.raises(Invalid):
            warehouse.service.scan_outliers(OFFICE, **asked)


_values = st.lists(st.decimals(min_value=0, max_value=1000, places=1), min_size=1, max_size=9)


@given(values=_values)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_kept_is_what_the_values_say_however_they_came(warehouse: Warehouse, values: list[Decimal]) -> None:
    for month, value in enumerate(values, start=1):
        warehouse.record(DOAN_KET, f"2024-{month:02}", KT1=f"{value:f}")
    warehouse.record(DOAN_KET, "2025-01", KT1="5000")
    page = warehouse.service.scan_outliers(OFFICE, 2025, method=Method.MIN_MAX, at_least=2, unit=DOAN_KET)
    with warehouse.engine.connect() as connection:
        held = connection.exec_driver_sql(
            "SELECT value FROM observations WHERE unit = %s AND period < '2025' AND superseded_batch IS NULL"
            " AND indicator = 'KT1'",
            (DOAN_KET,),
        ).scalars()
        now = sorted(held)
    if len(now) < 2:
        assert page.outliers == []
        return
    [found] = page.outliers
    middle = statistics.median(now)
    assert Decimal(found.median) == middle
    assert Decimal(found.spread) == statistics.median(abs(value - middle) for value in now)
    assert (Decimal(found.low), Decimal(found.high)) == (now[0], now[-1])


def test_what_is_recorded_while_statistics_are_computed_is_in_them(warehouse: Warehouse) -> None:
    warehouse.record(UNIT, "2025-01", KT1="120")
    keeper = threading.Thread(target=_keep, args=(warehouse,))
    with warehouse.worker.unit() as recorder:
        recording.lock(recorder.connection)
        keeper.start()
        _until_it_waits(warehouse)
        # Recorded under the lock, while the statistics wait to be kept.
        recorder.connection.exec_driver_sql(
            "UPDATE observations SET value = 99 WHERE unit = %s AND period = '2024-01' AND indicator = 'KT1'", (UNIT,)
        )
        recording.open_batch(recorder.connection, (FORM, UNIT, "2024-01"), recording.Origin("s", 2))
    keeper.join(30)
    with warehouse.engine.connect() as connection:
        statement = "SELECT high FROM series_statistics WHERE unit = %s AND indicator = 'KT1' AND year = 2025"
        assert connection.exec_driver_sql(statement, (UNIT,)).scalar_one() == 99


def _keep(warehouse: Warehouse) -> None:
    with warehouse.worker.unit() as unit:
        kept.keep(unit.connection, 2025, UNIT)


def _until_it_waits(warehouse: Warehouse) -> None:
    waiting = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        " AND query LIKE '%%batch_counter%%'"
    )
    end = time.monotonic() + 20
    with warehouse.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while not connection.exec_driver_sql(waiting).scalar_one():
            assert time.monotonic() < end
            time.sleep(0.02)
