"""The worker as a real process: events in from the broker, packets out, killed between any two steps."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pika
import pytest
from sqlalchemy import Engine, text

from services.integration.service import IntegrationService
from services.integration.settings import IntegrationSettings
from services.integration.storage import partners as partner_rows
from shared.envelope import headers_of, new_message_id
from shared.storage import UnitOfWork
from tests.conftest import Services
from tests.service.integration.conftest import ACTOR, emitted, partners, recorded, states, store
from tests.service.integration.test_pulls import SOURCE


def publish(url: str, exchange: str, key: str, body: bytes, headers: dict[str, object]) -> None:
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.basic_publish(
            exchange, key, body, pika.BasicProperties(headers=headers, delivery_mode=2), mandatory=True
        )


def record(url: str, version: int, **values: Any) -> None:
    event = recorded("GD-NAM", version, **values)
    head = headers_of(event, message_id=str(new_message_id()), correlation_id="c", at=datetime.now(UTC))
    publish(url, "hub.events", event.event, msgspec.json.encode(event), head)


def await_states(engine: Engine, partner: str, wanted: list[str]) -> None:
    deadline = time.monotonic() + 30
    while states(engine, partner) != wanted:
        assert time.monotonic() < deadline, states(engine, partner)
        time.sleep(0.05)


@pytest.fixture
def environment(settings: IntegrationSettings, tmp_path: Path) -> dict[str, Any]:
    return {
        "HUB_SECRETS_DIR": str(settings.secrets),
        "HUB_FAILPOINTS_DIR": str(tmp_path / "failpoints"),
        "HUB_INTEGRATION_TIMEOUT_SECONDS": "2",
        "HUB_INTEGRATION_RECONCILE_EVERY_SECONDS": "0",
        "HUB_INTEGRATION_SCRUB_EVERY_SECONDS": "0",
        "HUB_PROCESS_NAME": "integration-worker",
    }


def test_worker_killed_at_each_step_of_a_delivery_applies_it_once(
    unit: UnitOfWork,
    engine: Engine,
    far: httpx.Client,
    amqp_url: str,
    run_service: Services,
    environment: dict[str, Any],
) -> None:
    armed = Path(environment["HUB_FAILPOINTS_DIR"], "armed")
    armed.mkdir(parents=True)
    process = run_service("integration", "worker", **environment)
    steps = ("delivery.before_send", "delivery.after_send", "delivery.before_record", "log.written",
             "delivery.after_record")  # fmt: skip
    for version, step in enumerate(steps, start=1):
        (armed / f"integration-worker.{step}").touch()
        record(amqp_url, version, GD01=str(version))
        assert process.process.wait(30) == -9
        process.start()
        await_states(engine, "quoc-gia", ["acknowledged"] * version)
        await_states(engine, "bo-nganh", ["acknowledged"] * version)
    assert store(far)["GD-NAM", "2016"] in ({"GD01": "5"}, {"T12.GD01": "5"})
    journal = far.get("/control/journal").json()
    assert len({entry["message_id"] for entry in journal}) == len(journal) == 2 * len(steps)
    # The log tells of each packet that left how it ended, or, where its process died over it, that nobody knows.
    with engine.connect() as connection:
        told = connection.execute(
            text(
                "SELECT d.version, array_agg(DISTINCT m.outcome) AS outcomes FROM messages m "
                "JOIN deliveries d ON d.id = m.delivery WHERE m.kind = 'submit' GROUP BY d.version"
            )
        )
        outcomes = {steps[row.version - 1]: set(row.outcomes) for row in told}
    assert all("interrupted" in outcomes[step] for step in steps[:4])
    assert "answered" in outcomes["delivery.after_record"]


def test_dead_letters_are_collected(
    unit: UnitOfWork, engine: Engine, amqp_url: str, run_service: Services, environment: dict[str, Any]
) -> None:
    run_service("integration", "worker", **environment)
    publish(amqp_url, "", "integration.observations_recorded", b"nonsense", {"cloudEvents_id": str(new_message_id())})
    publish(amqp_url, "", "approval.submission_submitted.dead", b"{}", {"hub_error": "x: y"})
    deadline = time.monotonic() + 30
    queues: list[str] = []
    while len(queues) < 2:
        assert time.monotonic() < deadline, queues
        time.sleep(0.05)
        with engine.connect() as connection:
            queues = [row.queue for row in connection.execute(text("SELECT queue FROM dead_letters ORDER BY queue"))]
    assert queues == ["approval.submission_submitted", "integration.observations_recorded"]


def test_worker_killed_at_each_step_of_a_pull_pushes_every_change_once(
    unit: UnitOfWork,
    engine: Engine,
    far: httpx.Client,
    address: str,
    run_service: Services,
    environment: dict[str, Any],
) -> None:
    armed = Path(environment["HUB_FAILPOINTS_DIR"], "armed")
    armed.mkdir(parents=True)
    [source] = [item for item in partners(address) if item.id == "bo-nganh"]
    with unit() as opened:
        partner_rows.save(opened.connection, replace(source, forms=(), source=SOURCE))
    far.delete("/control/source")
    process = run_service("integration", "worker", **environment)
    service = IntegrationService()
    service.unit = unit
    for value, step in enumerate(("after_page", "before_commit", "after_commit"), start=1):
        rows = [{"unit": "12", "period": "2016-01", "indicator": f"MT0{n}", "value": value} for n in range(5)]
        far.post("/control/source/rows", json=rows).raise_for_status()
        (armed / f"integration-worker.pull.{step}").touch()
        begun = service.pull(ACTOR, "bo-nganh")
        assert process.process.wait(90) == -9
        process.start()
        deadline = time.monotonic() + 120
        while (found := service.read_pull(ACTOR, begun.id).pull).finished_at is None:
            assert time.monotonic() < deadline, found
            time.sleep(0.05)
        assert (found.state, found.new, found.pushes) == ("succeeded", 5, 1)
    pushes = emitted(engine, "push_accepted")
    assert [{item["value"] for item in push["body"]["figures"]} for push in pushes] == [{1}, {2}, {3}]
    assert len({push["receipt_id"] for push in pushes}) == 3
