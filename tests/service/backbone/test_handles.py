"""What becomes of messages: handled once, retried, buried, given back."""

from __future__ import annotations

from sqlalchemy import Engine

from shared.testing import broker
from shared.testing.processes import eventually
from tests.conftest import Services
from tests.service.backbone.conftest import PACKAGE, finalised, submitted

QUEUE = "approval.submission_submitted"
SLEEPERS = (
    "FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'"
    " AND query LIKE '%%pg_sleep%%' AND pid <> pg_backend_pid()"
)


def seen(engine: Engine) -> list[tuple[str, int]]:
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT subject, attempt FROM seen ORDER BY id").all()
    return [(row[0], row[1]) for row in rows]


def count(engine: Engine, table: str) -> int:
    with engine.connect() as connection:
        return int(connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one())  # noqa: S608


def test_a_message_has_its_effect_audit_and_event_once(run_service: Services, approval: Engine, amqp_url: str) -> None:
    worker = run_service("approval", "worker", *PACKAGE)
    with broker.channel(amqp_url) as channel:
        first = broker.publish_on(channel, submitted("a"), correlation_id="c-1")
        broker.publish_on(channel, submitted("a"), message_id=first)
        broker.publish_on(channel, submitted("b"))
        broker.publish_on(channel, submitted("a"), message_id=first)
    eventually(lambda: len(seen(approval)) == 2)
    assert worker.stop() == 0
    assert sorted(seen(approval)) == [("a", 1), ("b", 1)]
    assert (count(approval, "inbox"), count(approval, "audit"), count(approval, "outbox")) == (2, 2, 2)
    assert broker.depth(amqp_url, QUEUE) == 0
    with approval.connect() as connection:
        query = (
            "SELECT s.correlation_id, a.correlation_id FROM seen s JOIN audit a ON a.subject = s.subject"
            " WHERE s.subject = 'a'"
        )
        assert connection.exec_driver_sql(query).all() == [("c-1", "c-1")]


def test_only_the_culprit_of_a_batch_suffers(run_service: Services, approval: Engine, amqp_url: str) -> None:
    with broker.channel(amqp_url) as channel:
        for number in range(20):
            broker.publish_on(channel, submitted(f"good {number}"))
        bad = broker.publish_on(channel, submitted("bad", "invalid"))
        bug = broker.publish_on(channel, submitted("bug", "bug"))
        for number in range(20, 40):
            broker.publish_on(channel, submitted(f"good {number}"))
    worker = run_service("approval", "worker", *PACKAGE)
    dead = broker.take(amqp_url, f"{QUEUE}.dead", 2)
    eventually(lambda: len(seen(approval)) == 40)
    assert worker.stop() == 0
    by_id = {head["cloudEvents_id"]: head for head, _ in dead}
    assert by_id[bad]["hub_error"] == "toy.invalid: as asked"
    assert by_id[bug]["hub_error"] == "ZeroDivisionError: as asked"
    assert "on_submission_submitted" in by_id[bug]["hub_traceback"]
    assert by_id[bug]["hub_queue"] == QUEUE
    assert by_id[bug]["hub_attempt"] == 1
    assert broker.depth(amqp_url, QUEUE) == 0
    assert count(approval, "outbox") == 40


def test_unavailable_is_tried_again_after_a_delay(run_service: Services, approval: Engine, amqp_url: str) -> None:
    worker = run_service("approval", "worker", *PACKAGE)
    broker.publish(amqp_url, submitted("late", "unavailable once"))
    eventually(lambda: seen(approval) == [("late", 2)])
    assert worker.stop() == 0
    assert broker.depth(amqp_url, f"{QUEUE}.dead") == 0


def test_attempts_end(run_service: Services, approval: Engine, amqp_url: str) -> None:
    run_service("approval", "worker", *PACKAGE)
    broker.publish(amqp_url, submitted("x", "bug"), headers={"hub_attempt": 19})
    [(head, _)] = broker.take(amqp_url, f"{QUEUE}.dead")
    assert head["hub_attempt"] == 20


