"""Dead letters are kept once per death, replayed under their own id, and discarded only with a reason."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from services.integration.service import IntegrationService
from services.integration.storage import dead_letters
from shared.dead_letters import DeadLetter, letter_of
from shared.errors import Conflict, Invalid, NotFound
from shared.storage import UnitOfWork
from tests.service.integration.conftest import ACTOR

DIED = datetime(2026, 1, 2, tzinfo=UTC)


def letter() -> DeadLetter:
    headers = {
        "cloudEvents_id": str(uuid.uuid4()),
        "cloudEvents_type": "submission_finalised",
        "cloudEvents_subject": "s/1",
        "correlation_id": "c",
        "schema": 1,
        "hub_error": "indicators.bad: no",
        "hub_attempt": 3,
        "hub_died_at": DIED.isoformat(),
    }
    return letter_of("indicators.submission_finalised.dead", headers, b'{"a":1}')


def collect(unit: UnitOfWork, found: DeadLetter) -> bool:
    with unit() as opened:
        return dead_letters.collect(opened.connection, found)


def test_one_death_is_kept_once(unit: UnitOfWork, service: IntegrationService) -> None:
    found = letter()
    assert collect(unit, found) and not collect(unit, found)
    page = service.list_dead_letters(ACTOR, queue="indicators.submission_finalised", state="dead")
    assert page.total == 1 and page.dead_letters[0].attempts == 3
    assert service.read_dead_letter(ACTOR, page.dead_letters[0].id).body == {"a": 1}


def test_replay_goes_to_the_queue_it_died_in_under_its_own_id(
    unit: UnitOfWork, service: IntegrationService, engine: Engine
) -> None:
    found = letter()
    collect(unit, found)
    number = service.list_dead_letters(ACTOR).dead_letters[0].id
    assert service.replay_dead_letter(ACTOR, number).state == "replayed"
    assert service.replay_dead_letter(ACTOR, number).replays == 1
    with engine.begin() as connection:
        (row,) = connection.execute(text("SELECT message_id, queue, body FROM outbox")).all()
        assert (row.message_id, row.queue, bytes(row.body)) == (found.message_id, found.queue, b'{"a":1}')
        connection.execute(text("UPDATE outbox SET sent_at = now()"))
    assert collect(unit, replace(found, died_at=DIED + timedelta(hours=1), error="again"))
    again = service.replay_dead_letter(ACTOR, number)
    assert (again.id, again.replays, again.error) == (number, 2, "again")
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM outbox WHERE sent_at IS NULL")).scalar_one() == 1


def test_discarding_needs_a_reason_and_is_final(unit: UnitOfWork, service: IntegrationService) -> None:
    collect(unit, letter())
    number = service.list_dead_letters(ACTOR).dead_letters[0].id
    with pytest.raises(Invalid, match="reason_missing"):
        service.discard_dead_letter(ACTOR, number, "  ")
    assert service.discard_dead_letter(ACTOR, number, "trùng").state == "discarded"
    with pytest.raises(Conflict, match="letter_discarded"):
        service.replay_dead_letter(ACTOR, number)
    with pytest.raises(NotFound, match="no_dead_letter"):
        service.read_dead_letter(ACTOR, "999999")


def test_letter_without_id_gets_the_same_one_each_time() -> None:
    first, second = (letter_of("a.b.dead", {}, b"\xff") for _ in range(2))
    assert first.message_id == second.message_id and "delivery_limit" in first.error
