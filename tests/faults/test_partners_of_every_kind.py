"""Partners of every kind at once, killed and misbehaved to: each holds everything, and each message is applied once."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from shared.failpoints import FAILPOINTS
from simulators.faults import KINDS
from simulators.security_server import FAULTS, Server
from tests.faults.conftest import Rig, wait_until
from tests.faults.load import Journey
from tests.faults.neighbours import PACKETS, ROAD_REST, ROAD_SOAP

WORKER = "integration-worker"
BACKFILLING = [name for name in FAILPOINTS if name.startswith("backfill.")]
ADDED = {"backfill.before_commit": "TM-NAM", "backfill.after_page": "VT-NAM"}
"""The form that partners are given in a backfill that is killed there."""

QUICK_TRIES = 3
"""How often one attempt may call (HUB_INTEGRATION_QUICK_TRIES)."""


def killed(rig: Rig, before: int) -> None:
    """Wait until the worker has died of what was armed, and runs again."""
    rig.restarted(WORKER, before)
    assert rig.armed() == set(), "never reached"


def of_partners(rig: Rig) -> list[Journey]:
    """Return journeys of the forms that the neighbours take."""
    return [item for item in rig.journeys(6) if item.form in {"GD-NAM", "YT-NAM", "NN-NAM"}]


def strike(rig: Rig, *faults: str) -> None:
    """Let the next hand-overs to those who know nothing of the hub go wrong."""
    for stranger in rig.around.strangers.values():
        stranger.spoil(*faults)


@pytest.mark.parametrize("failpoint", BACKFILLING)
def test_killed_while_what_partners_are_due_is_planned_anew_at(rig: Rig, failpoint: str) -> None:
    form = ADDED[failpoint]
    rig.client.run([item for item in rig.journeys(6) if item.form == form])
    rig.check()
    operator, before = rig.client.operator(), rig.installation.supervisor.pid(WORKER)
    rig.arm(WORKER, failpoint, unharmed=1)
    for partner in (PACKETS, ROAD_SOAP, ROAD_REST):
        document = rig.around.documents[partner]
        document["forms"] = [*document["forms"], form]
        operator.ask("PUT", f"/v1/partners/{partner}", json=document)
        rig.stores.forms_of_partner[partner].add(form)
    killed(rig, before)
    rig.check()
    open_ones = "select partner from backfills"
    wait_until(lambda: not rig.stores.rows("integration", open_ones), "all backfills done")


def test_whatever_partners_answer_each_message_is_applied_once(rig: Rig) -> None:
    """Every kind of every fault, at partners of every kind: at sending, and at asking what became of it."""
    faults = [{"kind": kind, "seconds": 0.5 if kind == "delay" else 3} for kind in KINDS if kind != "refuse"]
    for place, partner in enumerate((PACKETS, ROAD_SOAP, ROAD_REST)):
        turned = faults[place * 3 :] + faults[: place * 3]
        asked = {"kind": KINDS[1 + place], "operation": "status"}
        rig.far_fault(partner, *turned[:3], asked)
    strike(rig, "mat-tra-loi", "sai-tra-loi")
    rig.client.run([*of_partners(rig), *of_partners(rig), *of_partners(rig)], workers=4)
    rig.check()


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_the_platform_does_each_message_is_applied_once(rig: Rig, fault: str) -> None:
    platform: Server = rig.around.platform
    wrong: Any = True if fault == "forget_header" else "Server.ClientProxy.LoggingFailed.InternalError"
    passed = len(platform.passed)
    setattr(platform, fault, wrong)
    try:
        rig.client.run(of_partners(rig), workers=3)
        failed = (
            "select count(distinct d.partner) as n from attempts a join deliveries d on d.id = a.delivery "
            "where d.partner like 'truc-%' and d.state in ('in_doubt', 'waiting', 'planned') and a.outcome is not null"
        )
        wait_until(lambda: rig.stores.rows("integration", failed)[0]["n"] == 2, "both have failed")
    finally:
        setattr(platform, fault, False if fault == "forget_header" else None)
    assert fault == "fail" or len(platform.passed) > passed
    rig.check()


def test_killed_when_every_partner_has_applied_and_not_all_were_heard(rig: Rig) -> None:
    """The moment at which a hub without a ledger loses or doubles: all have it, and nobody knows."""
    supervisor, far_sides = rig.installation.supervisor, rig.stores.held_by
    rig.check()
    before = {partner: len(far.applied()) for partner, far in far_sides.items()}
    supervisor.stop_process(WORKER)  # all of them are called at once when it is back
    rig.client.run(of_partners(rig), workers=3)
    for partner in rig.stores.far_sides:
        rig.far_fault(partner, {"kind": "timeout_after", "seconds": 1.8, "times": 3})
    strike(rig, "mat-tra-loi")
    asked = "select coalesce(max(delivery), 0) as last from attempts"
    last = rig.stores.rows("integration", asked)[0]["last"]
    supervisor.start_process(WORKER)
    wait_until(lambda: all(len(far.applied()) > before[name] for name, far in far_sides.items()), "all have applied")
    pid = supervisor.pid(WORKER)
    supervisor.kill(WORKER)
    rig.restarted(WORKER, pid)
    rig.check()
    doubted = (
        "select distinct d.partner from attempts a join deliveries d on d.id = a.delivery "
        "where a.delivery > :last and a.action = 'ask' and a.outcome = 'applied'"
    )
    assert rig.stores.rows("integration", doubted, last=last), "all were heard before the worker died"


def test_killed_while_a_breaker_is_open(rig: Rig) -> None:
    """What a partner was spared before the death it is spared after it, and gets everything once it is well."""
    operator = rig.client.operator()

    def circuit() -> str:
        found = {item["id"]: item for item in operator.ask("GET", "/v1/partners").json()}
        return str(found[PACKETS]["standing"]["circuit"])

    def struck() -> int:
        told = httpx.get(f"{rig.stores.far_sides[PACKETS]}/control/faults", timeout=10).json()
        return int(told["struck"].get("unavailable", 0))

    def openings() -> int:
        stands = "select openings from partner_standings where partner = :partner and circuit <> 'closed'"
        return sum(row["openings"] for row in rig.stores.rows("integration", stands, partner=PACKETS))

    rig.far_fault(PACKETS, {"kind": "unavailable", "times": 1000, "retry_after": 0})
    rig.client.run(of_partners(rig), workers=3)
    wait_until(lambda: circuit() == "open", "the breaker opens")
    pid = rig.installation.supervisor.pid(WORKER)
    rig.installation.supervisor.kill(WORKER)
    rig.restarted(WORKER, pid)
    before = struck()
    opened = openings()
    assert opened > 0, "the breaker was forgotten"
    rig.client.run(of_partners(rig), workers=3)
    probes, called = openings() - opened + 1, struck() - before
    assert called <= probes * QUICK_TRIES, "a partner that is left alone was called again and again"
    rig.far_fault(PACKETS)
    operator.ask("POST", f"/v1/partners/{PACKETS}/sync")
    rig.check()
    assert circuit() == "closed"


def test_killed_between_a_release_and_what_it_sends(rig: Rig) -> None:
    """A partner that is sent to when somebody says so: said while both processes die, it is sent to once."""
    operator, document = rig.client.operator(), rig.around.documents[ROAD_REST]
    operator.ask("PUT", f"/v1/partners/{ROAD_REST}", json={**document, "timetable": {"when": "demand"}})
    journeys = of_partners(rig)
    rig.client.run(journeys, workers=3)
    planned = "select id from deliveries where partner = :partner and state = 'planned' and next_attempt_at is null"
    wanted = len({item.key for item in journeys if item.form in rig.stores.forms_of_partner[ROAD_REST]})
    wait_until(lambda: len(rig.stores.rows("integration", planned, partner=ROAD_REST)) == wanted, "all wait")
    pids = {name: rig.installation.supervisor.pid(name) for name in (WORKER, "integration-rpc")}
    rig.arm("integration-rpc", "unit.after_commit")
    rig.arm(WORKER, "delivery.after_send")
    operator.ask("POST", f"/v1/partners/{ROAD_REST}/sync")
    for name, pid in pids.items():
        rig.restarted(name, pid)
    operator.ask("PUT", f"/v1/partners/{ROAD_REST}", json=document)
    rig.check()
