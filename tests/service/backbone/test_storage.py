"""One transaction or none; and metadata tells what the database holds."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, select

from shared import inbox, storage
from shared.batches import DEAD, DONE, DUPLICATE, BatchRun, DatabaseAway
from shared.contracts.actor import Actor
from shared.contracts.events import FinalisedRequested
from shared.envelope import Received, new_message_id
from shared.errors import Invalid, Unavailable
from shared.settings import database_url
from shared.storage import Unit, UnitOfWork
from tests.conftest import Databases

ACTOR = Actor(id="u1", kind="person", name="Lò Thị Én")


@pytest.fixture
def engine(database: Databases) -> Engine:
    return database.empty("toy")


def event(number: int) -> FinalisedRequested:
    return FinalisedRequested(submission_id=f"s{number}", round=1)


def test_the_backbone_is_what_its_metadata_says(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": False})
        assert compare_metadata(context, storage.metadata_with_backbone()) == []


def test_state_audit_and_events_are_committed_together_in_order(engine: Engine) -> None:
    with UnitOfWork.for_engine(engine)(ACTOR) as unit:
        for number in range(5):
            unit.emit(event(number))
        unit.emit(event(5), queue="submissions.finalised_requested")
        unit.audit("toy.done", "s", {"giá trị": "3.5", "at": unit.now})
    with engine.connect() as connection:
        rows = connection.execute(select(storage.outbox).order_by(storage.outbox.c.id)).all()
        entry = connection.execute(select(storage.audit)).one()
    assert [row.subject for row in rows] == [f"s{number}/1" for number in range(6)]
    assert [row.queue for row in rows] == [None] * 5 + ["submissions.finalised_requested"]
    assert rows[0].body == b'{"submission_id":"s0","round":1}'
    assert {row.correlation_id for row in rows} == {entry.correlation_id}
    assert (entry.actor, entry.action, entry.details["giá trị"], entry.sealed_as) == ("u1", "toy.done", "3.5", None)


def test_an_error_leaves_nothing(engine: Engine) -> None:
    with pytest.raises(Invalid), UnitOfWork.for_engine(engine)() as unit:
        unit.emit(event(1))
        unit.audit("toy.done", "s")
        unit.flush()
        raise Invalid("toy.no")
    with engine.connect() as connection:
        assert connection.execute(select(storage.outbox)).all() == []
        assert connection.execute(select(storage.audit)).all() == []


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("SELECT pg_terminate_backend(pg_backend_pid())", storage.AWAY),
        ("SELECT pg_sleep(5)", storage.SLOW),
        ("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40P01'; END $$", storage.CONTENTION),
        ("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '55P03'; END $$", storage.SLOW),
    ],
)
def test_database_trouble_is_unavailable(engine: Engine, statement: str, code: str) -> None:
    with pytest.raises(Unavailable) as trouble, UnitOfWork.for_engine(engine)() as unit:
        unit.connection.exec_driver_sql("SET LOCAL statement_timeout = 50")
        unit.connection.exec_driver_sql(statement)
    assert trouble.value.code == code


def test_a_server_that_is_away_is_unavailable(postgres_url: str) -> None:
    absent = storage.engine_for_url(database_url(postgres_url, "t_no_such_database"))
    with pytest.raises(Unavailable) as trouble, UnitOfWork.for_engine(absent)():
        pass
    assert trouble.value.code == storage.AWAY


def test_a_connection_the_server_closed_is_replaced_unseen(engine: Engine, postgres_url: str) -> None:
    unit_of_work = UnitOfWork.for_engine(engine)
    with unit_of_work() as unit:
        pid = unit.connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    other = storage.engine_for_url(str(engine.url).replace("postgresql+psycopg", "postgresql"))
    with other.connect() as connection:
        connection.exec_driver_sql("SELECT pg_terminate_backend(%s)", (pid,))
        query = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s"
        while connection.exec_driver_sql(query, (pid,)).scalar_one():
            connection.rollback()
    other.dispose()
    with unit_of_work() as unit:
        assert unit.connection.exec_driver_sql("SELECT 1").scalar_one() == 1


def received(number: int, attempt: int = 1) -> Received[FinalisedRequested]:
    return Received(event(number), new_message_id(), f"c{number}", datetime.now(UTC), attempt, queue="q")


def test_the_inbox_tells_what_is_new(engine: Engine) -> None:
    ids = [new_message_id() for _ in range(5)]
    with engine.begin() as connection:
        assert inbox.record(connection, "q", ids[:3]) == set(ids[:3])
        assert inbox.record(connection, "q", ids[1:]) == set(ids[3:])
        assert inbox.record(connection, "other", ids) == set(ids)
        assert inbox.record(connection, "q", []) == set()


def test_a_batch_skips_what_it_has_seen(engine: Engine) -> None:
    calls: list[str] = []

    def handler(unit: Unit, message: Received[FinalisedRequested]) -> None:
        calls.append(unit.correlation_id)

    first, second = received(1), received(2)
    unit_of_work = UnitOfWork.for_engine(engine)
    outcomes = BatchRun("q", [first, first, second], setwise=False).run(handler, unit_of_work)
    assert [outcome.kind for outcome in outcomes] == [DONE, DUPLICATE, DONE]
    again = BatchRun("q", [second, first], setwise=False).run(handler, unit_of_work)
    assert [outcome.kind for outcome in again] == [DUPLICATE, DUPLICATE]
    assert calls == ["c1", "c2"]


def test_a_deadlock_is_tried_again_at_once(engine: Engine) -> None:
    tries: list[int] = []

    def handler(unit: Unit, message: Received[FinalisedRequested]) -> None:
        tries.append(1)
        if len(tries) < 3:
            unit.connection.exec_driver_sql("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40P01'; END $$")

    [outcome] = BatchRun("q", [received(1)], setwise=False).run(handler, UnitOfWork.for_engine(engine))
    assert (outcome.kind, len(tries)) == (DONE, 3)


def test_unavailable_is_retried_until_attempts_end(engine: Engine) -> None:
    def handler(unit: Unit, message: Received[FinalisedRequested]) -> None:
        raise Unavailable("toy.away", "as asked")

    run = [received(1, 1), received(2, 20)]
    first, last = BatchRun("q", run, setwise=False).run(handler, UnitOfWork.for_engine(engine))
    assert (first.kind, last.kind) == ("retried", DEAD)
    assert last.error == "toy.away: as asked"


def test_a_lost_connection_blames_no_message(engine: Engine) -> None:
    def handler(unit: Unit, message: Received[FinalisedRequested]) -> None:
        unit.connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(DatabaseAway):
        BatchRun("q", [received(1), received(2)], setwise=False).run(handler, UnitOfWork.for_engine(engine))
