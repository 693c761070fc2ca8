"""Broker and database restarted or away, messages doubled and reordered, gateway restarted: nothing lost or doubled."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable

import sqlalchemy as sa

from hub.ground.processes import SERVICES
from tests.faults.conftest import Rig, wait_until


def under_load(rig: Rig, hurt: Callable[[], None], journeys: int = 8) -> None:
    """Run journeys while `hurt` happens, then compare everything."""
    failures: list[BaseException] = []

    def drive() -> None:
        try:
            rig.client.run(rig.journeys(journeys), workers=3)
        except BaseException as error:
            failures.append(error)

    load = threading.Thread(target=drive)
    load.start()
    hurt()
    load.join(240)
    assert not load.is_alive(), "the load did not end"
    assert failures == []
    rig.check()


def test_broker_restarted(rig: Rig) -> None:
    under_load(rig, rig.broker.restart)


def test_broker_killed(rig: Rig) -> None:
    def hurt() -> None:
        rig.broker.kill()
        rig.broker.start()

    under_load(rig, hurt)


def test_broker_away_for_30_seconds(rig: Rig) -> None:
    def hurt() -> None:
        rig.broker.stop()
        began = time.monotonic()
        door = rig.stores.portal
        answer = door._once("GET", "/v1/units", {})
        assert answer is not None
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) >= 1
        assert time.monotonic() - began < 5, "an outage must be answered at once"
        threading.Event().wait(30)  # the outage itself is the event
        rig.broker.start()

    under_load(rig, hurt)


def test_database_restarted(rig: Rig) -> None:
    under_load(rig, rig.postgres.restart)


def test_database_killed(rig: Rig) -> None:
    def hurt() -> None:
        rig.postgres.kill()
        rig.postgres.start()

    under_load(rig, hurt)


def test_every_event_ever_sent_comes_again_in_any_order(rig: Rig) -> None:
    """Duplicates, delays and reordering at once: all outboxes are sent again, oldest rounds after the newest."""
    rig.client.run(rig.journeys(4), workers=2)
    rig.check()
    again = 0
    for service in SERVICES:
        with rig.stores.engines[service].begin() as connection:
            again += connection.execute(
                sa.text(
                    "with old as (delete from outbox where sent_at is not null returning message_id, event, schema, "
                    "subject, correlation_id, created_at, body, queue) "
                    "insert into outbox (message_id, event, schema, subject, correlation_id, created_at, body, queue) "
                    "select * from old order by random()"
                )
            ).rowcount
    assert again > 50

    def all_sent() -> bool:
        query = "select count(*) as n from outbox where sent_at is null"
        return all(rig.stores.rows(service, query)[0]["n"] == 0 for service in SERVICES)

    wait_until(all_sent, "all outboxes sent again", 120)
    rig.check()


def test_events_of_old_rounds_under_new_message_ids_change_nothing(rig: Rig) -> None:
    """Beyond the inbox: the same old facts told anew, as a healed neighbour would."""
    rig.client.run(rig.journeys(2), workers=2)
    rig.check()
    with rig.stores.engines["approval"].begin() as connection:
        connection.execute(
            sa.text(
                "insert into outbox (message_id, event, schema, subject, correlation_id, body, queue) "
                "select gen_random_uuid(), event, schema, subject, correlation_id, body, queue from outbox "
                "order by id desc"
            )
        )
    query = "select count(*) as n from outbox where sent_at is null"
    wait_until(lambda: rig.stores.rows("approval", query)[0]["n"] == 0, "sent")
    rig.check()


def test_a_key_is_good_for_one_push_across_gateway_restarts(rig: Rig) -> None:
    system = rig.client.system()
    [journey] = rig.journeys(1)
    rig.client._reopen_if_approved(journey)
    rig.client.journeys.append(journey)
    figures = [{"indicator": name, "value": value} for name, value in journey.values.items()]
    body = {"form": journey.form, "unit": journey.unit, "period": journey.period, "figures": figures}
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    first = system.ask("POST", "/v1/data", json=body, headers=headers).json()["receipt_id"]
    pid = rig.installation.supervisor.pid("gateway")
    rig.installation.supervisor.kill("gateway")
    rig.restarted("gateway", pid)
    second = system.ask("POST", "/v1/data", json=body, headers=headers).json()["receipt_id"]
    assert second == first
    rig.client._settled(system, first)
    other = {**body, "figures": figures[:1]}
    refused = system.ask("POST", "/v1/data", json=other, headers=headers, settle=(422,))
    assert refused.json()["code"] == "data.key_reused"
    journey.receipts[first] = dict(journey.values)
    rig.client.submit(journey)
    rig.client.approve(journey)
    rig.check()
