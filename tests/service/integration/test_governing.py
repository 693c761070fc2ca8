"""A partner in trouble is left alone, one with limits is asked within them, and what waits is neither lost nor worn."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY
from sqlalchemy import Engine, text

from services.integration import checking
from services.integration.checking import Trial
from services.integration.domain.partners import Limits, Quiet
from services.integration.governing import Governed, HeldBack, Turns
from services.integration.puller import Puller
from services.integration.reconciling import Reconciler
from services.integration.sender import Sender
from services.integration.service import IntegrationService
from services.integration.settings import IntegrationSettings
from services.integration.storage import partners as partner_rows
from services.integration.worker import IntegrationWorker
from shared.contracts.views.integration import ReconciliationView
from shared.storage import UnitOfWork
from tests.service.integration.conftest import ACTOR, Record, recorded, states
from tests.service.integration.test_deliveries import applied, arm
from tests.service.integration.test_pulls import SOURCE

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


def row(engine: Engine, query: str, **given: Any) -> Any:
    with engine.connect() as connection:
        return connection.execute(text(query), given).one()


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
    assert REGISTRY.get_sample_value("hub_integration_scrub_corrections_total", {"partner": PARTNER}) == 0.0


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


def test_calls_that_take_long_leave_connections_to_everyone_else(engine: Engine, unit: UnitOfWork) -> None:
    """More slow calls at once than the pool has connections, each in its turn; and the process goes on working."""
    at_once = Limits(parallel=25)
    with ExitStack() as calls:
        for _ in range(at_once.parallel):
            assert calls.enter_context(Turns(unit, PARTNER).taken(at_once, lambda: True))
        assert not calls.enter_context(Turns(unit, PARTNER).taken(at_once, lambda: True)), "one more than it takes"
        with unit() as working:
            assert partner_rows.load(working.connection, PARTNER).id == PARTNER
    with Turns(unit, PARTNER).taken(at_once, lambda: True) as mine:
        assert mine, "the turns were not given back"


def test_a_packet_larger_than_the_partner_takes_is_told_to_a_person_and_not_sent(
    far: httpx.Client, record: Record, start: Start, engine: Engine, unit: UnitOfWork
) -> None:
    limit(unit, batch=1)
    record(recorded("GD-NAM", 1, GD01="7", GD02="8"))
    sender = start()
    until(sender, lambda: states(engine, PARTNER) == ["rejected"])
    assert "2 figures" in row(engine, "SELECT error FROM deliveries WHERE partner = 'bo-nganh'")[0]
    assert row(engine, "SELECT count(*) FROM messages")[0] == 0


# -- questions and pages -----------------------------------------------------------------------------------------------

Compare = Callable[..., ReconciliationView]


@pytest.fixture
def compare(unit: UnitOfWork, settings: IntegrationSettings, service: IntegrationService) -> Compare:
    """`compare(breaker_failures=2)` takes a comparison with the partner as far as it goes now, and reads it."""

    def run(**changed: Any) -> ReconciliationView:
        begun = service.reconcile(ACTOR, PARTNER, False)
        Reconciler(unit, replace(settings, **changed)).work()
        return service.read_reconciliation(ACTOR, begun.id)

    return run


@pytest.fixture
def check(unit: UnitOfWork, settings: IntegrationSettings) -> Callable[[], Trial]:
    """`check()` tries the partner as `hub partner check` does."""

    def run() -> Trial:
        with unit() as opened:
            partner = partner_rows.load(opened.connection, PARTNER)
        return checking.check(unit, partner, settings)

    return run


def count(engine: Engine) -> int:
    found: int = row(engine, "SELECT count(*) FROM messages")[0]
    return found


def break_open(unit: UnitOfWork, far: httpx.Client, compare: Compare) -> None:
    """Let questions fail until the breaker opens, for ten minutes."""
    arm(far, *["error"] * 2, operation="digests")
    found = compare(breaker_failures=2, breaker_seconds=600.0, breaker_cap_seconds=600.0)
    assert found.state == "failed" and "breaker" in (found.error or "")


def test_questions_that_fail_open_the_breaker_for_deliveries_and_one_that_is_answered_closes_it(
    far: httpx.Client,
    record: Record,
    start: Start,
    engine: Engine,
    unit: UnitOfWork,
    service: IntegrationService,
    compare: Compare,
) -> None:
    before = REGISTRY.get_sample_value("hub_integration_held_back_total", {"partner": PARTNER, "hold": "breaker"}) or 0
    break_open(unit, far, compare)
    asked = count(engine)
    assert asked == 2
    record(recorded("GD-NAM", 1, GD01="7"))
    assert start(breaker_failures=2, breaker_seconds=600.0).step() == 0
    assert compare().state == "failed"  # at once, and without a call
    worker = IntegrationWorker()
    worker.unit = unit
    worker.start_reconciliations()
    assert count(engine) == asked
    under_way = "SELECT count(*) FROM reconciliations WHERE finished_at IS NULL AND partner = :partner"
    assert row(engine, under_way, partner=PARTNER) == (0,)
    held = REGISTRY.get_sample_value("hub_integration_held_back_total", {"partner": PARTNER, "hold": "breaker"})
    assert held == before + 2
    calls = {"partner": PARTNER, "kind": "digests", "outcome": "failed"}
    assert (REGISTRY.get_sample_value("hub_integration_calls_total", calls) or 0) >= 2

    service.sync(ACTOR, PARTNER)  # the wait is over: the next question is the probe
    assert compare().state == "different"
    assert row(engine, "SELECT circuit, failures FROM partner_standings") == ("closed", 0)
    until(start(), lambda: settled(engine))


def test_a_probe_by_a_question_that_fails_doubles_the_wait(
    far: httpx.Client, engine: Engine, unit: UnitOfWork, service: IntegrationService, compare: Compare
) -> None:
    break_open(unit, far, compare)
    service.sync(ACTOR, PARTNER)
    arm(far, "error", operation="digests")
    assert compare(breaker_seconds=600.0, breaker_cap_seconds=9000.0).state == "failed"
    found = row(engine, "SELECT circuit, openings, extract(epoch FROM until - now()) > 1100 FROM partner_standings")
    assert found == ("open", 2, True)


def test_a_check_by_a_person_passes_the_open_breaker_and_closes_it_if_the_partner_answers(
    far: httpx.Client, engine: Engine, unit: UnitOfWork, check: Callable[[], Trial], compare: Compare
) -> None:
    break_open(unit, far, compare)
    arm(far, "error", operation="status")
    assert not check().passed
    assert row(engine, "SELECT circuit, openings FROM partner_standings") == ("open", 1)
    assert check().passed
    assert row(engine, "SELECT circuit, failures FROM partner_standings") == ("closed", 0)


def test_a_pause_that_a_question_meets_holds_everybody_and_the_comparison_waits_for_its_end(
    far: httpx.Client,
    record: Record,
    start: Start,
    engine: Engine,
    unit: UnitOfWork,
    service: IntegrationService,
    compare: Compare,
    check: Callable[[], Trial],
) -> None:
    arm(far, "unavailable", operation="digests", retry_after=600)
    found = compare(breaker_failures=100)
    assert (found.state, found.finished_at) == ("running", None)
    record(recorded("GD-NAM", 1, GD01="7"))
    assert start().step() == 0
    failed = [step for step in check().steps if step.passed is False]
    assert [step.step for step in failed] == ["authentication"] and "tạm ngừng" in failed[0].detail
    assert compare().state == "running" and count(engine) == 1
    service.sync(ACTOR, PARTNER)  # a person ends the pause
    assert compare().state == "different"


def test_questions_within_the_hours_budget_of_repeats(
    far: httpx.Client, engine: Engine, unit: UnitOfWork, compare: Compare
) -> None:
    limit(unit, repeats_per_hour=1)
    arm(far, *["error"] * 3, operation="digests")
    found = compare(breaker_failures=100)
    assert (found.state, count(engine)) == ("running", 2)
    assert row(engine, "SELECT repeats FROM partner_standings") == (1,)


def test_quiet_hours_that_begin_during_a_comparison_are_minded_by_the_next_question(
    far: httpx.Client, engine: Engine, unit: UnitOfWork, settings: IntegrationSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(unit, quiet=(Quiet(start="00:00", until="12:00"), Quiet(start="12:00", until="23:59")))
    with pytest.raises(HeldBack) as held, Governed(unit, PARTNER, settings).call("GET", "http://x", {}, b""):
        raise AssertionError("it was let out")
    assert held.value.hold == "quiet" and not held.value.lasts


def test_calls_of_all_who_call_a_partner_keep_its_rate_and_its_number_of_calls_at_once(
    unit: UnitOfWork, settings: IntegrationSettings
) -> None:
    limit(unit, calls_per_second=20.0, parallel=1)
    began: list[float] = []
    now, most = 0, 0
    guard = threading.Lock()

    def ask(times: int) -> None:
        nonlocal now, most
        caller = Governed(unit, PARTNER, settings)  # each as another process has it
        for _ in range(times):
            with caller.call("GET", "http://x", {}, b"") as made:
                with guard:
                    began.append(time.monotonic())
                    now += 1
                    most = max(most, now)
                time.sleep(0.01)
                made.answered(200, {}, b"")
                with guard:
                    now -= 1

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(ask, [3, 3, 3]))
    assert most == 1
    assert max(began) - min(began) >= 8 / 20.0 * 0.9


def test_a_pull_wears_no_try_out_while_the_breaker_is_open_and_may_be_the_probe(
    far: httpx.Client,
    engine: Engine,
    unit: UnitOfWork,
    settings: IntegrationSettings,
    service: IntegrationService,
    compare: Compare,
) -> None:
    far.delete("/control/source")
    with unit() as opened:
        partner = partner_rows.load(opened.connection, PARTNER)
        partner_rows.save(opened.connection, replace(partner, source=SOURCE))
    break_open(unit, far, compare)
    asked = count(engine)
    begun = service.pull(ACTOR, PARTNER)
    puller = Puller(unit, PARTNER, settings)
    assert not puller.step() and count(engine) == asked
    assert row(engine, "SELECT tries, pages FROM pull_runs") == (0, 0)
    service.sync(ACTOR, PARTNER)
    while puller.step():
        pass
    assert service.read_pull(ACTOR, begun.id).pull.state == "succeeded"
    assert row(engine, "SELECT circuit, failures FROM partner_standings") == ("closed", 0)
