"""A partner in trouble is left alone, one with limits is asked within them, and what waits is neither lost nor worn."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY
from sqlalchemy import Engine, text

from services.integration.domain.partners import Limits
from services.integration.sender import Sender
from services.integration.service import IntegrationService
from services.integration.settings import IntegrationSettings
from services.integration.storage import partners as partner_rows
from services.integration.worker import IntegrationWorker
from shared.storage import UnitOfWork
from tests.service.integration.conftest import ACTOR, Record, recorded, states
from tests.service.integration.test_deliveries import applied, arm

PARTNER = "bo-nganh"
Start = Callable[..., Sender]


@pytest.fixture
def start(unit: UnitOfWork, settings: IntegrationSettings) -> Iterator[Start]:
    """`start(breaker_failures=2, …)` gives a sender as a new process has it."""
    begun: list[Sender] = []

    def make(**changed: Any) -> Sender:
        changed = {
            "quick_tries": 1,
            "poll_seconds": 0.02,
            "backoff_seconds": 0.0,
            "senders": 1,
            "breaker_cap_seconds": 600.0,
        } | changed
        begun.append(Sender(unit, PARTNER, replace(settings, **changed)))
        return begun[-1]

    yield make
    for sender in begun:
        sender.stop()


def until(sender: Sender, done: Callable[[], bool], seconds: float = 15.0) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it never happened"
        if not sender.step():
            time.sleep(0.005)


def limit(unit: UnitOfWork, **limits: Any) -> None:
    with unit() as opened:
        partner = partner_rows.load(opened.connection, PARTNER)
        partner_rows.save(opened.connection, replace(partner, limits=Limits(**limits)))


def row(engine: Engine, query: str) -> Any:
    with engine.connect() as connection:
        return connection.execute(text(query)).one()


def years(record: Record, count: int) -> None:
    record(*(recorded("GD-NAM", 1, period=str(2001 + number), GD01="7") for number in range(count)))


def settled(engine: Engine) -> bool:
    return set(states(engine, PARTNER)) == {"acknowledged"}


def test_an_open_breaker_sends_nothing_and_wears_nothing_out_until_a_probe_closes_it(
    far: httpx.Client, record: Record, start: Start, engine: Engine, service: IntegrationService
) -> None:
    arm(far, *["unavailable"] * 3, retry_after=0)
    years(record, 6)
    sender = start(breaker_failures=2, breaker_seconds=600.0)
    until(sender, lambda: not sender.in_hand and row(engine, "SELECT count(*) FROM partner_standings")[0] == 1)
    assert tuple(row(engine, "SELECT circuit, failures, story FROM partner_standings"))[:2] == ("open", 2)
    assert tuple(row(engine, "SELECT count(*), sum(attempts) FROM deliveries WHERE partner = 'bo-nganh'")) == (6, 2)
    assert row(engine, "SELECT count(*) FROM attempts")[0] == 2

    again = start(breaker_failures=2, breaker_seconds=600.0)  # another process knows it, too
    assert [again.step() for _ in range(3)] == [0, 0, 0] and not again.in_hand
    assert row(engine, "SELECT count(*) FROM messages")[0] == 2

    service.sync(ACTOR, PARTNER)  # a person says "now": one probe goes out, and fails as well
    until(again, lambda: not again.in_hand and row(engine, "SELECT openings FROM partner_standings")[0] == 2)
    assert row(engine, "SELECT count(*) FROM messages")[0] == 3
    service.sync(ACTOR, PARTNER)
    until(again, lambda: settled(engine))
    assert row(engine, "SELECT circuit, failures FROM partner_standings") == ("closed", 0)
    assert applied(far) == 6
    told = "SELECT string_agg(action, ' ' ORDER BY id) FROM audit WHERE action LIKE 'partner.breaker%'"
    assert row(engine, told)[0] == "partner.breaker_opened partner.breaker_closed"


def test_a_pause_that_a_partner_asks_for_holds_all_of_its_queue(
    far: httpx.Client, record: Record, start: Start, engine: Engine
) -> None:
    arm(far, "unavailable", retry_after=600)
    years(record, 4)
    sender = start()
    until(sender, lambda: not sender.in_hand and row(engine, "SELECT count(*) FROM partner_standings")[0] == 1)
    left = row(engine, "SELECT extract(epoch FROM paused_until - now()) FROM partner_standings")[0]
    assert 500 < left <= 600
    assert sorted(states(engine, PARTNER)) == ["planned", "planned", "planned", "waiting"]
    assert sender.step() == 0


def test_when_the_budget_of_repeats_is_used_up_what_failed_waits_and_what_is_new_goes_out(
    far: httpx.Client, record: Record, start: Start, engine: Engine, unit: UnitOfWork, service: IntegrationService
) -> None:
    limit(unit, repeats_per_hour=1)
    arm(far, *["unavailable"] * 3, retry_after=0)
    years(record, 2)
    sender = start(breaker_failures=100)
    until(
        sender,
        lambda: row(engine, "SELECT coalesce(sum(attempts), 0) FROM deliveries WHERE partner = 'bo-nganh'")[0] == 3,
    )
    until(sender, lambda: not sender.in_hand)
    record(recorded("YT-NAM", 1, period="2016", YT01="7"))
    until(sender, lambda: "acknowledged" in states(engine, PARTNER))
    assert sorted(states(engine, PARTNER)) == ["acknowledged", "waiting", "waiting"]
    [shown] = [item for item in service.list_partners(ACTOR) if item.id == PARTNER]
    assert (shown.standing.repeats_left, shown.standing.hold) == (0, "budget")
    worker = IntegrationWorker()
    worker.unit = unit
    worker.measure()
    measured = {
        name: REGISTRY.get_sample_value(f"hub_integration_{name}", {"partner": PARTNER})
        for name in ("repeats_left", "breaker", "paused_seconds")
    }
    assert measured == {"repeats_left": 0.0, "breaker": 0.0, "paused_seconds": 0.0}
    assert REGISTRY.get_sample_value("hub_integration_messages_unsealed") == 4.0
    assert REGISTRY.get_sample_value("hub_integration_open_differences", {"partner": PARTNER, "kind": "value"}) == 0.0


def test_a_rate_is_kept_and_one_process_sends_at_a_time(
    far: httpx.Client, record: Record, start: Start, engine: Engine, unit: UnitOfWork
) -> None:
    limit(unit, calls_per_second=20.0, parallel=1)
    years(record, 7)
    sender, other = start(process="a"), start(process="b")
    until(sender, lambda: sender.in_hand > 0)
    assert other.step() == 0 and not other.in_hand
    until(sender, lambda: settled(engine))
    times = row(engine, "SELECT count(*), extract(epoch FROM max(at) - min(at))::float FROM messages")
    assert times[0] == 7 and times[1] >= 6 / 20.0 * 0.9


def test_a_packet_larger_than_the_partner_takes_is_told_to_a_person_and_not_sent(
    far: httpx.Client, record: Record, start: Start, engine: Engine, unit: UnitOfWork
) -> None:
    limit(unit, batch=1)
    record(recorded("GD-NAM", 1, GD01="7", GD02="8"))
    sender = start()
    until(sender, lambda: states(engine, PARTNER) == ["rejected"])
    assert "2 figures" in row(engine, "SELECT error FROM deliveries WHERE partner = 'bo-nganh'")[0]
    assert row(engine, "SELECT count(*) FROM messages")[0] == 0
