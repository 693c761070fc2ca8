"""Chunked sets against a real database: any order, any repeats, two workers at once."""

from __future__ import annotations

import threading
import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from shared import chunks
from shared.errors import Invalid
from shared.storage import UnitOfWork


def held(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM chunks")).scalar_one())


@given(st.lists(st.integers(), max_size=40), st.integers(1, 10))
def test_splitting_loses_nothing_and_keeps_the_order(items: list[int], size: int) -> None:
    parts = chunks.split(items, size)
    assert [item for part in parts for item in part] == items
    assert parts
    assert all(len(part) <= size for part in parts)
    assert all(parts[:-1])


def test_an_empty_content_is_one_empty_chunk() -> None:
    assert chunks.split([]) == [[]]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_set_is_handed_on_once_whole_whatever_order_its_parts_come_in(units: UnitOfWork, data: st.DataObject) -> None:
    total = data.draw(st.integers(1, 6))
    repeats = data.draw(st.lists(st.integers(0, total - 1), max_size=6))
    order = data.draw(st.permutations([*range(total), *repeats]))
    set_id, seen = uuid.uuid4().hex, set[int]()
    for index in order:
        seen.add(index)
        with units() as unit:
            bodies = chunks.add(unit, set_id, index, total, "hash", b"body %d" % index)
        if len(seen) == total:
            assert bodies == [b"body %d" % number for number in range(total)]
            break
        assert bodies is None
    with units() as unit:
        assert unit.connection.execute(text("SELECT count(*) FROM chunks")).scalar_one() == 0


def test_a_rolled_back_part_is_not_kept(units: UnitOfWork, engine: Engine) -> None:
    def fail() -> None:
        with units() as unit:
            chunks.add(unit, "s", 0, 2, "hash", b"a")
            raise RuntimeError("the handler failed")

    with pytest.raises(RuntimeError):
        fail()
    assert held(engine) == 0


def test_parts_of_different_contents_are_never_put_together(units: UnitOfWork) -> None:
    with units() as unit:
        assert chunks.add(unit, "s", 0, 2, "old", b"old 0") is None
        assert chunks.add(unit, "s", 1, 2, "new", b"new 1") is None
        assert chunks.add(unit, "s", 0, 2, "new", b"new 0") == [b"new 0", b"new 1"]
        assert chunks.overdue(unit.connection, -1) == ["s"]
        chunks.drop(unit, "s")
        assert chunks.overdue(unit.connection, -1) == []


def test_the_same_content_cut_otherwise_is_forgotten_with_it(units: UnitOfWork, engine: Engine) -> None:
    with units() as unit:
        assert chunks.add(unit, "s", 0, 3, "hash", b"a") is None
        assert chunks.add(unit, "s", 0, 2, "hash", b"a") is None
        assert chunks.add(unit, "s", 1, 2, "hash", b"b") == [b"a", b"b"]
    assert held(engine) == 0


def test_dropping_one_set_leaves_another_whose_name_begins_alike(units: UnitOfWork) -> None:
    with units() as unit:
        chunks.add(unit, "s/1", 0, 2, "hash", b"a")
        chunks.add(unit, "s/10", 0, 2, "hash", b"a")
        chunks.drop(unit, "s/1")
        assert chunks.overdue(unit.connection, -1) == ["s/10"]


def test_a_set_that_grows_is_not_overdue(units: UnitOfWork) -> None:
    with units() as unit:
        chunks.add(unit, "s", 0, 2, "hash", b"a")
    with units() as unit:
        assert chunks.overdue(unit.connection, 60) == []


@pytest.mark.parametrize(("set_id", "index", "total"), [("s", 2, 2), ("s", -1, 2), ("s", 0, 0), ("a#b", 0, 2)])
def test_a_part_outside_its_set_is_refused(units: UnitOfWork, set_id: str, index: int, total: int) -> None:
    with pytest.raises(Invalid), units() as unit:
        chunks.add(unit, set_id, index, total, "hash", b"")


def test_the_last_two_parts_in_two_workers_at_once_complete_the_set_once(units: UnitOfWork) -> None:
    first_is_in, outcomes = threading.Event(), list[list[bytes] | None]()

    def second() -> None:
        assert first_is_in.wait(10)
        with units() as unit:
            outcomes.append(chunks.add(unit, "s", 1, 2, "hash", b"b"))

    worker = threading.Thread(target=second)
    worker.start()
    with units() as unit:
        outcomes.append(chunks.add(unit, "s", 0, 2, "hash", b"a"))
        first_is_in.set()
        worker.join(0.3)  # it waits for this transaction
    worker.join(10)
    assert sorted(outcomes, key=str) == sorted([None, [b"a", b"b"]], key=str)
