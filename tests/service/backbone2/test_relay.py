"""The relay as a real process on a real database and broker: killed, cut off, refused, replaced."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import psycopg
import pytest

from shared.contracts.events import DeliveryFailed
from shared.relay.housekeeping import delete_old
from shared.relay.settings import RelaySettings
from shared.storage import UnitOfWork
from shared.testing import broker
from shared.testing.processes import HubProcess, eventually
from tests.conftest import Databases
from tests.service.backbone2.cable import Cable

QUEUE = "notifications.delivery_failed"
Plain = psycopg.Connection[Any]
StartRelay = Callable[..., HubProcess]


def failed(number: int) -> DeliveryFailed:
    return DeliveryFailed(
        delivery_id=f"d{number}",
        partner="national",
        form="GD-NAM",
        unit="LC",
        agency="LC-SGDDT",
        period="2016",
        state="dead",
        error="",
        attempts=20,
    )


def emit(units: UnitOfWork, count: int, *, queue: str | None = None) -> None:
    with units() as unit:
        for number in range(count):
            unit.emit(failed(number), queue=queue)


def unsent(plain: Plain) -> int:
    row = plain.execute("SELECT count(*) FROM outbox WHERE sent_at IS NULL").fetchone()
    return int(row[0]) if row else 0


def ids(plain: Plain) -> set[str]:
    return {str(row[0]) for row in plain.execute("SELECT message_id FROM outbox").fetchall()}


def taken(amqp_url: str) -> Counter[str]:
    """Take everything off the queue and count message ids."""
    count = broker.depth(amqp_url, QUEUE)
    return Counter(head["cloudEvents_id"] for head, _ in broker.take(amqp_url, QUEUE, count)) if count else Counter()


def all_sent(plain: Plain) -> None:
    eventually(lambda: unsent(plain) == 0, what="sending everything")


@pytest.fixture
def start_relay(database: Databases, amqp_url: str, tmp_path: Path) -> Iterator[StartRelay]:
    """Starter of relay processes for the toy's database; failpoints are armed by `arm`."""
    running: list[HubProcess] = []

    def start(name: str = "relay", **environment: str) -> HubProcess:
        defaults = {
            "HUB_POSTGRES_URL": database.server_url,
            "HUB_DATABASE_PREFIX": database.prefix,
            "HUB_AMQP_URL": amqp_url,
            "HUB_METRICS_PORT": "0",
            "HUB_FAILPOINTS_DIR": str(tmp_path),
            "HUB_RELAY_STANDBY_SECONDS": "0.1",
            "HUB_RELAY_BACKOFF_MAX_SECONDS": "0.5",
        }
        process = HubProcess(["relay", "--services", "toy"], {**defaults, **environment}, name)
        running.append(process)
        return process

    yield start
    for process in running:
        if process.process.poll() is None:
            process.kill()
    taken(amqp_url)


def arm(folder: Path, failpoint: str, process: str = "relay") -> None:
    (folder / "armed").mkdir(exist_ok=True)
    (folder / "armed" / f"{process}.{failpoint}").touch()


def test_what_is_committed_is_published_with_its_envelope(
    units: UnitOfWork, plain: Plain, start_relay: StartRelay, amqp_url: str
) -> None:
    emit(units, 1)
    relay = start_relay()
    all_sent(plain)
    [(head, body)] = broker.take(amqp_url, QUEUE)
    assert head["cloudEvents_id"] in ids(plain)
    assert head["cloudEvents_type"] == "delivery_failed"
    assert head["cloudEvents_source"] == "integration"
    assert head["cloudEvents_subject"] == "d0"
    assert head["schema"] == 1
    assert head["correlation_id"]
    assert msgspec.json.decode(body, type=DeliveryFailed) == failed(0)
    assert relay.stop() == 0


def test_a_relay_killed_between_publishing_and_marking_repeats_with_the_same_ids(
    units: UnitOfWork, plain: Plain, start_relay: StartRelay, amqp_url: str, tmp_path: Path
) -> None:
    emit(units, 20)
    arm(tmp_path, "relay.before_mark")
    relay = start_relay()
    assert relay.wait() == -9
    assert unsent(plain) == 20
    relay.start()
    all_sent(plain)
    assert taken(amqp_url) == Counter(dict.fromkeys(ids(plain), 2))


@pytest.mark.parametrize(
    "failpoint", ["relay.before_publish", "relay.after_publish", "relay.after_mark", "sealer.before_commit"]
)
def test_a_kill_anywhere_loses_nothing(
    units: UnitOfWork, plain: Plain, start_relay: StartRelay, amqp_url: str, tmp_path: Path, failpoint: str
) -> None:
    emit(units, 700)
    with units() as unit:
        unit.audit("toy.changed", "toy/1", {})
    arm(tmp_path, failpoint)
    relay = start_relay()
    assert relay.wait() == -9
    relay.start()
    all_sent(plain)
    eventually(lambda: plain.execute("SELECT min(sealed_as) FROM audit").fetchone() == (1,), what="sealing")
    assert set(taken(amqp_url)) == ids(plain)
    assert relay.stop() == 0


