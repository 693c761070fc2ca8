"""Every planted difference is found once and under its class, whichever way is compared; it lives until settled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import Engine, text

from services.integration import intake, reconciling
from services.integration.clients import Client, Recorder, open_client
from services.integration.clients.protocol import Searchable, Unknown
from services.integration.comparing import DigestComparer
from services.integration.domain.delivery import Said
from services.integration.domain.ledger import Packet
from services.integration.domain.partners import Partner
from services.integration.forgetting import forget
from services.integration.reconciling import Reconciler
from services.integration.service import IntegrationService
from services.integration.settings import IntegrationSettings
from services.integration.storage import expected, reconciliations
from services.integration.storage import partners as partner_rows
from services.integration.storage.spools import Spool
from shared.contracts.events import CatalogueChanged, CatalogueEntry
from shared.contracts.views.differences import KnownDifferenceView
from shared.contracts.views.integration import ReconciliationView
from shared.errors import Conflict, Invalid
from shared.failpoints import FAILPOINTS
from shared.storage import UnitOfWork
from tests.service.integration.conftest import ACTOR, Record, Work, emitted, recorded, store
from tests.service.integration.test_reconciliation import PREFIX, tamper

Reconcile = Callable[..., ReconciliationView]
INDICATORS = [f"G{number:02}" for number in range(1, 41)]


class Coarse:
    """A client of a partner that knows digests down to keys and nothing below."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def parts(self, *_: object) -> Any:
        raise Unknown("no such level")

    units = groups = entries = parts


class Plain:
    """A client of a partner that only tells what stands under a key."""

    def __init__(self, client: Client) -> None:
        self.cost, self.submit, self.status = client.cost, client.submit, client.status
        self.values, self.close = client.values, client.close


@pytest.fixture
def reconcile(unit: UnitOfWork, settings: IntegrationSettings, service: IntegrationService, work: Work) -> Reconcile:
    def run(partner: str, repair: bool = True, coarse: bool = False, plain: bool = False) -> ReconciliationView:
        def connect(to: Partner, how: IntegrationSettings, recorder: Recorder) -> Client:
            client = open_client(to, how, recorder)
            if plain:
                return Plain(client)  # type: ignore[return-value]  # it has no digests: nobody is to ask
            return Coarse(client) if coarse else client

        started = service.reconcile(ACTOR, partner, repair)
        for _ in range(5):
            Reconciler(unit, settings, connect).work()
            found = service.read_reconciliation(ACTOR, started.id)
            if found.finished_at is not None:
                return found
            work(partner)
        raise AssertionError(found)

    return run


def change(unit: UnitOfWork, partner: str, **how: Any) -> None:
    with unit() as opened:
        partner_rows.save(opened.connection, replace(partner_rows.load(opened.connection, partner), **how))


def known(service: IntegrationService, **wanted: Any) -> list[KnownDifferenceView]:
    return service.list_differences(ACTOR, **wanted).differences


@pytest.mark.parametrize(
    ("partner", "way"),
    [("quoc-gia", "groups"), ("bo-nganh", "groups"), ("bo-nganh", "keys"), ("quoc-gia", "listing")],
)
def test_each_planted_difference_is_found_once_under_its_class_and_repaired(
    partner: str,
    way: str,
    far: httpx.Client,
    unit: UnitOfWork,
    record: Record,
    work: Work,
    reconcile: Reconcile,
    service: IntegrationService,
) -> None:
    with unit() as opened:
        form = {"indicators": [*INDICATORS, "G99"]}
        intake.catalogue.apply(opened, CatalogueChanged(version=2, entries=[CatalogueEntry("form", "GD-NAM", form)]))
    change(unit, partner, comparing="listing" if way == "listing" else "digest")
    first = {name: f"{number}.25" for number, name in enumerate(INDICATORS, 11)}
    record(recorded("GD-NAM", 1, **first), recorded("YT-NAM", 1, YT01="1"))
    work(partner)
    record(recorded("GD-NAM", 2, **{name: value for name, value in first.items() if name != "G02"} | {"G05": "9"}))
    work(partner)
    before = store(far)
    prefix = PREFIX[partner]
    for action, indicator, value in [
        ("lose", "G01", None),
        ("add", "G02", "12.25"),
        ("older", "G05", None),
        ("restate", "G06", None),
        ("scale", "G07", "-3"),
        ("round", "G08", "0"),
        ("change", "G09", "1000.5"),
        ("repeat", "G10", None),
        ("add", "G99", "4"),
    ]:
        tamper(far, action, prefix + indicator, value, **({"status": "estimate"} if action == "restate" else {}))
    tamper(far, "add", f"{prefix}G03", "2", period="1999")
    tamper(far, "add", "??LA", "5")
    found = reconcile(partner, coarse=way == "keys")
    assert [(d.period, d.indicator, d.kind, d.expected, d.found, d.state) for d in found.differences] == [
        ("1999", "G03", "missing_here", None, "2", "repaired"),
        ("2016", "??LA", "mapping_gap", None, "5", "repaired"),
        ("2016", "G01", "missing_there", "11.25", None, "repaired"),
        ("2016", "G02", "stale_there", None, "12.25", "repaired"),
        ("2016", "G05", "older_version", "9", "15.25", "repaired"),
        ("2016", "G06", "status", "16.25", "16.25 (estimate)", "repaired"),
        ("2016", "G07", "unit_scale", "17.25", "0.01725", "repaired"),
        ("2016", "G08", "rounding", "18.25", "18", "repaired"),
        ("2016", "G09", "value", "19.25", "1000.5", "repaired"),
        ("2016", "G10", "duplicate", "20.25", "20.25; 20.25", "repaired"),
        ("2016", "G99", "missing_here", None, "4", "repaired"),
    ]
    assert (found.state, found.equal, found.pending, found.method) == ("repaired", True, 0, way)
    assert {key: values for key, values in store(far).items() if values} == before
    assert known(service) == [] and {view.state for view in known(service, settled=True)} == {"repaired"}


