"""The topology is frozen: a renamed queue orphans the messages that lie in it."""

from __future__ import annotations

import json
from pathlib import Path

from shared import asyncapi, topology
from shared.contracts.events import EVENTS

SNAPSHOT = Path(__file__).with_name("topology.json")


def as_data() -> dict[str, object]:
    return {
        "exchanges": {exchange.name: exchange.kind for exchange in topology.EXCHANGES},
        "queues": {
            queue.name: {"arguments": dict(queue.arguments), "bindings": [list(binding) for binding in queue.bindings]}
            for queue in topology.QUEUES
        },
    }


def test_topology_is_the_one_that_was_agreed() -> None:
    """To change it on purpose: write `as_data()` into topology.json, and say in the changelog what becomes of messages
    that lie in a queue that goes."""
    assert as_data() == json.loads(SNAPSHOT.read_text(encoding="utf-8"))


def test_every_event_has_a_reader_and_every_reader_an_event() -> None:
    assert set(topology.CONSUMERS) == {event.event for event in EVENTS}
    assert all(topology.CONSUMERS.values())


def test_every_work_queue_has_its_dead_letters() -> None:
    names = {queue.name for queue in topology.QUEUES}
    for queue in topology.WORK_QUEUES:
        assert queue.arguments["x-dead-letter-routing-key"] == f"{queue.name}.dead"
        assert f"{queue.name}.dead" in names
    assert len(topology.dead_queues()) == len(topology.WORK_QUEUES)


def test_a_delay_returns_a_message_to_the_queue_it_names() -> None:
    delays = [queue for queue in topology.QUEUES if queue.name.startswith("hub.delay.")]
    assert [queue.arguments["x-message-ttl"] for queue in delays] == [1_000, 10_000, 60_000, 600_000]
    for queue in delays:
        assert queue.arguments["x-dead-letter-exchange"] == ""
        assert "x-dead-letter-routing-key" not in queue.arguments


def test_delays_grow_and_then_stay() -> None:
    waits = [topology.delay_for(attempt) for attempt in range(1, 7)]
    assert waits == [f"hub.delay.{seconds}s" for seconds in (1, 10, 60, 600, 600, 600)]


def test_a_services_queues_are_named_by_service_and_event() -> None:
    assert topology.queues_of("approval") == ["approval.submission_submitted"]
    assert set(topology.queues_of("notifications")) == {
        "notifications.submission_returned",
        "notifications.submission_approved",
        "notifications.delivery_failed",
        "notifications.proposal_moved",
        "notifications.obligations_announced",
        "notifications.reconciliation_finished",
        "notifications.security_server_announced",
        "notifications.source_differed",
        "notifications.partner_holds_newer",
    }


def test_asyncapi_document_is_current() -> None:
    assert (asyncapi.DOCS / "asyncapi.json").read_text(encoding="utf-8") == asyncapi.text(), (
        "run: python -m shared.asyncapi"
    )


def test_events_page_is_current() -> None:
    page = (asyncapi.DOCS / "events.md").read_text(encoding="utf-8")
    assert page == asyncapi.with_tables(page), "run: python -m shared.asyncapi"


def test_every_reference_in_the_asyncapi_document_leads_somewhere() -> None:
    document = asyncapi.document()

    def walk(node: object) -> None:
        if isinstance(node, dict):
            reference = node.get("$ref")
            if isinstance(reference, str):
                target: object = document
                for part in reference.removeprefix("#/").split("/"):
                    assert isinstance(target, dict)
                    target = target[part]
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(document)
