"""As-of reads on a real PostgreSQL: by batch, day and instant, and never changing later."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from shared.errors import NotFound
from tests.service.indicators.monthly import DOAN_KET, FORM, OFFICE, Warehouse


@pytest.fixture
def warehouse(database: Callable[[str], Engine]) -> Warehouse:
    return Warehouse(database("indicators"))


def test_a_day_reads_what_was_recorded_before_it_ended_in_vietnam(warehouse: Warehouse) -> None:
    for value in ("1", "2", "3"):
        warehouse.record(DOAN_KET, "2025-07", KT1=value)
    ends = [datetime(2026, 2, 28, 16, 59, 59, tzinfo=UTC), datetime(2026, 3, 1, 16, 59, 59, tzinfo=UTC)]
    with warehouse.engine.begin() as connection:
        for batch, at in enumerate([*ends, ends[1] + timedelta(seconds=1)], start=1):
            connection.exec_driver_sql("UPDATE batches SET recorded_at = %s WHERE batch = %s", (at, batch))

    def known(as_of: int | str) -> str | None:
        page = warehouse.service.list_observations(OFFICE, as_of=as_of)
        grid = warehouse.row(DOAN_KET, "KT1", "2025-07", as_of=as_of).this_period.value
        read = warehouse.service.read_series(OFFICE, ["KT1"], [DOAN_KET], "2025-07", "2025-07", as_of=as_of)
        assert {grid, read.series[0].points[0].value} == {page.observations[0].value if page.observations else None}
        return grid

    days = ["2026-02-27", "2026-02-28", "2026-03-01", "2026-03-02", "2099-01-01"]
    assert [known(day) for day in days] == [None, "1", "2", "3", "3"]
    assert known("2026-03-02T00:00:00+07:00") == "2"
    assert known("2") == known(2) == "2"
    found = warehouse.service.find_observation(OFFICE, "KT1", DOAN_KET, "2025-07", as_of="2026-02-28")
    assert (found.value, found.batch) == ("1", 1)
    with pytest.raises(NotFound):
        warehouse.service.find_observation(OFFICE, "KT1", DOAN_KET, "2025-07", as_of="2026-02-27")
    batches = warehouse.service.list_batches(OFFICE, unit=DOAN_KET, limit=2)
    assert ([item.batch for item in batches.batches], batches.next) == ([3, 2], "2")
    assert warehouse.service.list_batches(OFFICE, after=2).batches[0].recorded_at == ends[0]


_rounds = st.lists(
    st.tuples(
        st.sampled_from(["LC-X03451-2004", DOAN_KET]),
        st.sampled_from(["2025-07", "2025-08"]),
        st.fixed_dictionaries({}, optional={code: st.sampled_from([None, "1", "2"]) for code in ("KT1", "KT2")}),
    ),
    min_size=1,
    max_size=6,
)


@given(before=_rounds, after=_rounds)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_as_of_reads_are_stable(
    warehouse: Warehouse, before: list[tuple[str, str, dict[str, Any]]], after: list[tuple[str, str, dict[str, Any]]]
) -> None:
    for unit, period, values in before:
        warehouse.record(unit, period, **values)
    batch = warehouse.service.list_batches(OFFICE, limit=1).batches[0].batch
    instant = datetime.now(UTC).isoformat()

    def answers(as_of: int | str) -> bytes:
        told = (
            warehouse.service.list_observations(OFFICE, as_of=as_of),
            warehouse.service.read_grid(OFFICE, "2025-08", form=FORM, under="LC", as_of=as_of),
            warehouse.service.read_series(OFFICE, ["KT1", "KT2"], [DOAN_KET], "2025-06", "2025-08", as_of=as_of),
        )
        return msgspec.json.encode(told)

    told = answers(batch)
    now = warehouse.service.list_observations(OFFICE).observations
    assert warehouse.service.list_observations(OFFICE, as_of=batch).observations == now
    for unit, period, values in after:
        warehouse.record(unit, period, **values)
        assert answers(batch) == told
        assert answers(instant) == told
