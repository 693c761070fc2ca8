"""Calls of other systems are noted for the message log: all of them, as they were answered, and once."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import httpx
import msgspec
import pytest

from gateway import exchanges
from gateway.exchanges import KINDS, Notes
from gateway.soap.operations import OPERATIONS
from shared.contracts.events import AnsweredCall, CallsAnswered, PushAccepted
from shared.errors import Forbidden, Unavailable
from tests.unit.gateway.conftest import Gateway, make_token
from tests.unit.gateway.test_soap import ADDRESS, DIGESTS, STATUS, SUBMIT, VALUES, envelope

PUSH = b'{"form":"GD-NAM","unit":"LC","period":"2016","figures":[{"indicator":"GD01","value":1}]}'
XML = {"Content-Type": "text/xml; charset=utf-8"}


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch, gateway: Gateway) -> None:
    monkeypatch.setattr(exchanges, "GATHER_SECONDS", 0.0)
    gateway.broker.answers |= {
        "integration.read_digests": {"store": "expected", "digests": [], "next": None},
        "integration.list_values": {"store": "expected", "values": [], "next": None},
        "integration.post_source_digests": {"id": "7"},
        "submissions.find_receipt": None,
    }


def ask(gateway: Gateway, method: str, path: str, **options: Any) -> httpx.Response:
    """Ask, and let the notes leave."""

    async def go() -> httpx.Response:
        async with gateway.client() as client:
            answer = await client.request(method, path, **options)
            await asyncio.sleep(0.01)
            return answer

    return asyncio.run(go())


def noted(gateway: Gateway) -> list[AnsweredCall]:
    return [call for event, _ in gateway.broker.published if isinstance(event, CallsAnswered) for call in event.calls]


def test_every_address_is_one_of_the_gateway_and_every_operation_of_the_soap_door_says_what_it_is(
    gateway: Gateway,
) -> None:
    paths = {getattr(route, "path", "") for route in gateway.app.routes}
    assert {path for path in KINDS if not any(found.startswith(path) for found in paths)} == set()
    assert {item.kind for item in OPERATIONS.values()} == {"push", "status", "digests", "values"}


def test_a_question_is_noted_with_whose_it_was_and_what_it_was_about(gateway: Gateway) -> None:
    answer = ask(
        gateway,
        "GET",
        "/v1/values?form=GD-NAM&unit=12&period=2016&store=expected",
        headers={"X-Correlation-Id": "matter-1"},
    )
    [call] = noted(gateway)
    assert (call.client_id, call.partner, call.road, call.kind) == ("client:csdl", "nguon-giao-duc", "rest", "values")
    assert (call.form, call.unit, call.period, call.store) == ("GD-NAM", "12", "2016", "expected")
    assert (call.status, call.outcome, call.code, call.correlation_id) == (200, "answered", None, "matter-1")
    assert call.endpoint == "/v1/values?form=GD-NAM&unit=12&period=2016&store=expected"
    assert call.response_sha256 == hashlib.sha256(answer.content).hexdigest()
    assert (call.request_bytes, call.response_bytes) == (0, len(answer.content))


def test_refusals_are_noted_with_their_code_once_it_is_known_who_calls(gateway: Gateway) -> None:
    gateway.broker.answers["integration.read_digests"] = Forbidden("integration.not_permitted", "no", "không")
    ask(gateway, "GET", "/v1/digests")
    gateway.token = make_token(["data.push"])
    ask(gateway, "GET", "/v1/digests")
    ask(gateway, "POST", "/v1/data", content=b"{}", headers={"Idempotency-Key": "k"})
    gateway.token = ""
    ask(gateway, "GET", "/v1/digests")
    assert [(call.kind, call.status, call.outcome, call.code) for call in noted(gateway)] == [
        ("digests", 403, "refused", "integration.not_permitted"),
        ("digests", 403, "refused", "accounts.right_missing"),
        ("push", 422, "refused", "gateway.invalid_body"),
    ]


def test_people_and_the_hubs_own_tools_are_no_other_systems(gateway: Gateway) -> None:
    for token in (make_token(kind="person", partner=None), make_token(partner="van-hanh")):
        gateway.token = token
        assert ask(gateway, "GET", "/v1/digests").status_code == 200
    assert noted(gateway) == []


def test_an_accepted_push_is_told_once_with_how_it_came(gateway: Gateway) -> None:
    ask(gateway, "POST", "/v1/data", content=PUSH, headers={"Idempotency-Key": "k"})
    message = envelope(SUBMIT.format(VALUES.format(1))).encode()
    ask(gateway, "POST", ADDRESS, content=message, headers=XML)
    by_rest, by_soap = (event for event, _ in gateway.broker.published if isinstance(event, PushAccepted))
    assert by_rest.call is None
    assert by_soap.call is not None
    assert (by_soap.call.road, by_soap.call.endpoint) == ("soap", ADDRESS)
    assert (by_soap.call.request_bytes, by_soap.call.request_sha256) == (
        len(message),
        hashlib.sha256(message).hexdigest(),
    )
    assert noted(gateway) == []


def test_a_repeated_push_is_a_message_of_its_own(gateway: Gateway) -> None:
    gateway.broker.answers["submissions.find_receipt"] = {
        "receipt_id": "r_1",
        "state": "processed",
        "fingerprint": hashlib.sha256(PUSH).hexdigest(),
    }
    assert ask(gateway, "POST", "/v1/data", content=PUSH, headers={"Idempotency-Key": "k"}).status_code == 200
    [call] = noted(gateway)
    assert (call.kind, call.outcome, call.request_bytes) == ("push", "answered", len(PUSH))
    assert call.message_id is not None
    assert call.message_id.startswith("r_")


def test_operations_of_the_soap_door_are_noted_as_what_they_ask_and_a_fault_as_what_it_means(gateway: Gateway) -> None:
    ask(gateway, "POST", ADDRESS, content=envelope(STATUS), headers=XML)
    body = DIGESTS.format("form", "<period>2016</period>")
    ask(gateway, "POST", ADDRESS, content=envelope(body), headers=XML)
    gateway.broker.answers["integration.read_digests"] = Forbidden("integration.not_permitted", "no", "không")
    ask(gateway, "POST", ADDRESS, content=envelope(body), headers=XML)
    assert [(call.road, call.kind, call.period, call.status, call.outcome, call.code) for call in noted(gateway)] == [
        ("soap", "status", None, 200, "answered", None),
        ("soap", "digests", "2016", 200, "answered", None),
        ("soap", "digests", "2016", 500, "refused", "integration.not_permitted"),
    ]


def test_a_sources_word_is_durable_in_the_log_before_it_is_answered(gateway: Gateway) -> None:
    stated = {"level": "root", "digests": [{"count": 1, "digest": "0" * 64}]}
    assert ask(gateway, "POST", "/v1/source-digests", json=stated).status_code == 202
    [call] = noted(gateway)
    assert (call.kind, call.status) == ("source_digests", 202)
    gateway.broker.refusal = Unavailable("gateway.broker_down", "away", "Hệ thống đang bận.")
    answer = ask(gateway, "POST", "/v1/source-digests", json=stated)
    assert (answer.status_code, answer.json()["code"]) == (503, "gateway.broker_down")


def test_notes_outlive_an_outage_of_the_broker_and_leave_before_the_gateway_does(gateway: Gateway) -> None:
    call = msgspec.convert(
        dict.fromkeys(("id", "client_id", "partner", "road", "kind", "correlation_id", "endpoint", "outcome"), "x")
        | {"at": "2026-07-01T00:00:00Z", "microseconds": 1, "status": 200},
        AnsweredCall,
    )

    async def go() -> None:
        notes = Notes(gateway.broker)
        gateway.broker.refusal = Unavailable("gateway.broker_down", "away", None)
        for _ in range(exchanges.MOST_AT_ONCE + 1):
            notes.add(call)
        await asyncio.sleep(0.01)
        assert noted(gateway) == []
        gateway.broker.refusal = None
        await notes.stop()

    asyncio.run(go())
    assert len(noted(gateway)) == exchanges.MOST_AT_ONCE + 1
    assert len(gateway.broker.published) == 2
