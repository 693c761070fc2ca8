"""SIGKILL at every failpoint in every process that reaches it, under load: zero lost, zero doubled."""

from __future__ import annotations

import pytest

from shared.contracts.events import CatalogueChanged
from shared.failpoints import FAILPOINTS
from shared.testing import broker
from shared.topology import WORK_QUEUES
from tests.faults.conftest import Rig, wait_until

WORKERS = ["submissions-worker", "approval", "indicators-worker", "integration-worker", "notifications"]
ASKED = ["submissions-rpc", "approval"]

PLACES: dict[str, list[str]] = {
    "unit.before_commit": [*WORKERS, "submissions-rpc"],
    "unit.after_commit": [*WORKERS, "submissions-rpc"],
    "handler.before_ack": WORKERS,
    "handler.after_ack": WORKERS,
    "rpc.before_reply": [*ASKED, "indicators-rpc", "integration-rpc", "notifications", "accounts"],
    "relay.before_publish": ["relay"],
    "relay.after_publish": ["relay"],
    "relay.before_mark": ["relay"],
    "relay.after_mark": ["relay"],
    "sealer.before_commit": ["relay"],
    "gateway.before_publish": ["gateway"],
    "gateway.after_confirm": ["gateway"],
    "delivery.before_send": ["integration-worker"],
    "delivery.after_send": ["integration-worker"],
    "delivery.before_record": ["integration-worker"],
    "delivery.after_record": ["integration-worker"],
}
"""Where each failpoint is reached by ordinary load."""

FAILING = "handler.before_retry_publish"
"""Reached only by a message that cannot be handled."""


def test_every_failpoint_has_a_place() -> None:
    assert PLACES.keys() | {FAILING} == FAILPOINTS.keys()


@pytest.mark.parametrize("failpoint", PLACES)
def test_killed_at(rig: Rig, failpoint: str) -> None:
    before = {process: rig.installation.supervisor.pid(process) for process in PLACES[failpoint]}
    for process in PLACES[failpoint]:
        rig.arm(process, failpoint)
    for _ in range(4):
        rig.client.run(rig.journeys(6), workers=4)
        if not rig.armed():
            break
    assert rig.armed() == set(), "never reached"
    for process, pid in before.items():
        rig.restarted(process, pid)
    rig.check()


def test_killed_before_an_unreadable_message_is_put_aside(rig: Rig) -> None:
    before = {process: rig.installation.supervisor.pid(process) for process in WORKERS}
    for process in WORKERS:
        rig.arm(process, FAILING)
    unread = {
        broker.publish(rig.broker.url, CatalogueChanged(version=0, entries=[]), queue=queue.name, body=b"not JSON")
        for queue in WORK_QUEUES
    }
    rig.client.run(rig.journeys(6), workers=4)
    for process, pid in before.items():
        rig.restarted(process, pid)
    operator = rig.system("van-hanh")

    def letters() -> list[dict[str, str]]:
        found: list[dict[str, str]] = operator.ask("GET", "/v1/dead-letters?state=dead").json()["dead_letters"]
        return found

    wait_until(lambda: len(letters()) == len(unread), "every unreadable message is kept, once")
    assert {letter["message_id"] for letter in letters()} == unread
    for letter in letters():
        operator.ask("POST", f"/v1/dead-letters/{letter['id']}/discard", json={"reason": "bản tin thử"})
    assert rig.armed() == set()
    rig.check()


def test_every_failpoint_was_hit(rig: Rig) -> None:
    places = {**PLACES, FAILING: WORKERS}
    expected = {f"{process}.{failpoint}" for failpoint, processes in places.items() for process in processes}
    assert expected <= rig.hits()