def test_what_nobody_takes_stays_unsent_and_holds_up_nobody(
    units: UnitOfWork, plain: Plain, start_relay: StartRelay, amqp_url: str
) -> None:
    emit(units, 3, queue="nobody.listens")
    emit(units, 5)
    relay = start_relay()
    relay.await_log("relay.refused", destination="nobody.listens", reason="returned")
    eventually(lambda: unsent(plain) == 3, what="sending the rest")
    emit(units, 5)
    eventually(lambda: broker.depth(amqp_url, QUEUE) == 10, what="sending on")
    relay.await_log("relay.refused", destination="nobody.listens", again_in=2.0)
    assert unsent(plain) == 3


def test_a_cut_from_the_broker_loses_nothing(
    units: UnitOfWork, plain: Plain, start_relay: StartRelay, amqp_url: str
) -> None:
    parts = urlsplit(amqp_url)
    cable = Cable(parts.hostname or "127.0.0.1", parts.port or 5672)
    netloc = f"{parts.username}:{parts.password}@127.0.0.1:{cable.port}"
    relay = start_relay(HUB_AMQP_URL=parts._replace(netloc=netloc).geturl())
    relay.await_log("relay.active")
    for _ in range(3):
        emit(units, 600)
        cable.cut()
        emit(units, 5)
        relay.await_log("relay.interrupted")
        cable.mend()
        all_sent(plain)
    eventually(lambda: broker.depth(amqp_url, QUEUE) >= 1815, what="arriving")
    assert set(taken(amqp_url)) == ids(plain)
    assert relay.stop() == 0
    cable.close()


def test_a_database_that_ends_its_connections_is_connected_to_again(
    units: UnitOfWork, plain: Plain, start_relay: StartRelay
) -> None:
    relay = start_relay()
    relay.await_log("relay.active")
    plain.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'hub relay toy'")
    relay.await_log("relay.interrupted")
    emit(units, 5)
    all_sent(plain)


def test_one_relay_is_active_and_another_takes_over(
    units: UnitOfWork, plain: Plain, start_relay: StartRelay, amqp_url: str
) -> None:
    first = start_relay("relay-1")
    first.await_log("relay.active")
    second = start_relay("relay-2")
    second.await_log("process.ready")
    emit(units, 50)
    all_sent(plain)
    assert not [entry for entry in second.log if entry.get("event") == "relay.active"]
    first.kill()
    second.await_log("relay.active")
    emit(units, 50)
    all_sent(plain)
    assert taken(amqp_url) == Counter(dict.fromkeys(ids(plain), 1))
    assert second.stop() == 0


def test_a_relay_takes_no_more_bytes_than_its_window_but_always_one(
    units: UnitOfWork, plain: Plain, start_relay: StartRelay, amqp_url: str
) -> None:
    emit(units, 30)
    start_relay(HUB_RELAY_WINDOW_BYTES="10")
    all_sent(plain)
    assert sum(taken(amqp_url).values()) == 30


def test_retention_deletes_what_is_sent_and_old_and_nothing_else(units: UnitOfWork, plain: Plain) -> None:
    emit(units, 3)
    plain.execute("UPDATE outbox SET sent_at = now() - interval '15 days' WHERE id = (SELECT min(id) FROM outbox)")
    plain.execute("UPDATE outbox SET created_at = now() - interval '90 days'")
    plain.execute(
        "INSERT INTO inbox (queue, message_id, received_at)"
        " SELECT 'q', gen_random_uuid(), now() - days * interval '1 day' FROM (VALUES (29), (31)) AS age (days)"
    )
    assert delete_old(plain, RelaySettings()) == {"outbox": 1, "inbox": 1}
    assert unsent(plain) == 2
    assert delete_old(plain, RelaySettings()) == {"outbox": 0, "inbox": 0}


def test_settings_are_read_from_the_environment() -> None:
    settings = RelaySettings.read({"HUB_RELAY_WINDOW_MESSAGES": "7", "HUB_RELAY_OUTBOX_DAYS": "1.5"})
    assert (settings.window_messages, settings.outbox_days) == (7, 1.5)
    assert settings.inbox_days == 30


def test_a_sleeping_relay_is_woken_by_the_commit_of_what_it_is_to_send(
    units: UnitOfWork, plain: Plain, start_relay: StartRelay
) -> None:
    relay = start_relay(HUB_RELAY_ASLEEP_SECONDS="600")
    for _ in range(3):
        eventually(lambda: asleep(plain), what="the relay's sleep")
        emit(units, 2)
        all_sent(plain)
    assert relay.stop() == 0


def test_a_relay_does_not_lie_down_while_somebody_writes(
    units: UnitOfWork, plain: Plain, start_relay: StartRelay
) -> None:
    start_relay(HUB_RELAY_ASLEEP_SECONDS="600")
    eventually(lambda: asleep(plain), what="the relay's sleep")
    with units() as unit:
        unit.emit(failed(0))
        unit.flush()
        emit(units, 1)  # wakes it; it sends this one and would sleep again
        eventually(lambda: not asleep(plain) and unsent(plain) == 0, what="sending what is committed")
    all_sent(plain)


def asleep(plain: Plain) -> bool:
    """Tell whether a relay of this database holds the lock of the sleeping."""
    row = plain.execute(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock' AND granted "
        "AND objid = hashtext('hub.relay.asleep')::bigint & 4294967295 "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    ).fetchone()
    return bool(row and row[0])