def test_a_question_that_a_partner_does_not_take_is_told_from_one_it_fails(
    far: httpx.Client, unit: UnitOfWork, settings: IntegrationSettings
) -> None:
    for partner in ("quoc-gia", "bo-nganh"):
        with unit() as opened:
            row = partner_rows.load(opened.connection, partner)
        client = open_client(row, settings, Recorder(partner, 0))
        assert isinstance(client, Searchable)
        with pytest.raises(Unknown):
            client.groups("2016", "GD-NAM", 0, ["12"])
        client.close()


def test_a_partner_that_tells_only_what_stands_under_a_key_is_read_key_by_key(
    unit: UnitOfWork, far: httpx.Client, record: Record, work: Work, reconcile: Reconcile
) -> None:
    change(unit, "bo-nganh", comparing="listing")
    record(recorded("GD-NAM", 1, GD01="7", GD02="8"), recorded("YT-NAM", 1, YT01="1"))
    work("bo-nganh")
    first = reconcile("bo-nganh", plain=True)
    assert (first.method, first.state, first.equal, first.entries) == ("listing", "equal", True, 3)
    tamper(far, "change", "GD02", "80")
    found = reconcile("bo-nganh", plain=True)
    assert [(d.indicator, d.kind, d.state) for d in found.differences] == [("GD02", "unit_scale", "repaired")]
    assert (found.state, reconcile("bo-nganh", plain=True).equal) == ("repaired", True)


def between(place: Any, name: str, monkeypatch: pytest.MonkeyPatch, **happens: Callable[[], object]) -> None:
    """Let something happen once, right `before` or `after` the first call of this function."""
    original = getattr(place, name)

    def called(*args: Any, **named: Any) -> Any:
        happens.pop("before", lambda: None)()
        found = original(*args, **named)
        happens.pop("after", lambda: None)()
        return found

    monkeypatch.setattr(place, name, called)


def test_what_is_planned_after_a_listing_was_read_is_not_missed_there(
    unit: UnitOfWork, far: httpx.Client, record: Record, work: Work, reconcile: Reconcile, monkeypatch: Any
) -> None:
    change(unit, "bo-nganh", comparing="listing")
    record(recorded("GD-NAM", 1, GD01="7"))
    work("bo-nganh")
    tamper(far, "change", "GD01", "8.5")
    late = recorded("GD-NAM", 1, period="2017", GD01="1")
    between(Spool, "moving", monkeypatch, after=lambda: record(late))
    assert [(d.period, d.kind) for d in reconcile("bo-nganh").differences] == [("2016", "value")]


def test_what_arrives_while_digests_are_compared_is_no_difference(
    far: httpx.Client, record: Record, work: Work, reconcile: Reconcile, monkeypatch: Any
) -> None:
    """A key that comes after deliveries under way were looked for, and arrives right after it was read."""
    late = recorded("GD-NAM", 1, period="2017", GD01="1")
    between(DigestComparer, "equal", monkeypatch, before=lambda: record(late))
    monkeypatch.setattr(expected, "pending", lambda *_: set())
    between(DigestComparer, "_read", monkeypatch, after=lambda: work("quoc-gia"))
    assert reconcile("quoc-gia").differences == []


