"""Commands that changed something are told; what is done again keeps its time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import msgspec
import pytest
from sqlalchemy import Engine, select

from shared import storage
from shared.commands import Command, in_hand, repeated
from shared.contracts.events import CommandDone, FinalisedRequested
from shared.storage import UnitOfWork
from tests.conftest import Databases

THEN = datetime(2026, 3, 1, 8, tzinfo=UTC)


@pytest.fixture
def engine(database: Databases) -> Engine:
    return database.empty("toy")


@contextmanager
def commanded() -> Iterator[None]:
    token = in_hand.set(Command("toy", "enter", {"actor": {"id": "u1"}, "value": "3.5"}))
    try:
        yield
    finally:
        in_hand.reset(token)


def test_a_command_that_changed_something_is_told_with_it(engine: Engine) -> None:
    with commanded(), UnitOfWork.for_engine(engine)() as unit:
        unit.audit("toy.entered", "s")
        unit.flush()
    with engine.connect() as connection:
        row = connection.execute(select(storage.outbox)).one()
    told = msgspec.json.decode(row.body, type=CommandDone)
    assert (row.event, row.subject) == ("command_done", "toy.enter")
    assert msgspec.json.decode(told.arguments) == {"actor": {"id": "u1"}, "value": "3.5"}
    assert told.at <= told.done_at


def test_a_question_and_a_handler_tell_no_command(engine: Engine) -> None:
    with commanded(), UnitOfWork.for_engine(engine)():
        pass
    with UnitOfWork.for_engine(engine)() as unit:
        unit.audit("toy.handled", "s")
    with engine.connect() as connection:
        assert connection.execute(select(storage.outbox)).all() == []


def test_what_is_done_again_is_of_the_time_at_which_it_was_done_first(engine: Engine) -> None:
    with repeated(THEN), UnitOfWork.for_engine(engine)() as unit:
        assert (unit.now, unit.repeated, unit.about("other").now) == (THEN, True, THEN)
        unit.emit(FinalisedRequested(submission_id="s", round=1))
        unit.audit("toy.done", "s")
    with engine.connect() as connection:
        assert connection.execute(select(storage.outbox.c.created_at)).scalar_one() == THEN
        assert connection.execute(select(storage.audit.c.at)).scalar_one() == THEN
    with UnitOfWork.for_engine(engine)() as unit:
        assert not unit.repeated
