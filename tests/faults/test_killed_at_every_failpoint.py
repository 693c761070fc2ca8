"""SIGKILL at every failpoint in every process that reaches it, under load: zero lost, zero doubled."""

from __future__ import annotations

import pytest

from shared.failpoints import FAILPOINTS
from tests.faults.conftest import Rig

WORKERS = ["submissions-worker", "approval", "indicators-worker", "integration-worker", "notifications"]
ASKED = ["submissions-rpc", "approval"]

PLACES: dict[str, list[str]] = {
    "unit.before_commit": [*WORKERS, "submissions-rpc"],
    "unit.after_commit": [*WORKERS, "submissions-rpc"],
    "handler.before_ack": WORKERS,
    "handler.after_ack": WORKERS,
    "rpc.before_reply": [*ASKED, "indicators-rpc", "accounts"],
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
"""Where each failpoint is reached by ordinary load. One is not among them: `handler.before_retry_publish` needs a
failing message and has a test of its own below."""


def test_every_failpoint_has_a_place() -> None:
    assert PLACES.keys() | {"handler.before_retry_publish"} == FAILPOINTS.keys()


@pytest.mark.parametrize("failpoint", PLACES)
def test_killed_at(rig: Rig, failpoint: str) -> None:
    before = {process: rig.installation.supervisor.pid(process) for process in PLACES[failpoint]}
    for process in PLACES[failpoint]:
        rig.arm(process, failpoint)
    for _ in range(4):
        rig.client.run(rig.journeys(3), workers=3)
        if not rig.armed():
            break
    assert rig.armed() == set(), "never reached"
    for process, pid in before.items():
        rig.restarted(process, pid)
    rig.check()


def test_every_failpoint_was_hit(rig: Rig) -> None:
    expected = {f"{process}.{failpoint}" for failpoint, processes in PLACES.items() for process in processes}
    assert expected <= rig.hits()
