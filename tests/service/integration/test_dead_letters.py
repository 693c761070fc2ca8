"""Dead letters are kept once per death, replayed under their own id, and discarded only with a reason."""

from __future__ import annotations

import time
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from services.integration.letting_go import work
from services.integration.service import IntegrationService
from services.integration.storage import dead_letters
from shared.contracts.views.integration import DeadLetterJobView
from shared.dead_letters import DeadLetter, letter_of
from shared.errors import Conflict, Invalid, NotFound, Unavailable
from shared.storage import UnitOfWork
from tests.conftest import Services
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
        (row,) = connection.execute(text("SELECT message_id, queue, body FROM outbox WHERE queue IS NOT NULL")).all()
        assert (row.message_id, row.queue, bytes(row.body)) == (found.message_id, found.queue, b'{"a":1}')
        connection.execute(text("UPDATE outbox SET sent_at = now()"))
    assert collect(unit, replace(found, died_at=DIED + timedelta(hours=1), error="again"))
    again = service.replay_dead_letter(ACTOR, number)
    assert (again.id, again.replays, again.error) == (number, 2, "again")
    with engine.connect() as connection:
        assert (
            connection.execute(
                text("SELECT count(*) FROM outbox WHERE sent_at IS NULL AND queue IS NOT NULL")
            ).scalar_one()
            == 1
        )


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


def many(unit: UnitOfWork, count: int, error: str = "hub_error: no", queue: str = "a.b") -> list[DeadLetter]:
    made = [replace(letter(), queue=queue, error=error) for _ in range(count)]
    for item in made:
        collect(unit, item)
    return made


def finish(unit: UnitOfWork, service: IntegrationService, job: DeadLetterJobView, steps: int = 60) -> DeadLetterJobView:
    """Work a job off, a second per batch, so that its rate is not waited for."""
    while (found := service.read_dead_letter_job(ACTOR, job.id)).state == "running":
        assert (steps := steps - 1), "never ends"
        batch(unit, job)
    return found


def batch(unit: UnitOfWork, job: DeadLetterJobView) -> None:
    with unit() as opened:
        opened.connection.execute(text("UPDATE dead_letter_jobs SET worked_at = now() - interval '1 s'"))
    work(unit, int(job.id))


def replays(engine: Engine) -> list[int]:
    with engine.connect() as connection:
        return list(connection.execute(text("SELECT replays FROM dead_letters ORDER BY id")).scalars())


def test_letters_are_found_by_queue_event_error_and_age(unit: UnitOfWork, service: IntegrationService) -> None:
    many(unit, 2, "warehouse.other_hash: the values hash to X")
    collect(unit, replace(letter(), queue="c.d", event="e", error="other", died_at=DIED + timedelta(days=1)))
    assert service.list_dead_letters(ACTOR, error="OTHER_hash").total == 2
    assert service.list_dead_letters(ACTOR, queue="c.d", event="e", state="dead").total == 1
    assert service.list_dead_letters(ACTOR, died_before=DIED + timedelta(hours=1)).total == 2
    assert service.list_dead_letters(ACTOR, died_after=DIED + timedelta(hours=1), error="hash").total == 0


def test_the_history_of_a_letter_is_told_from_death_to_death(unit: UnitOfWork, service: IntegrationService) -> None:
    [dead] = many(unit, 1)
    number = service.list_dead_letters(ACTOR).dead_letters[0].id
    job = finish(unit, service, service.start_dead_letter_job(ACTOR, "replay", queue="a.b"))
    collect(unit, replace(dead, died_at=datetime.now(UTC), error="again", attempts=7))
    assert service.read_dead_letter_job(ACTOR, job.id).died_again == 1
    found = service.discard_dead_letter(ACTOR, number, "không cần nữa")
    assert [(item.what, item.by, item.reason, item.job) for item in found.history] == [
        ("died", None, "hub_error: no", None),
        ("replayed", ACTOR.id, None, job.id),
        ("died", None, "again", None),
        ("discarded", ACTOR.id, "không cần nữa", None),
    ]
    assert found.history[2].attempts == 7


