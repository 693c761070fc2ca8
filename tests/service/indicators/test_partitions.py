"""The warehouse's yearly partitions on a real PostgreSQL: made as needed, once, and never in the way."""

from __future__ import annotations

import importlib
import threading
from typing import Any

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, Engine

from services.indicators.storage import partitions, warehouse
from services.indicators.storage.warehouse import Origin
from services.indicators.worker import IndicatorsWorker
from shared.storage import UnitOfWork

_YEARS = """
SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'observations'::regclass ORDER BY 1
"""


def _made(connection: Connection) -> set[str]:
    return set(connection.exec_driver_sql(_YEARS).scalars())


@pytest.fixture
def engine(database: Any) -> Engine:
    made: Engine = database("indicators")
    return made


def _insert(connection: Connection, period: str, value: int = 1) -> None:
    connection.exec_driver_sql(
        "INSERT INTO observations (unit, period, indicator, batch, form, value, status, derived, level, version,"
        " submission_id, round, recorded_at) VALUES ('LC', %s, 'A', 1, 'F', %s, 'official', false, 'province', 1, 's',"
        " 1, now())",
        (period, value),
    )


@pytest.mark.parametrize("period", ["2031", "2031-Q1", "2031-01", "2031-12-31", "2031-9M", "2031-H2"])
def test_every_kind_of_period_lies_in_its_years_partition(engine: Engine, period: str) -> None:
    with engine.begin() as connection:
        assert partitions.ensure(connection, period)
        assert not partitions.ensure(connection, "2031")
        _insert(connection, period)
        found = connection.exec_driver_sql("SELECT tableoid::regclass::text FROM observations").scalar_one()
    assert found == "observations_2031"


def test_what_names_no_year_lies_with_the_rest(engine: Engine) -> None:
    with engine.begin() as connection:
        assert not partitions.ensure(connection, "20311")
        assert not partitions.ensure(connection, "kỳ-1")
        _insert(connection, "kỳ-1")
        found = connection.exec_driver_sql("SELECT tableoid::regclass::text FROM observations").scalar_one()
    assert found == "observations_other"


def test_a_year_that_already_lies_with_the_rest_stays_there(engine: Engine) -> None:
    with engine.begin() as connection:
        _insert(connection, "2031-03")
        assert not partitions.ensure(connection, "2031")
        assert partitions.ensure(connection, "2032")


def test_two_workers_make_one_partition(engine: Engine) -> None:
    barrier = threading.Barrier(2)
    made: list[bool] = []

    def work() -> None:
        barrier.wait(10)
        with UnitOfWork.for_engine(engine, "indicators")() as unit:
            warehouse.lock(unit.connection)
            made.append(partitions.ensure(unit.connection, "2040-05"))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(made) == [False, True]


def test_the_next_years_partition_is_made_ahead(engine: Engine) -> None:
    worker = IndicatorsWorker()
    worker.unit = UnitOfWork.for_engine(engine, "indicators")
    with engine.begin() as connection:
        for name in _made(connection) - {"observations_other"}:
            connection.exec_driver_sql(f"DROP TABLE {name}")
    worker.make_partitions()
    worker.make_partitions()
    with worker.unit() as unit:
        assert _made(unit.connection) == {
            "observations_other",
            f"observations_{unit.now.year}",
            f"observations_{unit.now.year + 1}",
        }


def test_readers_of_other_years_go_on_while_a_partition_is_made(engine: Engine) -> None:
    with engine.begin() as connection:
        partitions.ensure(connection, "2040")
    with engine.connect() as reader, engine.begin() as connection:
        reader.exec_driver_sql("SET lock_timeout = '2s'")
        assert partitions.ensure(connection, "2041")
        found = reader.exec_driver_sql("SELECT count(*) FROM observations WHERE period = '2040'").scalar_one()
    assert found == 0


def test_times_of_batches_rise_with_their_numbers(engine: Engine) -> None:
    unit_of_work = UnitOfWork.for_engine(engine, "indicators")
    with unit_of_work() as unit:
        unit.connection.exec_driver_sql(
            "INSERT INTO batches VALUES (1, now() + interval '1 hour', 'F', 'LC', '2031', 's', 1)"
        )
        unit.connection.exec_driver_sql("UPDATE batch_counter SET last = 1")
        assert warehouse.open_batch(unit.connection, ("F", "LC", "2031"), Origin("s", 2)) == 2
        times = unit.connection.exec_driver_sql("SELECT recorded_at FROM batches ORDER BY batch").scalars().all()
    assert times[0] == times[1]


def test_the_migration_moves_what_was_recorded_before(database: Any) -> None:
    engine = database.empty("indicators")
    first = importlib.import_module("services.indicators.migrations.versions.0001_indicators")
    second = importlib.import_module("services.indicators.migrations.versions.0002_warehouse")
    with engine.begin() as connection:
        for statement in first._STATEMENTS:
            connection.exec_driver_sql(statement)
        for number, period in enumerate(("2009", "2016-Q1", "kỳ")):
            _insert(connection, period, number)
        with Operations.context(MigrationContext.configure(connection)):
            second.upgrade()
        found = connection.exec_driver_sql(
            "SELECT tableoid::regclass::text, period, value::int, label FROM observations ORDER BY period"
        ).all()
        assert [tuple(row) for row in found] == [
            ("observations_2009", "2009", 0, None),
            ("observations_2016", "2016-Q1", 1, None),
            ("observations_other", "kỳ", 2, None),
        ]
        names = connection.exec_driver_sql("SELECT indexname FROM pg_indexes WHERE tablename = 'observations'")
        assert set(names.scalars()) == {"observations_pkey", "observations_current", "observations_of_form"}


def test_one_value_is_looked_up_in_its_years_partition_or_with_the_rest(engine: Engine) -> None:
    with engine.begin() as connection:
        assert warehouse.find(connection, "A", "LC", "2031-03") is None
        _insert(connection, "2031-03", 1)
        found = warehouse.find(connection, "A", "LC", "2031-03")
        assert (found and found.value, partitions.of(connection, "2031-03")) == ("1", "observations")
        partitions.ensure(connection, "2032")
        _insert(connection, "2032", 2)
        found = warehouse.find(connection, "A", "LC", "2032")
        assert (found and found.value, partitions.of(connection, "2032")) == ("2", "observations_2032")
        assert partitions.of(connection, "kỳ-1") == "observations"
        assert warehouse.find(connection, "A", "LC", "kỳ-1") is None
