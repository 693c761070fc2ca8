"""The message log: what goes out and comes in is kept, masked and whole, and found again."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec
import psycopg
import pytest
from sqlalchemy import Engine, Row, text
from sqlalchemy.exc import ProgrammingError

from services.integration.journaling import keep_pushes
from services.integration.message_log import keep_calls
from services.integration.reconciling import Reconciler
from services.integration.service import IntegrationService
from services.integration.settings import IntegrationSettings
from services.integration.storage import deliveries, messages
from shared.contracts.events import AnsweredCall, PushAccepted, PushCall
from shared.entrypoints import Received
from shared.envelope import new_message_id
from shared.errors import Forbidden, NotFound
from shared.message_log import MESSAGES
from shared.message_verification import verify
from shared.storage import UnitOfWork
from tests.service.integration.conftest import ACTOR, TOKEN, Record, Work, recorded, states
from tests.service.integration.test_deliveries import arm

Plain = psycopg.Connection[Any]


def entries(engine: Engine, **equal: Any) -> list[Row[Any]]:
    where = " AND ".join(f"{name} = :{name}" for name in equal) or "true"
    with engine.connect() as connection:
        found = f"SELECT * FROM messages JOIN message_bodies ON message = id WHERE {where} ORDER BY id"  # noqa: S608 -- names
        return list(connection.execute(text(found), equal))


@pytest.mark.parametrize("partner", ["quoc-gia", "bo-nganh"])
def test_every_try_of_an_attempt_is_kept_with_request_and_answer_but_no_secret(
    partner: str, far: httpx.Client, record: Record, work: Work, engine: Engine
) -> None:
    arm(far, "unavailable")
    record(recorded("GD-NAM", 1, GD01="3507.6"))
    work(partner)
    tries = entries(engine, partner=partner)
    assert [(row.outcome, row.status, row.kind, row.unit, row.form) for row in tries] == [
        ("failed", 503, "submit", "LC", "GD-NAM"),
        ("answered", 200, "submit", "LC", "GD-NAM"),
    ]
    assert {row.road for row in tries} == {"soap" if partner == "quoc-gia" else "rest"}
    for row in tries:
        request, answer = zlib.decompress(row.request), zlib.decompress(row.response)
        assert b"3507.6" in request and TOKEN.encode() not in request + answer and b"***" in request
        assert (hashlib.sha256(request).digest(), hashlib.sha256(answer).digest()) == (
            row.request_kept,
            row.response_kept,
        )
        assert (row.delivery is None, row.attempt, row.correlation_id) == (False, 1, "correlation-of-test")


def test_an_attempt_whose_process_died_is_told_as_one_without_outcome(
    far: httpx.Client, record: Record, work: Work, engine: Engine, unit: UnitOfWork
) -> None:
    record(recorded("GD-NAM", 1, GD01="7"))
    with unit() as opened:
        [(claimed, _)] = deliveries.claim(opened.connection, "bo-nganh", 8)
        begun = [(claimed, "send", b'[["GD01","GD01","7","official"]]')]
        deliveries.start(opened.connection, begun, process="gone", lease_seconds=0.0, at=opened.now)
    work("bo-nganh")
    assert states(engine, "bo-nganh") == ["acknowledged"]
    with engine.connect() as connection:
        told = connection.execute(text("SELECT kind, outcome, attempt, request_digest FROM messages ORDER BY id"))
        assert [tuple(row)[:3] for row in told][:2] == [("submit", "interrupted", 1), ("status", "answered", 2)]


def test_questions_of_a_reconciliation_are_kept(
    far: httpx.Client,
    record: Record,
    work: Work,
    engine: Engine,
    service: IntegrationService,
    settings: IntegrationSettings,
    unit: UnitOfWork,
) -> None:
    record(recorded("GD-NAM", 1, GD01="7"))
    work("bo-nganh")
    service.reconcile(ACTOR, "bo-nganh")
    Reconciler(unit, settings).work()
    assert [row.outcome for row in entries(engine, partner="bo-nganh", kind="digests")] == ["answered"]


@pytest.mark.parametrize(
    "change", ["UPDATE messages SET outcome = 'answered'", "DELETE FROM messages", "TRUNCATE messages"]
)
def test_the_database_refuses_to_change_or_drop_entries(
    change: str, far: httpx.Client, record: Record, work: Work, engine: Engine
) -> None:
    record(recorded("GD-NAM", 1, GD01="7"))
    work("bo-nganh")
    with pytest.raises(ProgrammingError, match="never changed"), engine.begin() as connection:
        connection.execute(text(change))


@pytest.fixture
def plain(engine: Engine) -> Iterator[Plain]:
    """A connection as the relay seals over."""
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True, options="-c timezone=UTC") as connection:
        yield connection


def exported(service: IntegrationService, **asked: Any) -> list[bytes]:
    begun = service.open_message_export(ACTOR, **asked)
    lines, after = [begun.head], begun.first - 1
    while after is not None:
        page = service.read_message_export(ACTOR, after, begun.last)
        lines.append(page.lines)
        after = page.next
    return "".join(lines).encode().splitlines(keepends=True)


def pushed(number: int, body: bytes) -> Received[PushAccepted]:
    event = PushAccepted(
        receipt_id=f"r_{number}",
        client_id="so-giao-duc",
        partner="so-giao-duc",
        fingerprint=hashlib.sha256(body).hexdigest(),
        accepted_at=datetime(2026, 7, 1, tzinfo=UTC),
        tie_breaker="x",
        units=["LC"],
        forms=["GD-NAM"],
        body=msgspec.Raw(body),
    )
    return Received(event, new_message_id(), "c-push", datetime.now(UTC))


def test_messages_are_found_read_sealed_exported_and_verified(
    far: httpx.Client, record: Record, work: Work, service: IntegrationService, plain: Plain, unit: UnitOfWork
) -> None:
    record(recorded("GD-NAM", 1, GD01="3507.6"))
    work("bo-nganh")
    body = b'{"form":"GD-NAM","unit":"LC","period":"2016","token":"s3cr3t","figures":[]}'
    push = pushed(1, body)
    with unit() as opened:
        keep_pushes(opened, [push])
        keep_pushes(opened, [push])

    [entry] = service.list_messages(
        ACTOR, partner="bo-nganh", form="GD-NAM", period="2016", outcome="answered"
    ).messages
    detail = service.read_delivery(ACTOR, entry.delivery or "")
    assert [attempt.messages for attempt in detail.attempts] == [[entry.id]]
    read = service.read_message(ACTOR, entry.id)
    assert "3507.6" in (read.request or "") and "applied" in (read.response or "")

    [arrived] = service.list_messages(ACTOR, direction="in").messages
    assert (arrived.request_sha256, arrived.request_bytes) == (hashlib.sha256(body).hexdigest(), len(body))
    shown = service.read_message(ACTOR, arrived.id).request or ""
    assert "GD-NAM" in shown and "s3cr3t" not in shown

    with pytest.raises(NotFound, match="no sealed message"):
        service.open_message_export(ACTOR)
    assert MESSAGES.seal(plain) == 2
    lines = exported(service)
    report = verify(lines)
    assert report.holds and report.entries == 2 and MESSAGES.verify(plain).head == report.head
    assert verify([lines[0], lines[2]]).faults[0].what == "missing"


def test_whoever_sees_some_units_sees_their_messages_alone_and_exports_none(
    far: httpx.Client, record: Record, work: Work, service: IntegrationService
) -> None:
    record(recorded("GD-NAM", 1, GD01="7"))
    work("bo-nganh")
    one = replace(ACTOR, units=("LC",), forms=("GD-NAM",))
    [entry] = service.list_messages(one).messages
    assert service.read_message(one, entry.id).request
    other = replace(ACTOR, units=("LC-X",))
    assert service.list_messages(other).messages == []
    for refused in (lambda: service.read_message(other, entry.id), lambda: service.open_message_export(one)):
        with pytest.raises(Forbidden):
            refused()


def test_what_is_let_go_leaves_a_chain_that_still_holds(
    far: httpx.Client, record: Record, work: Work, service: IntegrationService, plain: Plain, unit: UnitOfWork
) -> None:
    for version in (1, 2, 3):
        record(recorded("GD-NAM", version, GD01=str(version)))
        work("bo-nganh")
    assert MESSAGES.seal(plain, limit=2) == 2
    with unit() as opened:
        assert messages.forget_bodies(opened.connection, 0) == 3
    report = verify(exported(service))
    assert report.holds and report.bodiless == 2
    with unit() as opened:
        assert messages.forget(opened.connection, 0) == 2  # the third is not sealed: it stays
    assert MESSAGES.seal(plain) == 1
    assert MESSAGES.verify(plain).holds and MESSAGES.verify(plain).sealed == 3
    assert verify(exported(service)).first == 3


def asked(number: int, **known: Any) -> AnsweredCall:
    given = {
        "id": f"0199d8c4-0000-7000-8000-{number:012d}",
        "client_id": "client:bo",
        "partner": "bo-nganh",
        "road": "rest",
        "kind": "values",
        "at": datetime(2026, 7, 1, tzinfo=UTC),
        "correlation_id": f"c-{number}",
        "endpoint": "/v1/values?token=s3cr3t&form=GD-NAM",
        "outcome": "answered",
        "microseconds": 1_500,
        "status": 200,
        "request_sha256": hashlib.sha256(b"").hexdigest(),
        "response_bytes": 3,
        "response_sha256": hashlib.sha256(b"{ }").hexdigest(),
    }
    return AnsweredCall(**given | known)


def test_calls_of_others_are_kept_once_under_the_hubs_unit_found_and_verified(
    far: httpx.Client, service: IntegrationService, plain: Plain, unit: UnitOfWork
) -> None:
    about = {"form": "GD-NAM", "unit": "12", "period": "2016"}
    calls = [
        asked(1, **about),
        asked(2, kind="digests", road="xroad-soap", outcome="refused", status=500, code="integration.not_permitted"),
        asked(3, **about | {"unit": "LC"}, store="warehouse"),
        asked(4, **about | {"period": "never"}, status=422, outcome="refused"),
    ]
    with unit() as opened:
        keep_calls(opened.connection, calls)
        keep_calls(opened.connection, calls[:2])
    found = {entry.correlation_id: entry for entry in service.list_messages(ACTOR, direction="in").messages}
    assert {name: entry.unit for name, entry in found.items()} == {"c-1": "LC", "c-2": None, "c-3": "LC", "c-4": "LC"}
    first = found["c-1"]
    assert (first.client, first.road, first.endpoint) == ("client:bo", "rest", "/v1/values?token=***&form=GD-NAM")
    assert (first.response_sha256, first.seconds) == (hashlib.sha256(b"{ }").hexdigest(), 0.0015)
    [refused] = service.list_messages(ACTOR, road="xroad-soap").messages
    assert (refused.kind, refused.error, refused.outcome) == ("digests", "integration.not_permitted", "refused")
    assert service.read_message(ACTOR, first.id).response is None
    assert MESSAGES.seal(plain) == 4
    lines = exported(service)
    assert verify(lines).holds
    [changed] = verify([lines[0], lines[1].replace(b'"road":"rest"', b'"road":"soap"'), *lines[2:]]).faults
    assert (changed.what, changed.number) == ("changed", 1)


def test_a_push_is_kept_by_the_road_it_came_and_what_was_pulled_is_no_push(
    service: IntegrationService, far: httpx.Client, unit: UnitOfWork
) -> None:
    body = b'{"form":"GD-NAM","unit":"LC","period":"2016","figures":[]}'
    message = b"<Envelope/>"
    call = PushCall(
        road="xroad-soap",
        endpoint="/soap/v1/reporting",
        request_bytes=len(message),
        request_sha256=hashlib.sha256(message).hexdigest(),
    )
    by_soap, pulled = pushed(1, body), pushed(2, body)
    with unit() as opened:
        keep_pushes(
            opened,
            [
                replace_data(by_soap, call=call),
                replace_data(pulled, origin="pull"),
            ],
        )
    [entry] = service.list_messages(ACTOR).messages
    assert (entry.road, entry.endpoint, entry.client) == ("xroad-soap", "/soap/v1/reporting", "so-giao-duc")
    assert (entry.request_bytes, entry.request_sha256) == (len(message), hashlib.sha256(message).hexdigest())


def replace_data(message: Received[PushAccepted], **changed: Any) -> Received[PushAccepted]:
    return replace(message, data=msgspec.structs.replace(message.data, **changed))
