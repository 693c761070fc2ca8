"""SIGKILL at every failpoint in every process that reaches it, under load: zero lost, zero doubled."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from shared.contracts.events import CatalogueChanged
from shared.failpoints import FAILPOINTS
from shared.testing import broker
from shared.topology import WORK_QUEUES
from tests.faults.conftest import Rig, wait_until
from tests.faults.test_partners_of_every_kind import BACKFILLING
from tests.faults.test_pulls_killed import PULLING

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
    "log.sealed": ["relay"],
    "gateway.before_publish": ["gateway"],
    "gateway.after_confirm": ["gateway"],
    "delivery.before_send": ["integration-worker"],
    "delivery.after_send": ["integration-worker"],
    "delivery.before_record": ["integration-worker"],
    "log.written": ["integration-worker"],
    "delivery.after_record": ["integration-worker"],
}
"""Where each failpoint is reached by ordinary load."""

RECONCILING = [name for name in FAILPOINTS if name.startswith("reconciliation.")]
"""Reached by the integration worker when a partner's store was damaged."""

LETTING_GO = {"letters.before_commit", "letters.after_commit"}
"""Reached by jobs over dead letters: tests/service/integration/test_dead_letters.py kills the worker there."""

FAILING = "handler.before_retry_publish"
"""Reached only by a message that cannot be handled."""


def test_every_failpoint_has_a_place() -> None:
    assert PLACES.keys() | {FAILING, *RECONCILING, *PULLING, *LETTING_GO, *BACKFILLING} == FAILPOINTS.keys()


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


@pytest.mark.parametrize("failpoint", RECONCILING)
def test_killed_while_reconciling_at(rig: Rig, failpoint: str) -> None:
    rig.client.run(rig.journeys(6), workers=4)
    rig.check()
    address, operator = rig.stores.far_sides["quoc-gia"], rig.system("van-hanh")
    kept = next(item for item in httpx.get(f"{address}/control/store", timeout=10).json() if len(item["values"]) > 2)
    place = {name: kept[name] for name in ("form", "unit", "period")}
    lost, changed, *_ = kept["values"]
    damage = [
        {"action": "lose", "indicator": lost},
        {"action": "change", "indicator": changed, "value": "-7.25"},
        {"action": "add", "indicator": "T12.LA", "value": "1"},
    ]
    for item in damage:
        httpx.post(f"{address}/control/values", json=item | place, timeout=10).raise_for_status()
    before = rig.installation.supervisor.pid("integration-worker")
    rig.arm("integration-worker", failpoint)
    started = operator.ask("POST", "/v1/reconciliations", json={"partner": "quoc-gia", "repair": True}).json()

    def report() -> dict[str, Any]:
        found: dict[str, Any] = operator.ask("GET", f"/v1/reconciliations/{started['id']}").json()
        return found

    wait_until(lambda: report()["finished_at"], "the end of the reconciliation")
    rig.restarted("integration-worker", before)
    assert rig.armed() == set(), "never reached"
    ended = report()
    kinds = {item["indicator"].removeprefix("T12."): (item["kind"], item["state"]) for item in ended["differences"]}
    assert kinds == {
        lost.removeprefix("T12."): ("missing_there", "repaired"),
        changed.removeprefix("T12."): ("value", "repaired"),
        "LA": ("mapping_gap", "repaired"),
    }
    assert (ended["state"], ended["equal"]) == ("repaired", True)
    repairs = rig.stores.rows(
        "integration", "select state from deliveries where reconciliation = :id", id=int(started["id"])
    )
    assert [row["state"] for row in repairs] == ["acknowledged"], "one key is repaired once"
    known = rig.stores.rows("integration", "select distinct state from known_differences where indicator = 'LA'")
    assert [row["state"] for row in known] == ["repaired"]
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
    places = {**PLACES, FAILING: WORKERS} | {name: ["integration-worker"] for name in RECONCILING}
    expected = {f"{process}.{failpoint}" for failpoint, processes in places.items() for process in processes}
    assert expected <= rig.hits()
