"""Reconciliation finds exactly what differs, repairs it, and proves that both sides are equal."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, text

from services.integration import scrubbing, warehouse
from services.integration.reconciling import Reconciler
from services.integration.service import IntegrationService
from services.integration.settings import IntegrationSettings
from shared.contracts.views.integration import ReconciliationView
from shared.contracts.views.warehouse import ObservationPage, ObservationView
from shared.storage import UnitOfWork
from tests.service.integration.conftest import ACTOR, Record, Work, emitted, recorded, store

BOTH = pytest.mark.parametrize("partner", ["quoc-gia", "bo-nganh"])
PREFIX = {"quoc-gia": "T12.", "bo-nganh": ""}


def tamper(far: httpx.Client, action: str, indicator: str, value: str | None = None, **place: str) -> None:
    body = {"action": action, "form": "GD-NAM", "unit": "12", "period": "2016", "indicator": indicator, "value": value}
    far.post("/control/values", json=body | place).raise_for_status()


@pytest.fixture
def reconcile(unit: UnitOfWork, settings: IntegrationSettings, service: IntegrationService, work: Work) -> Any:
    def run(partner: str, repair: bool = True) -> ReconciliationView:
        started = service.reconcile(ACTOR, partner, repair)
        assert started.state == "running"
        for _ in range(5):
            Reconciler(unit, settings).work()
            found = service.read_reconciliation(ACTOR, started.id)
            if found.finished_at is not None:
                return found
            work(partner)
        raise AssertionError(found)

    return run


@BOTH
def test_equal_sides_are_proven_equal_by_one_digest(
    partner: str, far: httpx.Client, record: Record, work: Work, reconcile: Any
) -> None:
    record(recorded("GD-NAM", 1, GD01="7", GD02=None), recorded("YT-NAM", 1, period="2017", YT01="0.5"))
    work(partner)
    found = reconcile(partner)
    assert (found.state, found.equal, found.entries, found.buckets, found.calls) == ("equal", True, 3, 2, 1)


@BOTH
def test_exactly_the_planted_differences_are_found_and_repaired(
    partner: str, far: httpx.Client, record: Record, work: Work, reconcile: Any, engine: Engine
) -> None:
    prefix = PREFIX[partner]
    record(
        recorded("GD-NAM", 1, GD01="7", GD02="8", GD03="9"),
        recorded("GD-NAM", 1, period="2017", GD01="7"),
        recorded("YT-NAM", 1, YT01="1"),
    )
    work(partner)
    before = store(far)
    tamper(far, "lose", f"{prefix}GD01")
    tamper(far, "change", f"{prefix}GD02", "9")
    tamper(far, "add", f"{prefix}GD09", "1")
    tamper(far, "add", f"{prefix}GD03", "2", period="1999")
    found = reconcile(partner)
    assert [(d.period, d.indicator, d.kind, d.expected, d.found, d.state) for d in found.differences] == [
        ("1999", "GD03", "missing_here", None, "2", "repaired"),
        ("2016", "GD01", "missing_there", "7", None, "repaired"),
        ("2016", "GD02", "value", "8", "9", "repaired"),
        ("2016", "GD09", "mapping_gap", None, "1", "repaired"),
    ]
    assert (found.state, found.equal, found.pending) == ("repaired", True, 0)
    assert {key: values for key, values in store(far).items() if values} == before
    (told,) = emitted(engine, "reconciliation_finished")
    assert told["equal"] and told["differences"] == {
        "missing_there": 1,
        "value": 1,
        "missing_here": 1,
        "mapping_gap": 1,
    }


def test_without_repair_differences_are_only_told(
    far: httpx.Client, record: Record, work: Work, reconcile: Any
) -> None:
    record(recorded("GD-NAM", 1, GD01="7"))
    work("bo-nganh")
    tamper(far, "change", "GD01", "8")
    found = reconcile("bo-nganh", repair=False)
    assert (found.state, found.equal, [d.state for d in found.differences]) == ("different", False, ["new"])


def test_repair_that_is_refused_is_told_as_unrepaired(
    far: httpx.Client, record: Record, work: Work, reconcile: Any
) -> None:
    record(recorded("GD-NAM", 1, GD01="7"))
    work("bo-nganh")
    tamper(far, "change", "GD01", "8")
    far.post("/control/faults", json=[{"kind": "refuse"}]).raise_for_status()
    found = reconcile("bo-nganh")
    assert (found.state, found.equal, [d.state for d in found.differences]) == ("failed", False, ["unrepaired"])


def test_keys_under_way_are_pending_and_no_differences(
    far: httpx.Client, record: Record, work: Work, reconcile: Any
) -> None:
    record(recorded("GD-NAM", 1, GD01="7"))
    work("bo-nganh")
    record(recorded("GD-NAM", 2, GD01="8"))
    found = reconcile("bo-nganh")
    assert (found.state, found.equal, found.pending, found.differences) == ("different", False, 1, [])


def test_scrub_corrects_digests_that_do_not_follow_from_the_rows(
    unit: UnitOfWork, record: Record, engine: Engine, service: IntegrationService
) -> None:
    record(recorded("GD-NAM", 1, GD01="7", GD02="Đ"), recorded("GD-NAM", 1, period="2017", GD01=None))
    with engine.connect() as connection:
        before = connection.execute(text("SELECT * FROM holdings ORDER BY period, partner")).all()
    assert scrubbing.scrub(unit, "bo-nganh") == 0
    with engine.begin() as connection:
        connection.execute(text("UPDATE holdings SET expected_l3 = 5 WHERE partner = 'bo-nganh' AND period = '2016'"))
        connection.execute(
            text("UPDATE ledger SET expected_hash = '\\x00' WHERE partner = 'bo-nganh' AND period = '2017'")
        )
    assert scrubbing.scrub(unit, "bo-nganh") == 2
    with engine.connect() as connection:
        assert connection.execute(text("SELECT * FROM holdings ORDER BY period, partner")).all() == before
        hashes = connection.execute(text("SELECT count(*) FROM ledger WHERE octet_length(expected_hash) <> 32"))
        assert hashes.scalar_one() == 0
    (ministry,) = [partner for partner in service.list_partners(ACTOR) if partner.id == "bo-nganh"]
    assert ministry.last_scrub_at is not None


class Warehouse:
    """Answers list_observations with these values of GD-NAM, LC, 2016."""

    def __init__(self, **values: str | None) -> None:
        self.values = values

    def call(self, method: str, returns: Any, /, **arguments: Any) -> Any:
        from datetime import UTC, datetime

        assert method == "list_observations"
        views = [
            ObservationView(
                indicator=name,
                unit="LC",
                period="2016",
                form="GD-NAM",
                value=value,
                status="official",
                derived=False,
                level="province",
                batch=1,
                version=1,
                recorded_at=datetime.now(UTC),
                submission_id="s",
                round=1,
            )
            for name, value in self.values.items()
        ]
        return ObservationPage(observations=views)


def test_what_differs_from_the_warehouse_is_reported_asked_for_again_and_healed(
    unit: UnitOfWork, record: Record, engine: Engine, service: IntegrationService
) -> None:
    record(recorded("GD-NAM", 1, GD01="7", GD02=None))
    held = Warehouse(GD01="7", GD02=None)
    assert warehouse.check_warehouse(unit, held) == []
    with engine.begin() as connection:
        connection.execute(text("UPDATE contents SET digest = repeat('0', 64)"))
    assert warehouse.check_warehouse(unit, held) == [("GD-NAM", "LC", "2016")]
    assert emitted(engine, "observations_requested") == [{"form": "GD-NAM", "unit": "LC", "period": "2016"}]
    assert record(recorded("GD-NAM", 1, GD01="7", GD02=None)) == 1
    assert warehouse.check_warehouse(unit, held) == []
    newer = Warehouse(GD01="8", GD03="1")
    assert warehouse.check_warehouse(unit, newer) == [("GD-NAM", "LC", "2016")]
    last = service.list_reconciliations(ACTOR, warehouse.WAREHOUSE).reconciliations[0]
    report = service.read_reconciliation(ACTOR, last.id)
    assert (report.direction, report.state, report.equal) == ("warehouse", "different", False)
    assert [(item.indicator, item.kind, item.expected, item.found) for item in report.differences] == [
        ("GD01", "value", "7", "8"),
        ("GD02", "missing_there", "không phát sinh", None),
        ("GD03", "missing_here", None, "1"),
    ]
    assert {view.state for view in service.list_differences(ACTOR, direction="warehouse").differences} == {"repairing"}
    assert service.read_report(ACTOR, last.id).left == 3
    record(recorded("GD-NAM", 2, GD01="8", GD03="1"))
    assert warehouse.check_warehouse(unit, newer) == []
    assert service.list_differences(ACTOR, direction="warehouse").differences == []
