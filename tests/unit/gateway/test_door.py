"""Tokens, rights, budgets, problem details and what every answer carries."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import anyio
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from joserfc.jwk import OKPKey

from gateway.auth import PUBLIC, check_rights, right_of
from gateway.limits import Budget
from gateway.serving import configured
from shared.contracts.actor import RIGHTS
from shared.errors import LEAVES, Conflict, Internal, TooMany
from tests.unit.gateway.conftest import KEY, SETTINGS, Gateway, make_token

PUBLIC_PATHS = {
    "/oauth2/token",
    "/v1/sign-in",
    "/health/live",
    "/health/ready",
    "/metrics",
    "/docs",
    "/docs/{name}",
    "/openapi.json",
    "/v1/public",
    "/v1/public/observations",
    "/soap/v1/reporting",  # each operation names its own right: test_soap.py
    "/soap/v1/reporting.xsd",
}
READ = "/v1/observations/NN01.NS/LC/2016"
PROXIES = "127.0.0.1,10.244.0.0/16"


@pytest.mark.parametrize(
    ("connected", "forwarded", "caller"),
    [
        ("10.244.1.5", "203.0.113.9", "203.0.113.9"),
        ("10.244.1.5", "198.51.100.1, 203.0.113.9", "203.0.113.9"),  # what a caller writes itself stands before
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.244.1.5", None, "10.244.1.5"),
    ],
)
def test_who_calls_is_said_by_our_own_proxies_and_nobody_else(
    connected: str, forwarded: str | None, caller: str
) -> None:
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["client"][0])

    config = configured(app, "127.0.0.1", 0, PROXIES)
    config.load()
    headers = [] if forwarded is None else [(b"x-forwarded-for", forwarded.encode())]
    scope = {"type": "http", "client": (connected, 50000), "scheme": "http", "headers": headers}
    anyio.run(config.loaded_app, scope, None, None)
    assert seen == [caller]


def test_every_route_names_its_right_and_only_known_ones_are_public(gateway: Gateway) -> None:
    rights = {route.path: right_of(route) for route in gateway.app.routes if isinstance(route, APIRoute)}
    assert len(gateway.app.routes) > 35
    assert {path for path, right in rights.items() if right == PUBLIC} == PUBLIC_PATHS
    assert all(right == PUBLIC or right in RIGHTS for right in rights.values())


def test_a_route_without_a_right_does_not_start() -> None:
    app = FastAPI(openapi_url=None)

    @app.get("/open")
    async def read_open() -> None: ...

    with pytest.raises(RuntimeError, match="/open"):
        check_rights(app.routes)


def test_no_route_answers_without_a_token(gateway: Gateway) -> None:
    gateway.token = ""
    for route in gateway.app.routes:
        if isinstance(route, APIRoute) and right_of(route) != PUBLIC:
            path = route.path.replace("{round}", "1").replace("{", "").replace("}", "")
            answer = gateway.ask(next(iter(route.methods or ())), path, headers={"Idempotency-Key": "x"}, content="{}")
            assert answer.status_code == 401, route.path
            assert answer.headers["www-authenticate"].startswith("Bearer")
    assert gateway.broker.calls == []


def test_no_route_answers_without_its_right(gateway: Gateway) -> None:
    for route in gateway.app.routes:
        right = right_of(route)
        if isinstance(route, APIRoute) and right != PUBLIC:
            gateway.token = make_token([name for name in RIGHTS if name != right])
            path = route.path.replace("{round}", "1").replace("{", "").replace("}", "")
            answer = gateway.ask(next(iter(route.methods or ())), path, headers={"Idempotency-Key": "x"}, content="{}")
            assert answer.status_code == 403, route.path
            assert answer.json()["code"] == "accounts.right_missing"


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "a.b.c",
        make_token(exp=int(time.time()) - 60),
        make_token(iss="somebody"),
        make_token(aud="something"),
        make_token(sub=None),
        make_token(key=OKPKey.generate_key("Ed25519", {"kid": "test-1"})),
        make_token(key=OKPKey.generate_key("Ed25519", {"kid": "stranger"})),
        make_token(rights="data.push"),
    ],
)
def test_a_token_that_does_not_hold_is_refused(gateway: Gateway, token: str) -> None:
    gateway.token = token or "."
    answer = gateway.ask("GET", READ)
    assert (answer.status_code, answer.json()["code"]) == (401, "gateway.token_invalid")


def test_an_unsigned_token_is_refused(gateway: Gateway) -> None:
    _, payload, _ = make_token().split(".")
    gateway.token = f"eyJhbGciOiJub25lIiwia2lkIjoidGVzdC0xIn0.{payload}."
    assert gateway.ask("GET", READ).status_code == 401


def test_keys_are_fetched_once_and_again_for_a_new_key(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway.broker.answers["indicators.find_observation"] = {"value": "43.5"}
    fresh = OKPKey.generate_key("Ed25519", {"kid": "test-2"})

    def fetched() -> int:
        return [name for name, _ in gateway.broker.calls].count("accounts.public_keys")

    for _ in range(3):
        assert gateway.ask("GET", READ).status_code == 200
    assert fetched() == 1
    gateway.broker.answers["accounts.public_keys"] = {
        "keys": [KEY.as_dict(private=False), fresh.as_dict(private=False)]
    }
    gateway.token = make_token(key=fresh)
    monkeypatch.setattr("gateway.auth.KEYS_REFETCH_SECONDS", 0.0)
    assert gateway.ask("GET", READ).status_code == 200
    assert fetched() == 2


def test_forged_key_ids_do_not_make_the_gateway_ask_each_time(gateway: Gateway) -> None:
    gateway.token = make_token(key=OKPKey.generate_key("Ed25519", {"kid": "stranger"}))
    for _ in range(5):
        assert gateway.ask("GET", READ).status_code == 401
    assert len(gateway.broker.calls) == 1


def test_without_keys_nobody_is_told_that_the_token_is_wrong(gateway: Gateway) -> None:
    del gateway.broker.answers["accounts.public_keys"]
    answer = gateway.ask("GET", READ)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"


def test_the_actor_travels_with_the_call(gateway: Gateway) -> None:
    gateway.broker.answers["indicators.find_observation"] = {"value": "43.5"}
    assert gateway.ask("GET", READ).json() == {"value": "43.5"}
    name, arguments = gateway.broker.calls[-1]
    assert name == "indicators.find_observation"
    assert arguments["actor"]["id"] == "client:csdl"
    assert arguments["actor"]["units"] == ["LC"]
    assert {key: arguments[key] for key in ("indicator", "unit", "period")} == {
        "indicator": "NN01.NS",
        "unit": "LC",
        "period": "2016",
    }


@pytest.mark.parametrize("kind", LEAVES)
def test_every_error_is_a_problem(gateway: Gateway, kind: Any) -> None:
    gateway.broker.answers["indicators.find_observation"] = kind(
        "some.reason", "a message", "một lời nhắn", {"errors": [{"place": "$"}], "round": 2}
    )
    answer = gateway.ask("GET", READ, headers={"X-Correlation-Id": "abc-1"})
    assert answer.status_code == kind.status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "urn:laichau:hub:problem:some.reason",
        "title": "a message",
        "status": kind.status,
        "code": "some.reason",
        "correlation_id": "abc-1",
        "detail": "một lời nhắn",
        "errors": [{"place": "$"}],
        "context": {"round": 2},
    }
    assert ("retry-after" in answer.headers) == (kind.status in {429, 503})


def test_a_fault_is_told_without_its_inside(gateway: Gateway) -> None:
    def fail(**_: Any) -> None:
        raise RuntimeError("password=1234")

    gateway.broker.answers["indicators.find_observation"] = fail
    answer = gateway.ask("GET", READ)
    assert (answer.status_code, answer.json()["code"]) == (500, "hub.internal")
    assert "1234" not in answer.text
    assert answer.json()["correlation_id"] == answer.headers["x-correlation-id"]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "gateway.no_such_route"),
        ("DELETE", "/v1/data", 405, "gateway.method_not_allowed"),
        ("GET", "/v1/observations?limit=0", 422, "gateway.invalid_request"),
        ("GET", "/v1/observations?form=%00", 422, "gateway.nul_character"),
        ("GET", "/v1/observations/a%00/b/c", 422, "gateway.nul_character"),
        ("GET", "/v1/observations?form=a&limit=1&form=b", 422, "gateway.repeated_parameter"),
    ],
)
def test_the_frameworks_refusals_are_problems_too(
    gateway: Gateway, method: str, path: str, status: int, code: str
) -> None:
    answer = gateway.ask(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "<script>"])
def test_a_strange_correlation_id_is_replaced(gateway: Gateway, given: str) -> None:
    answer = gateway.ask("GET", "/health/live", headers={"X-Correlation-Id": given})
    assert len(answer.headers["x-correlation-id"]) == 32


def test_every_answer_carries_the_security_headers(gateway: Gateway) -> None:
    for path in ("/health/live", "/nowhere", READ):
        headers = gateway.ask("GET", path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "default-src 'none'" in headers["content-security-policy"]


def test_a_used_up_budget_is_429_with_the_time_to_wait() -> None:
    gateway = Gateway(dataclasses.replace(SETTINGS, calls_per_second=0.5, calls_burst=2))
    gateway.broker.answers["indicators.find_observation"] = {"value": "1"}
    assert [gateway.ask("GET", READ).status_code for _ in range(3)] == [200, 200, 429]
    answer = gateway.ask("GET", READ)
    assert answer.headers["retry-after"] == "2"
    gateway.token = make_token(sub="client:other")
    assert gateway.ask("GET", READ).status_code == 200


def test_a_budget_refills_and_never_above_its_burst() -> None:
    budget = Budget(per_second=2, burst=3)
    for _ in range(3):
        budget.take("a", 100.0)
    with pytest.raises(TooMany):
        budget.take("a", 100.4)
    budget.take("a", 100.5)
    for _ in range(3):
        budget.take("a", 10_000.0)
    with pytest.raises(TooMany):
        budget.take("a", 10_000.0)


def test_readiness_follows_the_broker(gateway: Gateway) -> None:
    assert gateway.ask("GET", "/health/ready").status_code == 200
    gateway.broker.connected = False
    assert gateway.ask("GET", "/health/ready").status_code == 503
    assert gateway.ask("GET", "/health/live").status_code == 200


def test_metrics_are_for_this_machine(gateway: Gateway) -> None:
    assert "hub_gateway_request_seconds" in gateway.ask("GET", "/metrics").text

    async def from_elsewhere() -> int:
        import httpx

        transport = httpx.ASGITransport(gateway.app, client=("203.0.113.7", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
            return (await client.get("/metrics")).status_code

    assert anyio.run(from_elsewhere) == 404


def test_status_names_who_does_not_answer(gateway: Gateway) -> None:
    numbers = {
        "outbox_unsent": 0,
        "outbox_oldest_seconds": 0.0,
        "unsealed_audit": 0,
        "unsealed_oldest_seconds": 0.0,
        "incomplete_chunk_sets": 0,
        "incomplete_oldest_seconds": 0.0,
    }
    gateway.broker.answers["approval.describe_status"] = {"service": "approval", **numbers}
    gateway.broker.answers["accounts.describe_status"] = Internal("hub.internal")
    lines = {line["service"]: line for line in gateway.ask("GET", "/v1/status").json()["services"]}
    assert len(lines) == 6
    assert lines["approval"]["status"]["outbox_unsent"] == 0
    assert [name for name, line in lines.items() if line["reachable"]] == ["approval"]
    assert "gateway.rpc_timeout" in lines["submissions"]["error"]


def test_conflicts_keep_their_context(gateway: Gateway) -> None:
    gateway.broker.answers["approval.approve"] = Conflict("approval.other_content", "moved on", None, {"round": 2})
    answer = gateway.ask("POST", "/v1/cases/s/1/approve", json={"content_hash": "a" * 64})
    assert answer.status_code == 409
    assert answer.json()["context"] == {"round": 2}


def test_a_filter_that_does_not_exist_is_refused_and_not_ignored(gateway: Gateway) -> None:
    answer = gateway.ask("GET", "/v1/observations?period=2016")
    assert (answer.status_code, answer.json()["code"]) == (422, "gateway.unknown_parameter")
    assert "period_from" in answer.text
