"""Partners administered: documents, versions, and what a change of forms or mapping makes of ledger and deliveries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy import Engine, text

from services.integration import backfilling, intake, scrubbing
from services.integration.service import IntegrationService
from services.integration.settings import IntegrationSettings
from shared.calendar import VIETNAM, WorkingCalendar
from shared.contracts.actor import Actor
from shared.contracts.events import CatalogueChanged, CatalogueEntry, ObservationsRecorded
from shared.contracts.hashes import release_hash
from shared.contracts.views.security_servers import SecurityServerView
from shared.errors import Conflict, Forbidden, Invalid, NotFound
from shared.storage import UnitOfWork
from tests.service.integration.conftest import ACTOR, Record, Work, emitted, recorded, states, store

PERMISSION = {"decision": "QĐ 1/QĐ-UBND", "focal_agency": "LC", "valid_from": "2024-01-01"}


@pytest.fixture
def put(service: IntegrationService, unit: UnitOfWork) -> Any:
    """`put("bo-nganh", mapping=…)` changes these fields of a partner and works its backfill off."""

    def change(partner: str, **fields: Any) -> Any:
        document = service.read_partner(ACTOR, partner).document | {"permission": PERMISSION} | fields
        found = service.put_partner(ACTOR, partner, document)
        backfilling.work(unit)
        return found

    return change


def about(unit: str, version: int, **values: str | None) -> ObservationsRecorded:
    event = recorded("GD-NAM", version, **values)
    hashed = release_hash("GD-NAM", unit, event.period, version, event.observations)
    return msgspec.structs.replace(event, unit=unit, content_hash=hashed)


def equal(engine: Engine, partner: str) -> bool:
    """Whether all that the partner is to hold is acknowledged, row by row and in the digests."""
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT expected_version = acknowledged_version AND expected_count = acknowledged_count "
                "AND expected_l0 = acknowledged_l0 AND expected_l5 = acknowledged_l5 AS same FROM holdings "
                "WHERE partner = :p UNION ALL SELECT expected_hash = acknowledged_hash FROM ledger WHERE partner = :p"
            ),
            {"p": partner},
        ).scalars()
        return all(rows)


def test_a_partner_is_put_as_one_document_and_each_change_is_a_version_and_is_told(
    service: IntegrationService, engine: Engine
) -> None:
    document = {
        "name": "Bộ thứ ba",
        "protocol": "rest",
        "endpoint": "http://127.0.0.1:1/",
        "credential": "partner_thu-ba",
        "forms": ["GD-NAM"],
        "permission": PERMISSION,
    }
    planned = service.put_partner(ACTOR, "thu-ba", document, dry_run=True)
    assert (planned.action, planned.version, planned.dry_run) == ("created", 0, True)
    assert "thu-ba" not in {partner.id for partner in service.list_partners(ACTOR)}
    assert service.put_partner(ACTOR, "thu-ba", document, reason="Kết nối mới").version == 1
    assert service.put_partner(ACTOR, "thu-ba", document).action == "unchanged"
    changed = service.put_partner(ACTOR, "thu-ba", document | {"name": "Bộ X"}, expected_version=1)
    assert [(item.field, item.after) for item in changed.changes] == [("name", "Bộ X")]
    with pytest.raises(Conflict, match="partner_moved"):
        service.put_partner(ACTOR, "thu-ba", document, expected_version=1)
    assert service.suspend_partner(ACTOR, "thu-ba", "sự cố an toàn").held == "suspended"
    service.put_partner(ACTOR, "thu-ba", document)  # changes the name back, and nobody's suspension
    whole = service.read_partner(ACTOR, "thu-ba")
    assert not whole.active and "sự cố an toàn" in (whole.held_reason or "")
    assert service.resume_partner(ACTOR, "thu-ba", "đã khắc phục").held is None
    found = service.read_partner(ACTOR, "thu-ba")
    acts = ["resumed", "changed", "suspended", "changed", "created"]
    assert [version.action for version in found.versions] == acts and found.version == 5
    assert service.put_partner(ACTOR, "thu-ba", found.document).action == "unchanged"
    told = [event for event in emitted(engine, "partner_changed") if event["partner"] == "thu-ba"]
    assert [(event["version"], event["active"]) for event in told] == list(
        zip(range(1, 6), [True, True, False, False, True], strict=True)
    )
    (standing,) = [item for item in service.partner_permits() if item.partner == "thu-ba"]
    assert (standing.version, standing.active, str(standing.valid_from)) == (5, True, "2024-01-01")


FAULTS: list[tuple[str, dict[str, Any]]] = [
    ("credential", {"credential": "../jwt_keys.json"}),
    ("credential", {"credential": "/run/secrets/x"}),
    ("credential", {"credential": "partner..x"}),
    ("transport.certificate", {"transport": {"kind": "mutual_tls", "certificate": "a/b", "private_key": "k"}}),
    ("endpoint", {"endpoint": "http://user:secret@host/"}),
    ("endpoint", {"endpoint": "file:///etc/passwd"}),
    ("permission.focal_agency", {"permission": PERMISSION | {"focal_agency": "KHONG-CO"}}),
    ("mapping.indicators.B", {"mapping": {"indicators": {"A": "X", "B": "X"}}}),
    ("mapping.periods", {"mapping": {"periods": {"year": "N{year}"}}}),
    ("timetable.cron", {"timetable": {"when": "schedule", "cron": "nonsense"}}),
    ("forms", {"forms": "GD-NAM"}),
    ("surprise", {"surprise": 1}),
    ("active", {"active": False}),
    ("id", {"id": "another"}),
]


def test_a_document_at_fault_is_refused_with_the_place(service: IntegrationService) -> None:
    document = service.read_partner(ACTOR, "bo-nganh").document | {"permission": PERMISSION}
    for place, change in FAULTS:
        with pytest.raises(Invalid, match=r"integration\.bad_partner") as refused:
            service.put_partner(ACTOR, "bo-nganh", document | change)
        errors: Any = refused.value.context["errors"]
        assert place in [error["place"] for error in errors], change
    assert service.read_partner(ACTOR, "bo-nganh").version == 1


def test_only_who_manages_partners_changes_them(service: IntegrationService) -> None:
    reader = Actor("person:x", "person", "X", ("deliveries.read", "deliveries.manage"), ("*",), ("*",))
    document = service.read_partner(reader, "bo-nganh").document
    for call in (
        lambda: service.put_partner(reader, "bo-nganh", document),
        lambda: service.suspend_partner(reader, "bo-nganh", "x"),
        lambda: service.resume_partner(reader, "bo-nganh", "x"),
    ):
        with pytest.raises(Forbidden):
            call()


def test_a_changed_mapping_goes_out_anew_and_empties_the_bucket_it_left(
    far: httpx.Client, put: Any, record: Record, work: Work, engine: Engine, unit: UnitOfWork
) -> None:
    record(recorded("GD-NAM", 3, GD01="3507.6", GD02=None))
    work("bo-nganh")
    measures = {"GD01": {"unit": "nghìn tấn", "factor": "0.001", "decimals": 2, "rounding": "half_up"}}
    breakdowns = {"GD02": {"base": "GD", "parts": {"giới": "nữ"}}}
    mapping = {"unit_scheme": "gso", "units": {"LC": "H35"}, "measures": measures, "breakdowns": breakdowns}
    plan = put("bo-nganh", mapping=mapping)
    assert (plan.deliveries, plan.all_counted) == (1, True)
    assert states(engine, "bo-nganh") == ["acknowledged", "planned", "planned"]
    assert scrubbing.scrub(unit, "bo-nganh") == 0
    work("bo-nganh")
    held = {bucket["unit"]: bucket["values"] for bucket in far.get("/control/store").json()}
    assert {name: pair[0] for name, pair in held["H35"].items()} == {"GD01": "3.51", "GD[giới=nữ]": None}
    assert not held.get("12")
    assert equal(engine, "bo-nganh") and scrubbing.scrub(unit, "bo-nganh") == 0
    put("bo-nganh", name="Tên mới")
    assert states(engine, "bo-nganh") == ["acknowledged"] * 3


def test_units_that_exchange_their_codes_end_where_they_belong(
    far: httpx.Client, put: Any, record: Record, work: Work, engine: Engine, unit: UnitOfWork
) -> None:
    bodies = {name: {"name": name, "kind": "commune", "codes": []} for name in ("A", "B")}
    entries = [CatalogueEntry("unit", name, body) for name, body in bodies.items()]
    with unit() as opened:
        intake.catalogue.apply(opened, CatalogueChanged(version=2, entries=entries))
    put("bo-nganh", mapping={"units": {"A": "1", "B": "2"}})
    record(about("A", 7, GD01="1"), about("B", 7, GD01="2"))
    work("bo-nganh")
    put("bo-nganh", mapping={"units": {"A": "2", "B": "1"}})
    work("bo-nganh")
    held = {bucket["unit"]: bucket["values"]["GD01"][0] for bucket in far.get("/control/store").json()}
    assert held == {"1": "2", "2": "1"} and equal(engine, "bo-nganh")


def test_what_is_in_doubt_under_old_codes_never_comes_after_the_new(
    far: httpx.Client, put: Any, record: Record, work: Work, engine: Engine
) -> None:
    far.post("/control/faults", json=[{"kind": "timeout_before", "seconds": 0.8}]).raise_for_status()
    record(recorded("GD-NAM", 3, GD01="7"))
    work("bo-nganh", until="in_doubt")
    put("bo-nganh", mapping={"indicators": {"GD01": "X1"}})
    assert states(engine, "bo-nganh") == ["superseded", "planned"]
    work("bo-nganh")
    assert store(far) == {("GD-NAM", "2016"): {"X1": "7"}} and equal(engine, "bo-nganh")


def test_what_a_partner_is_no_longer_due_does_not_leave_and_what_it_holds_stays(
    far: httpx.Client, put: Any, record: Record, work: Work, engine: Engine
) -> None:
    record(recorded("GD-NAM", 1, GD01="1"))
    work("bo-nganh")
    record(recorded("GD-NAM", 2, GD01="2"), recorded("YT-NAM", 3, YT01="3"))
    put("bo-nganh", forms=["NN-NAM"])
    assert states(engine, "bo-nganh") == ["acknowledged", "superseded", "superseded"] and equal(engine, "bo-nganh")
    put("bo-nganh", forms=["NN-NAM", "YT-NAM", "GD-NAM"])
    work("bo-nganh")
    assert store(far) == {("GD-NAM", "2016"): {"GD01": "2"}, ("YT-NAM", "2016"): {"YT01": "3"}}


def test_a_unit_without_a_code_holds_nobody_else_up_and_leaves_once_the_catalogue_has_one(
    far: httpx.Client, service: IntegrationService, record: Record, work: Work, engine: Engine, unit: UnitOfWork
) -> None:
    body: dict[str, Any] = {"name": "Xã mới", "kind": "commune", "codes": []}
    with unit() as opened:
        intake.catalogue.apply(opened, CatalogueChanged(version=2, entries=[CatalogueEntry("unit", "X", body)]))
    record(about("X", 1, GD01="1"), recorded("GD-NAM", 2, GD01="2"))
    assert states(engine, "bo-nganh") == ["planned"] and service.read_partner(ACTOR, "bo-nganh").gaps == 1
    body = body | {"codes": [{"scheme": "gso", "code": "99999"}]}
    with unit() as opened:
        intake.catalogue.apply(opened, CatalogueChanged(version=3, entries=[CatalogueEntry("unit", "X", body)]))
        backfilling.ask_for_gaps(opened)
    backfilling.work(unit)
    work("bo-nganh")
    assert {bucket["unit"] for bucket in far.get("/control/store").json()} == {"12", "99999"}
    assert service.read_partner(ACTOR, "bo-nganh").gaps == 0


def test_nothing_leaves_for_a_partner_that_is_not_permitted_and_all_of_it_once_it_is(
    far: httpx.Client, service: IntegrationService, put: Any, record: Record, work: Work, engine: Engine
) -> None:
    service.suspend_partner(ACTOR, "bo-nganh", "sự cố")
    record(recorded("GD-NAM", 1, GD01="1"))
    unpermitted: list[tuple[dict[str, Any], str]] = [
        ({"permission": PERMISSION | {"valid_to": "2024-02-01"}}, "hết hiệu lực"),
        ({"permission": PERMISSION | {"valid_from": "2199-01-01"}}, "có hiệu lực từ"),
        ({"permission": None}, "Chưa có văn bản"),
    ]
    for change, told in [({}, "sự cố"), *unpermitted]:
        if change:
            put("bo-nganh", **change)
        work("bo-nganh", once=True)
        (delivery,) = service.list_deliveries(ACTOR, partner="bo-nganh").deliveries
        assert delivery.state == "planned" and told in (delivery.held or ""), (change, delivery)
        if not change:
            service.resume_partner(ACTOR, "bo-nganh", "xong")
    assert store(far) == {} and far.get("/control/journal").json() == []
    put("bo-nganh")
    work("bo-nganh")
    assert states(engine, "bo-nganh") == ["acknowledged"] and store(far) == {("GD-NAM", "2016"): {"GD01": "1"}}


def test_quiet_hours_and_timetables_hold_back_until_their_moment(
    far: httpx.Client, service: IntegrationService, put: Any, record: Record, work: Work, engine: Engine
) -> None:
    put("bo-nganh", timetable={"when": "demand"})
    record(recorded("GD-NAM", 1, GD01="1"))
    work("bo-nganh", once=True)
    (delivery,) = service.list_deliveries(ACTOR, partner="bo-nganh").deliveries
    assert (delivery.state, delivery.next_attempt_at, delivery.held) == ("planned", None, "Chỉ gửi khi có yêu cầu.")
    put("bo-nganh", timetable={"when": "schedule", "cron": "0 8 1 1 *", "working_days": True})
    (delivery,) = service.list_deliveries(ACTOR, partner="bo-nganh").deliveries
    assert delivery.next_attempt_at is not None and delivery.next_attempt_at > datetime.now(UTC)
    local = delivery.next_attempt_at.astimezone(VIETNAM)
    assert (local.hour, local.minute) == (8, 0) and WorkingCalendar().is_working_day(local.date())
    now = datetime.now(VIETNAM)
    quiet = {"start": f"{now - timedelta(hours=1):%H:%M}", "until": f"{now + timedelta(hours=2):%H:%M}"}
    put("bo-nganh", timetable={"when": "release"}, limits={"quiet": [quiet]})
    work("bo-nganh", once=True)
    (delivery,) = service.list_deliveries(ACTOR, partner="bo-nganh").deliveries
    assert delivery.state == "planned" and "nghỉ từ" in (delivery.held or "")
    assert f"{delivery.next_attempt_at:%M}" == quiet["until"][3:] and far.get("/control/journal").json() == []
    put("bo-nganh", timetable={"when": "demand"}, limits={})
    assert service.sync(ACTOR, "bo-nganh") == 1
    work("bo-nganh")
    assert states(engine, "bo-nganh") == ["acknowledged"]


def test_a_security_servers_change_is_announced_ahead_told_and_takes_effect_on_its_day(
    service: IntegrationService, engine: Engine
) -> None:
    first = service.list_security_servers(ACTOR).earliest
    server = SecurityServerView(
        id="mcbm-1", owner="LC", address="https://mcbm", purpose="trục", fingerprint="a" * 64, valid_from=first
    )
    with pytest.raises(Invalid, match="announced_late"):
        service.announce_security_server(ACTOR, "mcbm-1", first - timedelta(days=1), server)
    found = service.announce_security_server(ACTOR, "mcbm-1", first, server)
    assert found.standing == [] and [change.becomes for change in found.announced] == [server]
    assert service.list_security_servers(ACTOR, first).standing == [server]
    (told,) = emitted(engine, "security_server_announced")
    assert (told["server"], told["address"], told["emergency"]) == ("mcbm-1", "https://mcbm", False)
    with pytest.raises(NotFound):
        service.announce_security_server(ACTOR, "mcbm-9", first)


def steps(service: IntegrationService) -> dict[str, bool | None]:
    return {step.step: step.passed for step in service.check_partner(ACTOR, "bo-nganh").steps}


def test_trying_a_partner_tells_each_step_and_gives_it_nothing(
    far: httpx.Client,
    service: IntegrationService,
    put: Any,
    settings: IntegrationSettings,
    engine: Engine,
    address: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.integration.service.administration.integration_settings", lambda: settings)
    for partner in ("bo-nganh", "quoc-gia"):
        found = service.check_partner(ACTOR, partner)
        told = [(step.step, step.passed, step.told) for step in found.steps]
        assert found.passed and [step.passed for step in found.steps].count(True) == 7, told
        assert next(step for step in found.steps if step.step == "certificate").passed is None
        assert all(step.told and step.detail for step in found.steps)
    assert far.get("/control/store").json() == []
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM messages WHERE kind = 'status'")).scalar_one() == 2

    (settings.secrets / "partner_bo-nganh").write_text("another secret")
    assert steps(service) | {"clock": True} == {
        "permission": True,
        "name": True,
        "connection": True,
        "certificate": None,
        "authentication": False,
        "schema": None,
        "round_trip": None,
        "clock": True,
    }
    put("bo-nganh", endpoint="http://127.0.0.1:1")
    assert steps(service)["connection"] is False and steps(service)["authentication"] is None
    put("bo-nganh", endpoint="http://no-such-host.invalid")
    assert steps(service)["name"] is False
    put("bo-nganh", endpoint=f"https://{address.removeprefix('http://')}", transport={"kind": "tls"})
    assert steps(service)["certificate"] is False
    service.suspend_partner(ACTOR, "bo-nganh", "thử")
    assert list(steps(service).values()) == [False, *[None] * 7]