def test_what_moves_while_its_entries_are_read_is_no_difference(
    far: httpx.Client, record: Record, work: Work, reconcile: Reconcile, monkeypatch: Any
) -> None:
    record(recorded("GD-NAM", 1, GD01="7"))
    work("quoc-gia")
    tamper(far, "add", "T12.GD02", "1")
    between(expected, "cells", monkeypatch, before=lambda: record(recorded("GD-NAM", 2, GD01="9")))
    assert reconcile("quoc-gia", repair=False).differences == []


def test_a_partner_that_cannot_be_read_is_never_called_equal(
    unit: UnitOfWork, reconcile: Reconcile, engine: Engine
) -> None:
    change(unit, "bo-nganh", comparing="none")
    found = reconcile("bo-nganh")
    assert (found.state, found.equal) == ("incomparable", None) and "cannot be read" in (found.error or "")
    assert emitted(engine, "reconciliation_finished") == [], "nobody knows of a difference"
    with unit() as opened:
        assert reconciliations.due(opened.connection, 0) == ["quoc-gia"]


def test_what_may_not_be_deleted_there_becomes_its_owners_task(
    unit: UnitOfWork, far: httpx.Client, record: Record, work: Work, reconcile: Reconcile, service: IntegrationService
) -> None:
    change(unit, "bo-nganh", deletes=False)
    record(recorded("GD-NAM", 1, GD01="7"), recorded("YT-NAM", 1, YT01="1"))
    work("bo-nganh")
    tamper(far, "add", "GD09", "1")
    tamper(far, "change", "YT01", "5", form="YT-NAM")
    found = reconcile("bo-nganh")
    assert [(d.form, d.state) for d in found.differences] == [("GD-NAM", "task"), ("YT-NAM", "repaired")]
    assert (found.state, found.equal) == ("repaired", False)
    assert "GD09" in store(far)["GD-NAM", "2016"]
    (task,) = known(service, task=True)
    assert (task.indicator, task.owner, task.state) == ("GD09", "LC-VP", "new")


def test_a_difference_lives_through_reconciliations(
    unit: UnitOfWork, far: httpx.Client, record: Record, work: Work, reconcile: Reconcile, service: IntegrationService
) -> None:
    record(recorded("GD-NAM", 1, GD01="7", GD02="8.4"))
    work("bo-nganh")
    tamper(far, "change", "GD02", "8")
    first, second = reconcile("bo-nganh", repair=False), reconcile("bo-nganh", repair=False)
    (seen,) = known(service)
    assert (seen.state, seen.kind, seen.times_seen, seen.reconciliation) == ("new", "rounding", 2, second.id)
    assert seen.first_seen < seen.last_seen and first.id != second.id

    until = datetime.now(UTC).date() + timedelta(days=30)
    with pytest.raises(Invalid, match="bad_acceptance"):
        service.accept_difference(ACTOR, seen.id, "lâu dài", until + timedelta(days=400))
    assert service.assign_difference(ACTOR, seen.id, "LC-SGDDT").owner == "LC-SGDDT"
    accepted = service.accept_difference(ACTOR, seen.id, "Bộ làm tròn", until)
    assert (accepted.state, accepted.accepted_by, accepted.accepted_until) == ("accepted", ACTOR.id, until)
    left = reconcile("bo-nganh")
    assert (left.state, left.equal, [d.state for d in left.differences]) == ("different", False, ["accepted"])

    tamper(far, "change", "GD02", "9")
    changed = reconcile("bo-nganh", repair=False)
    assert [d.kind for d in changed.differences] == ["value"]
    assert [view.state for view in known(service)] == ["new"], "only what was accepted is"
    assert reconcile("bo-nganh").state == "repaired"
    (done,) = known(service, settled=True)
    assert (done.state, done.settled_at is not None) == ("repaired", True)
    with pytest.raises(Conflict, match="difference_state"):
        service.assign_difference(ACTOR, seen.id, "LC-VP")

    tamper(far, "lose", "GD02")
    reconcile("bo-nganh", repair=False)
    assert [(view.state, view.recurrences, view.kind) for view in known(service)] == [("recurring", 1, "missing_there")]
    far.post("/control/faults", json=[{"kind": "refuse"}]).raise_for_status()
    failed = reconcile("bo-nganh")
    assert (failed.state, failed.error) == ("failed", "repair did not help")
    assert [(view.state, view.failed_repairs) for view in known(service)] == [("recurring", 1)]
    service.accept_difference(ACTOR, seen.id, "chờ Bộ", until)
    assert service.reopen_difference(ACTOR, seen.id).state == "recurring"
    record(recorded("GD-NAM", 2, GD01="7"))
    work("bo-nganh")
    assert reconcile("bo-nganh").equal and known(service) == []