def test_what_cannot_be_read_is_buried_at_once(run_service: Services, approval: Engine, amqp_url: str) -> None:
    run_service("approval", "worker", *PACKAGE)
    broker.publish(amqp_url, submitted("x"), body=b'{"submission_id": 1')
    broker.publish(amqp_url, submitted("x"), body=b"[]")
    letters = broker.take(amqp_url, f"{QUEUE}.dead", 2)
    assert all(str(head["hub_error"]).startswith("hub.unreadable") for head, _ in letters)
    assert letters[0][1] == b'{"submission_id": 1'


def test_a_newer_schema_waits_for_a_newer_process(run_service: Services, approval: Engine, amqp_url: str) -> None:
    """Beside an upgrade that rolls: the old worker gives back what it cannot read yet, and gives up in the end."""
    worker = run_service("approval", "worker", *PACKAGE)
    # Tried often already, so that it waits its ten minutes and does not come back amid the next tests.
    later = broker.publish(amqp_url, submitted("x"), headers={"schema": 99, "hub_attempt": 4})
    last = broker.publish(amqp_url, submitted("y"), headers={"schema": 99, "hub_attempt": 19})
    worker.await_log("message.newer", id=later)
    [(head, _)] = broker.take(amqp_url, f"{QUEUE}.dead")
    assert (head["cloudEvents_id"], head["hub_attempt"]) == (last, 20)
    assert str(head["hub_error"]).startswith("hub.newer_schema")


def test_sigterm_finishes_the_batch_in_hand(run_service: Services, approval: Engine, amqp_url: str) -> None:
    worker = run_service("approval", "worker", *PACKAGE)
    broker.publish(amqp_url, submitted("slow", "slow"))

    def sleeping() -> bool:
        with approval.connect() as connection:
            return bool(connection.exec_driver_sql(f"SELECT count(*) {SLEEPERS}").scalar_one())

    eventually(sleeping)
    assert worker.stop() == 0
    assert seen(approval) == [("slow", 1)]
    assert broker.depth(amqp_url, QUEUE) == 0


def test_a_lost_database_connection_loses_nothing(run_service: Services, approval: Engine, amqp_url: str) -> None:
    worker = run_service("approval", "worker", *PACKAGE)
    broker.publish(amqp_url, submitted("slow", "slow"))

    def cut() -> bool:
        with approval.connect() as connection:
            return bool(connection.exec_driver_sql(f"SELECT count(pg_terminate_backend(pid)) {SLEEPERS}").scalar_one())

    eventually(cut)
    worker.await_log("consumer.database_away")
    eventually(lambda: seen(approval) == [("slow", 1)])
    assert worker.stop() == 0
    assert broker.depth(amqp_url, f"{QUEUE}.dead") == 0


def test_timers_run(run_service: Services, approval: Engine) -> None:
    run_service("approval", "worker", *PACKAGE)
    eventually(lambda: count(approval, "ticks") >= 3)


def test_two_lanes_have_two_batches_in_hand_and_stop_finishes_both(
    run_service: Services, indicators: Engine, amqp_url: str
) -> None:
    worker = run_service("indicators", "worker", *PACKAGE)
    eventually(lambda: sum(entry.get("event") == "consumer.ready" for entry in worker.log) == 2)
    for number in range(2):
        broker.publish(amqp_url, finalised(f"slow {number}"))

    def sleeping() -> int:
        with indicators.connect() as connection:
            return int(connection.exec_driver_sql(f"SELECT count(*) {SLEEPERS}").scalar_one())

    eventually(lambda: sleeping() == 2)
    assert worker.stop() == 0
    assert sorted(seen(indicators)) == [("slow 0", 1), ("slow 1", 1)]
    assert broker.depth(amqp_url, "indicators.submission_finalised") == 0


def test_a_setwise_handler_gets_each_new_message_once(run_service: Services, indicators: Engine, amqp_url: str) -> None:
    with broker.channel(amqp_url) as channel:
        for number in range(100):
            identity = broker.publish_on(channel, finalised(str(number)))
            if number % 10 == 0:
                broker.publish_on(channel, finalised(str(number)), message_id=identity)
    run_service("indicators", "worker", *PACKAGE)
    eventually(lambda: len(seen(indicators)) == 100)
    eventually(lambda: broker.depth(amqp_url, "indicators.submission_finalised") == 0)
    assert len({subject for subject, _ in seen(indicators)}) == 100
