"""The real process behind the broker: approved rounds come in as messages, values are read by calls."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine

import catalogue
from shared.contracts.events import Figure
from shared.contracts.views.catalogue import CataloguePage, LoadResult, UnitPage
from shared.contracts.views.organisation import ReformView
from shared.contracts.views.warehouse import ObservationView
from shared.errors import NotFound
from shared.testing import broker
from shared.testing.processes import eventually
from tests.conftest import Databases, Services
from tests.service.indicators.test_warehouse_service import OFFICE, finalised

FIGURES = [Figure("NN01.DT", "31.3"), Figure("NN01.SL", "136.1"), Figure("NN08", "98.9")]


def test_a_round_that_comes_in_parts_twice_and_through_a_kill_is_recorded_once(
    run_service: Services, database: Databases, amqp_url: str
) -> None:
    def call(method: str, returns: Any = Any, /, **arguments: Any) -> Any:
        return broker.call(amqp_url, "indicators", method, returns, **arguments)

    engine: Engine = database("indicators")
    service = run_service("indicators", "rpc,worker")
    body = catalogue.read()
    assert call("load_catalogue", LoadResult, actor=OFFICE, catalogue=body).added == sum(map(len, body.values()))
    page = call("read_catalogue", CataloguePage, after=None, limit=100)
    assert (page.version, len(page.entries)) == (1, 100)
    units = call("list_units", UnitPage, actor=OFFICE, on="2025-07-01", kind="commune", limit=500)
    assert len(units.units) == 38
    [resolution] = body["reforms"]
    reform = call("apply_reform", ReformView, actor=OFFICE, reform=resolution, expected_version=0)
    assert (reform.applied, reform.version, len(reform.units)) == (True, 1, 104 + 8 + 36 + 2)

    parts = finalised("NN-NAM", "2016", FIGURES, 1, size=1)
    with broker.channel(amqp_url) as channel:
        for part in (parts[2], parts[0], parts[0]):
            broker.publish_on(channel, part)
    eventually(lambda: _count(engine, "inbox") == 3)
    service.kill()
    with broker.channel(amqp_url) as channel:
        for part in (parts[1], parts[1], parts[2]):
            broker.publish_on(channel, part)
    run_service("indicators", "rpc,worker")
    eventually(lambda: _count(engine, "inbox") == 6)
    key = {"unit": "LC", "period": "2016"}
    found = call("find_observation", ObservationView, actor=OFFICE, indicator="NN01.NS", **key)
    assert (found.value, found.batch) == ("43.5", 1)
    assert (_count(engine, "observations"), _count(engine, "batches")) == (4, 1)
    with pytest.raises(NotFound, match="no_observation"):
        call("find_observation", actor=OFFICE, indicator="NN99", **key)


def _count(engine: Engine, table: str) -> int:
    with engine.connect() as connection:
        return int(connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one())  # noqa: S608