def test_a_job_does_what_matched_when_it_began_once_however_often_it_is_asked_for(
    unit: UnitOfWork, service: IntegrationService, engine: Engine
) -> None:
    first, *_ = many(unit, 5)
    many(unit, 1, "other: cause")
    with pytest.raises(Conflict, match="count_differs"):
        service.start_dead_letter_job(ACTOR, "replay", error="hub_error", expected=4)
    job = service.start_dead_letter_job(ACTOR, "replay", error="hub_error", rate=2, expected=5, key="k")
    assert service.start_dead_letter_job(ACTOR, "replay", error="hub_error").id == job.id
    many(unit, 2)
    batch(unit, job)
    collect(unit, replace(first, died_at=datetime.now(UTC)))
    service.discard_dead_letter(ACTOR, service.list_dead_letters(ACTOR).dead_letters[-4].id, "của người khác")
    ended = finish(unit, service, job)
    assert (ended.matched, ended.done, ended.skipped, ended.left, ended.died_again) == (5, 4, 1, 0, 1)
    assert service.start_dead_letter_job(ACTOR, "replay", error="hub_error", key="k").id == job.id
    assert sorted(replays(engine)) == [0, 0, 0, 0, 1, 1, 1, 1]
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM outbox WHERE queue IS NOT NULL")).scalar_one() == 4


def test_a_message_dead_in_two_queues_is_replayed_to_both_one_after_the_other(
    unit: UnitOfWork, service: IntegrationService, engine: Engine
) -> None:
    one = replace(letter(), queue="submissions.catalogue_changed")
    other = replace(one, queue="integration.catalogue_changed")
    assert collect(unit, one) and collect(unit, other)
    job = service.start_dead_letter_job(ACTOR, "replay", event=one.event)
    batch(unit, job)
    batch(unit, job)
    assert service.read_dead_letter_job(ACTOR, job.id).left == 1
    with pytest.raises(Unavailable, match="replay_under_way"):
        service.replay_dead_letter(ACTOR, service.list_dead_letters(ACTOR, state="dead").dead_letters[0].id)
    with engine.begin() as connection:
        told = "UPDATE outbox SET sent_at = now() WHERE message_id = :id RETURNING queue"
        first = connection.execute(text(told), {"id": one.message_id}).scalar_one()
    ended = finish(unit, service, job)
    assert (ended.matched, ended.done, ended.skipped) == (2, 2, 0)
    with engine.begin() as connection:
        second = connection.execute(text(told), {"id": one.message_id}).scalar_one()
    assert {first, second} == {one.queue, other.queue}


def test_a_job_stops_when_told_and_leaves_the_rest_dead(unit: UnitOfWork, service: IntegrationService) -> None:
    many(unit, 5)
    with pytest.raises(Invalid, match="reason_missing"):
        service.start_dead_letter_job(ACTOR, "discard", queue="a.b")
    job = service.start_dead_letter_job(ACTOR, "discard", queue="a.b", reason="bản tin thử", rate=2)
    batch(unit, job)
    stopped = service.stop_dead_letter_job(ACTOR, job.id)
    assert (stopped.state, stopped.done, stopped.left, stopped.stopped_by) == ("stopped", 2, 3, ACTOR.id)
    work(unit, int(job.id))
    assert service.list_dead_letters(ACTOR, state="dead").total == 3
    assert service.stop_dead_letter_job(ACTOR, job.id).state == "stopped"
    nothing = service.start_dead_letter_job(ACTOR, "replay", queue="nobody")
    assert (nothing.state, nothing.matched) == ("finished", 0)
    assert [item.id for item in service.list_dead_letter_jobs(ACTOR).jobs] == [nothing.id, job.id]


def test_a_worker_killed_in_the_middle_of_a_job_doubles_nothing_and_ends_it(
    unit: UnitOfWork, service: IntegrationService, engine: Engine, amqp_url: str, run_service: Services, tmp_path: Path
) -> None:
    many(unit, 30, queue="approval.submission_submitted")
    armed = tmp_path / "failpoints" / "armed"
    armed.mkdir(parents=True)
    process = run_service(
        "integration",
        "worker",
        HUB_SECRETS_DIR=str(tmp_path),
        HUB_FAILPOINTS_DIR=str(armed.parent),
        HUB_PROCESS_NAME="integration-worker",
        HUB_INTEGRATION_RECONCILE_EVERY_SECONDS="0",
        HUB_INTEGRATION_SCRUB_EVERY_SECONDS="0",
    )
    for point in ("letters.before_commit", "letters.after_commit"):
        (armed / f"integration-worker.{point}").touch()
    job = service.start_dead_letter_job(ACTOR, "replay", queue="approval.submission_submitted", rate=20)
    for _ in range(2):
        assert process.process.wait(30) == -9
        process.start()
    deadline = time.monotonic() + 30
    while (found := service.read_dead_letter_job(ACTOR, job.id)).state != "finished":
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    assert (found.done, found.skipped, found.left) == (30, 0, 0)
    assert replays(engine) == [1] * 30
    with engine.connect() as connection:
        noted = "SELECT count(*) FROM dead_letter_history WHERE what = 'replayed'"
        assert connection.execute(text(noted)).scalar_one() == 30
        assert connection.execute(text("SELECT count(*) FROM outbox WHERE queue IS NOT NULL")).scalar_one() == 30
