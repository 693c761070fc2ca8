"""Deliveries against the real far side, over both protocols, under each of its faults."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy import Engine, text

from services.integration.domain.delivery import State, Step
from services.integration.sender import Sender
from services.integration.service import IntegrationService
from services.integration.settings import AHEAD, IntegrationSettings
from services.integration.storage import deliveries
from shared.contracts.actor import Actor
from shared.contracts.events import Observation
from shared.errors import Conflict, Invalid, Unavailable
from shared.storage import Unit, UnitOfWork
from tests.service.integration.conftest import ACTOR, Record, Work, emitted, recorded, states, store

PREFIX = {"quoc-gia": "T12.", "bo-nganh": ""}
BOTH = pytest.mark.parametrize("partner", ["quoc-gia", "bo-nganh"])


def arm(far: httpx.Client, *kinds: str, **more: Any) -> None:
    far.post("/control/faults", json=[{"kind": kind, **more} for kind in kinds]).raise_for_status()


def applied(far: httpx.Client) -> int:
    return sum(entry["state"] == "applied" for entry in far.get("/control/journal").json())


@BOTH
def test_recorded_content_arrives_under_the_partners_codes(
    partner: str, far: httpx.Client, record: Record, work: Work, engine: Engine
) -> None:
    record(recorded("GD-NAM", 1, GD01="3507.6", GD02=None))
    work(partner)
    assert states(engine, partner) == ["acknowledged"]
    prefix = PREFIX[partner]
    assert store(far) == {("GD-NAM", "2016"): {f"{prefix}GD01": "3507.6", f"{prefix}GD02": None}}
    assert far.get("/control/store").json()[0]["unit"] == "12"
    with engine.connect() as connection:
        lanes = connection.execute(
            text(
                "SELECT expected_version = acknowledged_version AND expected_count = acknowledged_count "
                "AND expected_l0 = acknowledged_l0 AND expected_l7 = acknowledged_l7 FROM holdings "
                "WHERE partner = :partner"
            ),
            {"partner": partner},
        ).scalar_one()
        left = connection.execute(
            text("SELECT count(*) FROM ledger WHERE partner = :p AND expected_hash IS DISTINCT FROM acknowledged_hash"),
            {"p": partner},
        ).scalar_one()
    assert lanes and left == 0


def test_values_in_several_parts_are_taken_in_once_all_are_there_in_any_order(
    far: httpx.Client, record: Record, work: Work
) -> None:
    whole = recorded("GD-NAM", 1, GD01="1", GD02="2", GD03="3")
    first, second = (
        msgspec.structs.replace(whole, index=index, total=2, observations=part)
        for index, part in enumerate([whole.observations[:2], whole.observations[2:]])
    )
    assert (record(second), record(first), record(second)) == (0, 1, 0)
    work("bo-nganh")
    assert store(far) == {("GD-NAM", "2016"): {"GD01": "1", "GD02": "2", "GD03": "3"}}


def test_values_that_are_not_those_recorded_are_refused_and_change_nothing(record: Record, engine: Engine) -> None:
    event = recorded("GD-NAM", 1, GD01="1")
    with pytest.raises(Invalid, match="content_differs"):
        record(msgspec.structs.replace(event, observations=[Observation("GD01", "2")]))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM contents")).scalar_one() == 0
    assert states(engine, "bo-nganh") == []
    assert record(event) == 1


@BOTH
@pytest.mark.parametrize(
    "fault",
    ["timeout_after", "timeout_before", "malformed", "error", "soap_fault", "unavailable", "apply_late", "delay"],
)
def test_each_fault_ends_in_exactly_one_application(
    fault: str, partner: str, far: httpx.Client, record: Record, work: Work, engine: Engine
) -> None:
    arm(far, fault, seconds=0.8, retry_after=0)
    record(recorded("GD-NAM", 1, GD01="7"))
    work(partner)
    assert states(engine, partner) == ["acknowledged"]
    assert applied(far) == 1
    assert store(far) == {("GD-NAM", "2016"): {f"{PREFIX[partner]}GD01": "7"}}


@BOTH
def test_refused_content_is_rejected_and_told(
    partner: str, far: httpx.Client, record: Record, work: Work, engine: Engine
) -> None:
    arm(far, "refuse")
    record(recorded("GD-NAM", 1, GD01="7"))
    work(partner)
    assert states(engine, partner) == ["rejected"]
    (told,) = emitted(engine, "delivery_failed")
    assert told["partner"] == partner and told["state"] == "rejected" and "packet.refused" in told["error"]


def test_attempts_end_and_a_person_is_told(far: httpx.Client, record: Record, work: Work, engine: Engine) -> None:
    arm(far, "unavailable", times=100, retry_after=0)
    record(recorded("GD-NAM", 1, GD01="7"))
    work("bo-nganh")
    assert states(engine, "bo-nganh") == ["dead"]
    assert emitted(engine, "delivery_failed")[0]["attempts"] == 5


@BOTH
def test_many_at_once_each_get_their_own_outcome(
    partner: str, far: httpx.Client, record: Record, work: Work, engine: Engine
) -> None:
    arm(far, "refuse", "timeout_after", "unavailable", "error", seconds=0.8, retry_after=0)
    years = [str(year) for year in range(1985, 2025)]
    record(*[recorded("GD-NAM", 1, period=year, GD01=year) for year in years])
    work(partner)
    assert sorted(states(engine, partner)) == ["acknowledged"] * 39 + ["rejected"]
    assert applied(far) == 39
    held = store(far)
    assert len(held) == 39 and all(list(values.values()) == [year] for (_, year), values in held.items())


def test_a_stopped_sender_gives_back_what_it_has_not_sent(
    far: httpx.Client, record: Record, unit: UnitOfWork, settings: IntegrationSettings, engine: Engine
) -> None:
    record(*[recorded("GD-NAM", 1, period=str(year), GD01="1") for year in range(2000, 2020)])
    sender = Sender(unit, "bo-nganh", settings)
    assert sender.step() == sender.in_hand == AHEAD
    sender.stop()
    assert set(states(engine, "bo-nganh")) == {"planned"}  # as if it had never been claimed: no attempt is used up
    assert applied(far) == 0


def test_what_ended_while_the_database_was_away_is_recorded_later(
    far: httpx.Client, record: Record, unit: UnitOfWork, settings: IntegrationSettings, engine: Engine
) -> None:
    record(recorded("GD-NAM", 1, GD01="1"))
    away = False

    class Shaky(UnitOfWork):
        def __call__(self, actor: Actor | None = None) -> AbstractContextManager[Unit]:
            if away:
                raise Unavailable("storage.unavailable", "as the test wishes")
            return unit(actor)

    sender = Sender(Shaky(), "bo-nganh", settings)
    sender.step()
    away = True
    with pytest.raises(Unavailable):
        sender.step()
    away = False
    assert (sender.step(), sender.in_hand) == (1, 0)
    sender.close()
    assert states(engine, "bo-nganh") == ["acknowledged"]
    assert applied(far) == 1


def test_one_that_cannot_be_recorded_holds_nobody_up(
    far: httpx.Client, record: Record, unit: UnitOfWork, settings: IntegrationSettings, engine: Engine
) -> None:
    record(*[recorded("GD-NAM", 1, period=str(year), GD01="1") for year in (2001, 2002, 2003)])
    with engine.begin() as connection:
        connection.exec_driver_sql(_POISON)
    sender = Sender(unit, "bo-nganh", settings)
    while sender.step() or sender.in_hand:
        pass
    sender.close()
    assert states(engine, "bo-nganh") == ["sending", "acknowledged", "acknowledged"]
    assert applied(far) == 3


_POISON = """
CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'not this one'; END $$;
CREATE TRIGGER poison BEFORE UPDATE ON attempts FOR EACH ROW WHEN (NEW.delivery = 1) EXECUTE FUNCTION poison()
"""


def test_newer_version_overtakes_the_unsent_one(far: httpx.Client, record: Record, work: Work, engine: Engine) -> None:
    record(recorded("GD-NAM", 1, GD01="7", GD02="8"))
    record(recorded("GD-NAM", 2, GD01="9"))
    assert record(recorded("GD-NAM", 1, GD01="7", GD02="8")) == 0
    work("bo-nganh")
    assert states(engine, "bo-nganh") == ["superseded", "acknowledged"]
    assert store(far) == {("GD-NAM", "2016"): {"GD01": "9"}}


def test_removed_value_leaves_partner_and_ledger(far: httpx.Client, record: Record, work: Work, engine: Engine) -> None:
    record(recorded("GD-NAM", 1, GD01="7", GD02="8"))
    work("bo-nganh")
    record(recorded("GD-NAM", 2, GD01="7"))
    work("bo-nganh")
    assert store(far) == {("GD-NAM", "2016"): {"GD01": "7"}}
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT indicator, expected_version FROM ledger WHERE partner = 'bo-nganh'"))
        assert [tuple(row) for row in rows] == [("GD01", 1)]


def test_newer_version_is_acknowledged_while_the_older_is_in_doubt(
    far: httpx.Client, record: Record, work: Work, engine: Engine
) -> None:
    arm(far, "timeout_after", seconds=0.8)
    record(recorded("GD-NAM", 1, GD01="7"))
    work("bo-nganh", until="in_doubt")
    record(recorded("GD-NAM", 2, GD01="8"))
    work("bo-nganh")
    assert states(engine, "bo-nganh") == ["acknowledged", "acknowledged"]
    assert store(far) == {("GD-NAM", "2016"): {"GD01": "8"}}
    with engine.connect() as connection:
        found = connection.execute(
            text("SELECT acknowledged_value, acknowledged_version FROM ledger WHERE partner = 'bo-nganh'")
        ).one()
    assert tuple(found) == ("8", 2)


def test_what_a_dead_process_was_sending_is_asked_about(
    far: httpx.Client, record: Record, work: Work, engine: Engine, unit: UnitOfWork
) -> None:
    record(recorded("GD-NAM", 1, GD01="7"))
    with unit() as opened:
        [(claimed, _)] = deliveries.claim(opened.connection, "bo-nganh", 8)
        begun = [(claimed, "send", b'[["GD01","GD01","7","official"]]')]
        deliveries.start(opened.connection, begun, process="gone", lease_seconds=60.0, at=opened.now)
    assert states(engine, "bo-nganh") == ["sending"]
    with unit() as opened:
        assert deliveries.orphaned(opened.connection, "gone") == [claimed.id]
    work("bo-nganh")
    assert states(engine, "bo-nganh") == ["acknowledged"]
    assert applied(far) == 1


def test_forms_and_levels_a_partner_does_not_take_are_not_delivered(record: Record, engine: Engine) -> None:
    record(recorded("DS-NAM", 1, DS01="400000"))
    assert states(engine, "bo-nganh") == []
    assert states(engine, "quoc-gia") == ["planned"]


def test_sync_makes_waiting_deliveries_due(
    far: httpx.Client, record: Record, work: Work, engine: Engine, service: IntegrationService
) -> None:
    arm(far, "soap_fault")
    record(recorded("GD-NAM", 1, GD01="7"))
    work("quoc-gia", until="waiting")
    assert service.sync(ACTOR, "quoc-gia") == 1
    work("quoc-gia")
    page = service.list_deliveries(ACTOR, partner="quoc-gia")
    detail = service.read_delivery(ACTOR, page.deliveries[0].id)
    assert [attempt.outcome for attempt in detail.attempts] == ["send: not_applied", "send: applied"]
    (national,) = [partner for partner in service.list_partners(ACTOR) if partner.id == "quoc-gia"]
    assert national.deliveries == {"acknowledged": 1}


def test_a_person_says_how_a_delivery_in_doubt_ended_and_nothing_newer_leaves_before(
    far: httpx.Client, record: Record, unit: UnitOfWork, engine: Engine, service: IntegrationService
) -> None:
    record(recorded("GD-NAM", 1, GD01="7"))
    with unit() as opened:
        [(claimed, _)] = deliveries.claim(opened.connection, "bo-nganh", 8)
        begun = [(claimed, "ask", b'[["GD01","GD01","7","official"]]')]
        deliveries.start(opened.connection, begun, process="other", lease_seconds=60.0, at=opened.now)
    with pytest.raises(Conflict, match="being_asked"):
        service.settle_delivery(ACTOR, str(claimed.id), True, "their log shows it")
    with unit() as opened:
        deliveries.settle(opened.connection, {claimed.id: Step(State.IN_DOUBT, None, "cannot be asked")})
    record(recorded("GD-NAM", 2, GD01="8"))
    with unit() as opened:
        assert deliveries.claim(opened.connection, "bo-nganh", 8, in_order=True) == []
    with pytest.raises(Invalid, match="reason_missing"):
        service.settle_delivery(ACTOR, str(claimed.id), True, " ")
    assert service.settle_delivery(ACTOR, str(claimed.id), True, "their log shows it").state == "acknowledged"
    assert service.settle_delivery(ACTOR, str(claimed.id), True, "again").state == "acknowledged"
    with pytest.raises(Conflict, match="not_in_doubt"):
        service.settle_delivery(ACTOR, str(claimed.id), False, "or not?")
    with engine.connect() as connection:
        held = connection.execute(
            text("SELECT acknowledged_value, expected_value FROM ledger WHERE partner = 'bo-nganh'")
        ).one()
        told = connection.execute(text("SELECT details FROM audit WHERE action = 'delivery.settled'")).scalars().all()
    assert tuple(held) == ("7", "8")
    assert [item["reason"] for item in told] == ["their log shows it"]
    with unit() as opened:
        [(newer, _)] = deliveries.claim(opened.connection, "bo-nganh", 8, in_order=True)
    assert newer.version == 2
