"""Pushing figures: shape, idempotency, receipts."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any

import anyio
import msgspec
import pytest

from gateway.receipts import ReceiptIds
from gateway.routes.data import StrictBody, StrictFigure
from shared.contracts.events import PushAccepted
from shared.contracts.push import PushBody, PushFigure
from shared.errors import Forbidden, Unavailable
from tests.unit.gateway.conftest import SETTINGS, Gateway, make_token

BODY = json.dumps(
    {"form": "GD-NAM", "unit": "LC", "period": "2016", "figures": [{"indicator": "GD06", "value": 3507.60}]}
)
KEY = {"Idempotency-Key": "2016-12-20/1"}


def push(gateway: Gateway, body: str = BODY, headers: dict[str, str] | None = None) -> Any:
    return gateway.ask("POST", "/v1/data", content=body, headers=KEY if headers is None else headers)


def test_a_push_is_published_before_it_is_accepted(gateway: Gateway) -> None:
    gateway.broker.answers["submissions.find_receipt"] = None
    answer = push(gateway)
    assert answer.status_code == 202
    [(event, correlation_id)] = gateway.broker.published
    assert isinstance(event, PushAccepted)
    assert bytes(event.body) == BODY.encode()  # as it came: no number was rounded on the way
    assert event.fingerprint == hashlib.sha256(BODY.encode()).hexdigest()
    assert (event.client_id, event.partner) == ("client:csdl", "nguon-giao-duc")
    assert (event.units, event.forms) == (["LC"], ["GD-NAM"])
    assert answer.json()["receipt_id"] == event.receipt_id
    assert answer.json()["state"] == "accepted"
    assert answer.headers["location"] == f"/v1/receipts/{event.receipt_id}"
    assert answer.headers["x-correlation-id"] == correlation_id


def test_the_event_survives_the_wire(gateway: Gateway) -> None:
    gateway.broker.answers["submissions.find_receipt"] = None
    push(gateway)
    [(event, _)] = gateway.broker.published
    assert isinstance(event, PushAccepted)
    again = msgspec.json.decode(msgspec.json.encode(event), type=PushAccepted)
    assert again.accepted_at == event.accepted_at
    assert again.tie_breaker == event.tie_breaker
    assert msgspec.json.decode(again.body) == json.loads(BODY)


def test_no_202_without_a_confirm(gateway: Gateway) -> None:
    gateway.broker.answers["submissions.find_receipt"] = None
    gateway.broker.refusal = Unavailable("gateway.outcome_unknown", "no confirm")
    answer = push(gateway)
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert answer.json()["code"] == "gateway.outcome_unknown"


def test_a_repeat_of_a_processed_push_gets_the_stored_receipt_and_is_not_published(gateway: Gateway) -> None:
    stored = {
        "receipt_id": "r_x",
        "state": "processed",
        "fingerprint": hashlib.sha256(BODY.encode()).hexdigest(),
        "counts": {"accepted": 1},
    }
    gateway.broker.answers["submissions.find_receipt"] = stored
    answer = push(gateway)
    assert (answer.status_code, answer.json()) == (200, stored)
    assert answer.headers["idempotent-replay"] == "true"
    assert gateway.broker.published == []


def test_a_key_used_for_another_body_is_refused(gateway: Gateway) -> None:
    gateway.broker.answers["submissions.find_receipt"] = {"state": "processed", "fingerprint": "other"}
    answer = push(gateway)
    assert (answer.status_code, answer.json()["code"]) == (422, "data.key_reused")
    assert gateway.broker.published == []


def test_pushes_are_taken_while_submissions_is_down_without_waiting_each_time(gateway: Gateway) -> None:
    assert push(gateway).status_code == 202
    assert push(gateway).status_code == 202
    first, second = gateway.broker.published
    assert first[0].subject == second[0].subject  # one receipt: intake tells the repeat
    assert [name for name, _ in gateway.broker.calls].count("submissions.find_receipt") == 1


def test_a_refusal_by_submissions_is_told_not_skipped(gateway: Gateway) -> None:
    gateway.broker.answers["submissions.find_receipt"] = Forbidden("submissions.foreign", "not yours")
    assert push(gateway).status_code == 403


def test_the_same_key_twice_at_once_is_taken_once(gateway: Gateway) -> None:
    async def go() -> list[int]:
        release = anyio.Event()
        plain = gateway.broker.publish

        async def slow(event: Any, *, correlation_id: str) -> None:
            await release.wait()
            await plain(event, correlation_id=correlation_id)

        gateway.broker.publish = slow  # type: ignore[method-assign] # holds the confirm back
        gateway.broker.answers["submissions.find_receipt"] = None
        statuses: list[int] = []
        async with gateway.client() as client, anyio.create_task_group() as group:

            async def one() -> None:
                statuses.append((await client.post("/v1/data", content=BODY, headers=KEY)).status_code)
                release.set()  # the refused one comes back first

            group.start_soon(one)
            group.start_soon(one)
        return statuses

    assert anyio.run(go) == [409, 202]


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ("", "$"),
        ("[]", "$"),
        ('{"form": "GD-NAM"}', "$"),
        ('{"form": "GD-NAM", "figures": [{"indicator": "A"}, {"indicator": 7}]}', "$.figures[1].indicator"),
        ('{"form": "GD-NAM", "figures": [{"indicator": "A", "value": true}]}', "$.figures[0].value"),
        ('{"form": "GD-NAM", "figures": [{"indicator": "A", "valeu": 1}]}', "$.figures[0]"),
        ('{"form": "GD-NAM", "figures": [], "x": 1}', "$"),
    ],
)
def test_a_wrong_shape_is_refused_with_its_place(gateway: Gateway, body: str, place: str) -> None:
    answer = push(gateway, body)
    assert answer.status_code == 422
    assert answer.json()["code"] == "gateway.invalid_body"
    assert answer.json()["errors"][0]["place"] == place


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ('{"form": "GD-NAM", "figures": []}', 422, "data.no_figures"),
        ('{"form": "GD-NAM", "figures": [{"indicator": "\\u0000"}]}', 422, "gateway.nul_character"),
        ('{"form": "GD-NAM", "figures": [{"indicator": "\\ud800"}]}', 422, "gateway.invalid_body"),
        ('{"form": "GD-NAM", "figures": [{"indicator": "A", "value": 1e999}]}', 422, "gateway.invalid_body"),
        ('{"form": "' + "x" * 20_000 + '", "figures": []}', 413, "gateway.body_too_large"),
    ],
)
def test_what_cannot_be_stored_is_refused(gateway: Gateway, body: str, status: int, code: str) -> None:
    answer = push(gateway, body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_more_than_5000_figures_are_too_many() -> None:
    gateway = Gateway(dataclasses.replace(SETTINGS, max_body_bytes=2_000_000))
    gateway.broker.answers["submissions.find_receipt"] = None
    figures = [{"indicator": f"I{n}", "value": n} for n in range(5_001)]
    assert push(gateway, json.dumps({"form": "GD-NAM", "figures": figures})).json()["code"] == "data.too_many_figures"
    assert push(gateway, json.dumps({"form": "GD-NAM", "figures": figures[1:]})).status_code == 202


def test_a_body_without_declared_length_is_cut_while_it_streams(gateway: Gateway) -> None:
    sent = 0

    async def go() -> tuple[int, str]:
        async def chunks() -> Any:
            nonlocal sent
            for _ in range(100):
                sent += 1
                yield b" " * 1_000

        async with gateway.client() as client:
            answer = await client.post("/v1/data", content=chunks(), headers=KEY)
            return answer.status_code, answer.json()["code"]

    assert anyio.run(go) == (413, "gateway.body_too_large")
    assert sent < 30


@pytest.mark.parametrize("key", ["", "a b", "khóa".encode(), "x" * 201])
def test_the_key_is_required_and_visible(gateway: Gateway, key: Any) -> None:
    answer = gateway.ask("POST", "/v1/data", content=BODY, headers={"Idempotency-Key": key} if key else {})
    assert answer.status_code == 422
    assert answer.json()["code"] == "gateway.invalid_request"


def test_later_pushes_are_newer(gateway: Gateway) -> None:
    gateway.broker.answers["submissions.find_receipt"] = None
    for number in range(50):
        push(gateway, headers={"Idempotency-Key": str(number)})
    events = [event for event, _ in gateway.broker.published if isinstance(event, PushAccepted)]
    order = [(event.accepted_at, event.tie_breaker) for event in events]
    assert order == sorted(order)
    assert len({event.tie_breaker for event in events}) == 50


def test_a_receipt_reads_accepted_until_it_is_processed(gateway: Gateway) -> None:
    gateway.broker.answers["submissions.find_receipt"] = None
    receipt_id = push(gateway).json()["receipt_id"]
    assert gateway.ask("GET", f"/v1/receipts/{receipt_id}").json()["state"] == "accepted"
    gateway.broker.answers["submissions.find_receipt"] = {"receipt_id": receipt_id, "state": "processed"}
    assert gateway.ask("GET", f"/v1/receipts/{receipt_id}").json()["state"] == "processed"


def test_forged_and_foreign_receipts_are_not_found_without_asking(gateway: Gateway) -> None:
    gateway.broker.answers["submissions.find_receipt"] = None
    receipt_id = push(gateway).json()["receipt_id"]
    calls = len(gateway.broker.calls)
    forged = receipt_id[:-1] + ("a" if receipt_id[-1] != "a" else "b")
    assert gateway.ask("GET", f"/v1/receipts/{forged}").status_code == 404
    gateway.token = make_token(sub="client:other")
    assert gateway.ask("GET", f"/v1/receipts/{receipt_id}").status_code == 404
    assert len(gateway.broker.calls) == calls


def test_receipt_ids_are_the_same_after_a_restart_and_differ_between_clients_and_keys() -> None:
    ids, again = ReceiptIds(b"s" * 32), ReceiptIds(b"s" * 32)
    assert ids.make("a", "k") == again.make("a", "k")
    assert (
        len({ids.make("a", "k"), ids.make("a", "l"), ids.make("b", "k"), ids.make("ak", ""), ids.make("", "ak")}) == 5
    )
    assert again.belongs("a", ids.make("a", "k"))
    assert not ReceiptIds(b"t" * 32).belongs("a", ids.make("a", "k"))


def test_the_strict_shapes_are_the_contracts() -> None:
    for strict, contract in ((StrictBody, PushBody), (StrictFigure, PushFigure)):
        assert {field.name for field in msgspec.structs.fields(strict)} == {
            field.name for field in msgspec.structs.fields(contract)
        }
