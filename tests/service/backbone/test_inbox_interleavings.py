"""The inbox under any interleaving of batches, duplicates, faults and lost acknowledgements: each effect once."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from shared.batches import BatchRun, Outcome
from shared.contracts.events import FinalisedRequested
from shared.envelope import Received
from shared.unit import Unit, UnitOfWork
from tests.conftest import Databases

IDS = [uuid.uuid5(uuid.NAMESPACE_OID, str(number)) for number in range(6)]
QUEUE = "toys.finalised_requested"

# A delivery of some messages in one batch, and which of them fail at this try.
deliveries = st.lists(
    st.tuples(st.lists(st.integers(0, 5), min_size=1, max_size=8), st.sets(st.integers(0, 5), max_size=2)),
    min_size=1,
    max_size=8,
)


@pytest.fixture(scope="module")
def engine(database: Databases) -> Iterator[Engine]:
    made = database.empty("toys")
    with made.begin() as connection:
        connection.execute(text("CREATE TABLE effects (run uuid, message uuid)"))
    yield made


def received(number: int) -> Received[FinalisedRequested]:
    from datetime import UTC, datetime

    return Received(
        data=FinalisedRequested(submission_id=str(number), round=1),
        id=IDS[number],
        correlation_id="c",
        time=datetime(2026, 1, 1, tzinfo=UTC),
        attempt=1,
        queue=QUEUE,
    )


@pytest.mark.parametrize("setwise", [False, True])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(script=deliveries)
def test_every_message_has_its_effect_once(
    engine: Engine, setwise: bool, script: list[tuple[list[int], set[int]]]
) -> None:
    run, unit_of_work = uuid.uuid4(), UnitOfWork.for_engine(engine, "toys")
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM inbox"))
    delivered: set[int] = set()
    for batch, failing in [*script, (list(range(6)), set())]:
        outcomes = deliver(unit_of_work, run, batch, failing, setwise)
        for number, outcome in zip(batch, outcomes, strict=True):
            assert (outcome.kind == "dead") == (number in failing and number not in delivered)
        delivered |= set(batch) - failing
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT message FROM effects WHERE run = :run"), {"run": run}).scalars()
        assert Counter(rows) == Counter(IDS)


def deliver(
    unit_of_work: UnitOfWork, run: uuid.UUID, batch: list[int], failing: set[int], setwise: bool
) -> list[Outcome]:
    """Work one batch off; nobody acknowledges, so that everything may come again."""

    def effect(unit: Unit, message: Received[FinalisedRequested]) -> None:
        unit.connection.execute(text("INSERT INTO effects VALUES (:run, :id)"), {"run": run, "id": message.id})
        if int(message.data.submission_id) in failing:
            raise ValueError("after the effect was written")

    def effects(unit: Unit, messages: list[Received[FinalisedRequested]]) -> None:
        for message in messages:
            effect(unit, message)

    return BatchRun(QUEUE, [received(number) for number in batch], setwise).run(
        effects if setwise else effect, unit_of_work
    )