def test_only_what_was_repaired_is_read_again(
    far: httpx.Client, record: Record, work: Work, reconcile: Reconcile, engine: Engine
) -> None:
    values = dict.fromkeys(INDICATORS, "1")
    record(*(recorded("GD-NAM", 1, period=str(year), **values) for year in range(2000, 2010)))
    work("bo-nganh")
    tamper(far, "change", "G01", "2", period="2003")
    found = reconcile("bo-nganh")
    assert (found.state, found.equal, len(found.differences)) == ("repaired", True, 1)
    # Found: root, periods, forms, keys, groups, values of one group. Proven: groups of the key (equal), root.
    assert found.calls == 6 + 2


class Died(BaseException):
    """What a kill leaves behind: what was committed, and nothing else."""


@pytest.mark.parametrize("spot", [name for name in FAILPOINTS if name.startswith("reconciliation.")])
def test_a_run_that_dies_anywhere_is_taken_up_and_repairs_once(
    spot: str,
    unit: UnitOfWork,
    settings: IntegrationSettings,
    far: httpx.Client,
    record: Record,
    work: Work,
    service: IntegrationService,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    record(recorded("GD-NAM", 1, GD01="7", GD02="8"), recorded("YT-NAM", 1, YT01="1"))
    work("bo-nganh")
    tamper(far, "lose", "GD01")
    tamper(far, "change", "YT01", "5", form="YT-NAM")
    armed = {spot}

    def failpoint(name: str) -> None:
        if name in armed:
            armed.discard(name)
            raise Died(name)

    monkeypatch.setattr(reconciling, "failpoint", failpoint)
    started, deaths = service.reconcile(ACTOR, "bo-nganh", True), 0
    for _ in range(6):
        try:
            Reconciler(unit, settings).work()
        except Died:
            deaths += 1
        work("bo-nganh")
    found = service.read_reconciliation(ACTOR, started.id)
    assert (deaths, found.state, found.equal) == (1, "repaired", True)
    assert [(d.indicator, d.kind, d.state) for d in found.differences] == [
        ("GD01", "missing_there", "repaired"),
        ("YT01", "value", "repaired"),
    ]
    with engine.connect() as connection:
        repairs = connection.execute(text("SELECT form, state FROM deliveries WHERE kind = 'repair' ORDER BY form"))
        assert [(row.form, row.state) for row in repairs] == [("GD-NAM", "acknowledged"), ("YT-NAM", "acknowledged")]
    lives = known(service, settled=True)
    assert [(view.state, view.times_seen, view.failed_repairs) for view in lives] == [("repaired", 1, 0)] * 2
    assert len(emitted(engine, "reconciliation_finished")) == 1


# -- newer there -------------------------------------------------------------------------------------------------------


def put_newer(unit: UnitOfWork, settings: IntegrationSettings, version: int, **values: str) -> None:
    """Let somebody else give bo-nganh a newer version of GD-NAM for 2016."""
    with unit() as opened:
        row = partner_rows.load(opened.connection, "bo-nganh")
    client = open_client(row, settings, Recorder("bo-nganh", 0))
    cells = tuple((name, value, "official") for name, value in values.items())
    packet = Packet(
        message_id=str(uuid4()),
        sender="another",
        form="GD-NAM",
        unit="12",
        period="2016",
        version=version,
        values=cells,
    )
    assert client.submit(packet).said is Said.APPLIED
    client.close()


@pytest.mark.parametrize("way", ["digest", "listing"])
def test_what_they_hold_under_a_newer_version_is_told_once_and_left_until_a_person_forces_ours(
    way: str,
    unit: UnitOfWork,
    settings: IntegrationSettings,
    far: httpx.Client,
    record: Record,
    work: Work,
    reconcile: Reconcile,
    service: IntegrationService,
    engine: Engine,
) -> None:
    change(unit, "bo-nganh", comparing=way)
    record(recorded("GD-NAM", 1, GD01="7", GD02="8"))
    work("bo-nganh")
    put_newer(unit, settings, 9, GD01="70", GD02="8")
    found = reconcile("bo-nganh")
    assert [(d.indicator, d.kind, d.expected, d.found, d.state) for d in found.differences] == [
        ("GD01", "newer_version", "7 [phiên bản 1]", "70 [phiên bản 9]", "task")
    ]
    assert (found.state, found.equal) == ("different", False)
    (told,) = emitted(engine, "partner_holds_newer")
    assert (told["agency"], told["differences"]) == ("LC-VP", 1)
    assert told["keys"] == [{"form": "GD-NAM", "unit": "LC", "period": "2016", "ours": 1, "theirs": 9}]
    assert "gửi đè" in (service.read_report(ACTOR, found.id).differences[0].note or "")
    again = reconcile("bo-nganh")
    assert [d.state for d in again.differences] == ["task"] and len(emitted(engine, "partner_holds_newer")) == 1

    # What follows here is refused there as older: no delivery is under way, and it is judged all the same.
    record(recorded("GD-NAM", 2, GD01="7", GD02="88"))
    work("bo-nganh")
    assert store(far)["GD-NAM", "2016"] == {"GD01": "70", "GD02": "8"}
    third = reconcile("bo-nganh")
    assert [(d.indicator, d.kind, d.state) for d in third.differences] == [
        ("GD01", "newer_version", "task"), ("GD02", "newer_version", "task"),
    ]  # fmt: skip
    assert third.pending == 0 and [item["differences"] for item in emitted(engine, "partner_holds_newer")] == [1, 1]

    first, second = known(service, kind="newer_version")
    with pytest.raises(Invalid):
        service.force_difference(ACTOR, first.id, " ")
    assert service.force_difference(ACTOR, first.id, "Bộ xác nhận số của tỉnh").state == "repairing"
    with pytest.raises(Conflict):
        service.force_difference(ACTOR, second.id, "một lần là đủ")
    work("bo-nganh")
    assert store(far)["GD-NAM", "2016"] == {"GD01": "7", "GD02": "88"}
    assert reconcile("bo-nganh").equal and known(service) == []
    record(recorded("GD-NAM", 3, GD01="7", GD02="89"))  # what follows stands above theirs, too
    work("bo-nganh")
    assert store(far)["GD-NAM", "2016"] == {"GD01": "7", "GD02": "89"} and reconcile("bo-nganh").equal


def test_old_comparisons_and_settled_differences_go_and_what_reports_need_stays(
    unit: UnitOfWork,
    settings: IntegrationSettings,
    far: httpx.Client,
    record: Record,
    work: Work,
    reconcile: Reconcile,
    service: IntegrationService,
    engine: Engine,
) -> None:
    record(recorded("GD-NAM", 1, GD01="7", GD02="8"))
    work("bo-nganh")
    record(recorded("GD-NAM", 2, GD01="9", GD02="8"))
    work("bo-nganh")
    tamper(far, "change", "GD01", "5")
    assert reconcile("bo-nganh").equal
    change(unit, "bo-nganh", deletes=False)
    tamper(far, "add", "GD09", "1")
    last = reconcile("bo-nganh")
    with engine.begin() as connection:
        old = {"reconciliations": "finished_at", "known_differences": "settled_at", "earlier_entries": "until"}
        for table, column in old.items():
            connection.execute(text(f"UPDATE {table} SET {column} = {column} - interval '400 days'"))  # noqa: S608

    def rows() -> tuple[int, ...]:
        tables = "reconciliations", "differences", "known_differences", "earlier_entries"
        with engine.connect() as connection:
            return tuple(connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in tables)  # noqa: S608

    forget(unit, replace(settings, differences_days=401, earlier_days=401))
    assert rows() == (2, 2, 2, 2)  # both partners were to hold something else before
    forget(unit, replace(settings, differences_days=399, earlier_days=399))
    assert rows() == (2, 2, 1, 0)  # the last comparisons and what is open stay
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO reconciliations (partner, direction, state, repair, requested_by, correlation_id, equal, "
                "finished_at) SELECT 'bo-nganh', 'receiver', 'different', true, 'x', 'x', false, "
                "now() - interval '400 days' FROM generate_series(1, 20)"
            )
        )
    forget(unit, replace(settings, differences_days=399))
    assert rows() == (15, 2, 1, 0)  # thirteen for the trend, the last proof, and the one of the open difference
    report = service.read_report(ACTOR, last.id)
    assert [item.indicator for item in report.differences] == ["GD09"] and len(report.trend) >= 1
    with unit() as opened:
        assert partner_rows.last_proofs(opened.connection).keys() == {"bo-nganh"}
