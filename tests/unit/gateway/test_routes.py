"""Routes against the services they call, and the documentation against the routes."""

from __future__ import annotations

import importlib
import inspect
import json
from dataclasses import replace
from typing import Any

import pytest
from fastapi.routing import APIRoute

from gateway.auth import PUBLIC, right_of
from tests.unit.gateway.conftest import SETTINGS, Gateway

HASH = "a" * 64
WHICH = {"form": "f", "period": "2026-09", "reason": "mưa lũ"}
REQUESTS: list[tuple[str, str, Any]] = [
    ("GET", "/v1/messages?partner=p&direction=in&kind=submit&from=2026-11-01T00:00:00%2B07:00&limit=5", None),
    ("GET", "/v1/messages/7", None),
    ("GET", "/v1/messages/export?to=2026-11-01T00:00:00%2B07:00", None),
    ("PUT", "/v1/catalogue?expected_version=3", {"units": []}),
    ("POST", "/v1/catalogue/plan", {"units": []}),
    ("GET", "/v1/units?on=2025-07-01&kind=commune&parent=LC&under=LC&code=gso:03388&after=x&limit=5", None),
    ("GET", "/v1/units/LC", None),
    ("GET", "/v1/units/LC/lineage?earlier=2024-12-31&on=2025-12-31", None),
    ("GET", "/v1/reforms?after=x&limit=5", None),
    ("POST", "/v1/reforms/preview", {"reform": {"id": "R"}}),
    ("POST", "/v1/reforms", {"reform": {"id": "R"}, "expected_version": 1}),
    ("GET", "/v1/indicators?on=2026-01-01&after=x&limit=5", None),
    ("GET", "/v1/indicators/NN01.NS?on=2026-01-01", None),
    ("POST", "/v1/indicators/NN01.NS/recompute", {"period_from": "2016", "period_to": "2017", "limit": 5}),
    ("GET", "/v1/measures", None),
    ("GET", "/v1/dimensions", None),
    ("GET", "/v1/forms", None),
    ("GET", "/v1/calendar/next-working-day?day=2026-01-02&day=2026-01-10", None),
    ("GET", "/v1/regimes/KTXH-NAM/calendar?year=2026", None),
    ("GET", "/v1/regimes?after=a&limit=5", None),
    ("GET", "/v1/regimes/r", None),
    ("GET", "/v1/regimes/r/export?format=xlsx", None),
    ("GET", "/v1/forms/f", None),
    ("GET", "/v1/forms/f/template", None),
    ("POST", "/v1/regimes/import?proposal=p&title=t", {"format": "laichau-regime/1"}),
    ("POST", "/v1/regimes/r/copy", {"proposal_id": "p", "new_id": "n", "first": "2027-01", "decision": "QĐ 1"}),
    ("GET", "/v1/proposals?state=draft&after=1&limit=5", None),
    ("GET", "/v1/proposals/p", None),
    ("PUT", "/v1/proposals/p", {"title": "t", "content": {"regimes": []}, "expected_hash": HASH}),
    ("POST", "/v1/proposals/p/submit", {"content_hash": HASH}),
    ("POST", "/v1/proposals/p/reviews", {"agrees": False, "text": "trùng"}),
    ("POST", "/v1/proposals/p/publish", {"decision": "QĐ 1", "content_hash": HASH}),
    ("POST", "/v1/proposals/p/return", {"reason": "thiếu"}),
    ("POST", "/v1/proposals/p/reject", {"reason": "trùng"}),
    ("POST", "/v1/proposals/p/withdraw", None),
    ("GET", "/v1/submissions?form=f&unit=u&agency=a&period=2016&state=draft", None),
    ("GET", "/v1/submissions/s?round=1", None),
    ("PUT", "/v1/submissions/s/figures/GD03.THPT", {"value": "8.966", "expected_version": 1, "measure": "em"}),
    ("DELETE", "/v1/submissions/s/figures/GD03.THPT", None),
    ("POST", "/v1/submissions/s/conflicts/GD03.THPT", {"keep": "push"}),
    ("POST", "/v1/submissions/s/aggregate", None),
    ("GET", "/v1/submissions/s/contributions?indicator=GD06", None),
    ("POST", "/v1/submissions/s/validate", None),
    ("POST", "/v1/submissions/s/comments", {"text": "Sáp nhập", "code": "V312", "indicator": "GD06"}),
    ("POST", "/v1/validate", {"form": "f", "figures": [{"indicator": "GD06", "value": 1}]}),
    ("POST", "/v1/submissions/s/submit", None),
    ("POST", "/v1/submissions/s/withdraw", {"round": 1}),
    ("POST", "/v1/submissions/s/reopen", {"reason": "bổ sung"}),
    ("GET", "/v1/obligations?late=true&due_before=2026-11-25T17:00:00%2B07:00&state=due&agency=a", None),
    ("GET", "/v1/completeness?by=unit&form=f&period=2026-09&period=2026-10&under=LC", None),
    ("POST", "/v1/obligations/extend", {**WHICH, "to": "2026-11-30T17:00:00+07:00"}),
    ("POST", "/v1/obligations/waive", {**WHICH, "unit": "u"}),
    ("POST", "/v1/obligations/restore", WHICH),
    ("POST", "/v1/obligations/open", {**WHICH, "until": "2026-11-30T17:00:00Z"}),
    ("POST", "/v1/obligations/close", WHICH),
    ("POST", "/v1/obligations/urge", {"form": "f", "within_days": 3}),
    ("GET", "/v1/submissions/s/history", None),
    (
        "POST",
        "/v1/submissions/s/submit-paper",
        {"received_on": "2026-11-20", "document": "BC 1", "vouched_by": "Văn thư", "reason": "mất mạng"},
    ),
    ("POST", "/v1/submissions/s/paper/1/confirm", None),
    ("GET", "/v1/cases?state=open&agency=a", None),
    ("GET", "/v1/cases/s/1", None),
    ("POST", "/v1/cases/s/1/approve", {"content_hash": HASH}),
    ("POST", "/v1/cases/s/1/return", {"content_hash": HASH, "reasons": [{"text": "sai"}]}),
    ("GET", "/v1/observations?form=f&unit=u&indicator=i&period_from=2015&period_to=2016&as_of=3", None),
    ("GET", "/v1/observations/i/u/2016", None),
    ("GET", "/v1/observations/i/u/2016?as_of=2026-03-01", None),
    ("GET", "/v1/series?indicator=i&indicator=j&unit=u&period_from=2015&period_to=2016&kind=month&as_of=3", None),
    ("GET", "/v1/grid?period=2025-07&form=f&indicator=i&unit=u&under=LC&totals_only=true", None),
    ("GET", "/v1/outliers?year=2025&method=z_score&threshold=2.5&at_least=3&unit=u&form=f", None),
    (
        "POST",
        "/v1/history",
        {
            "source": "s",
            "decision": "d",
            "dry_run": True,
            "figures": [{"indicator": "i", "unit": "u", "period": "2016", "value": "1"}],
        },
    ),
    ("GET", "/v1/history?limit=5", None),
    ("POST", "/v1/publications", {"form": "f", "period_from": "2016", "decision": "d", "decided_on": "2026-01-01"}),
    ("POST", "/v1/publications/p/withdraw", {"decision": "d"}),
    ("GET", "/v1/publications?form=f&in_force=true", None),
    ("GET", "/v1/public?after=x", None),
    ("GET", "/v1/public/observations?form=f&unit=u&indicator=i&period_from=2015&period_to=2016&after=x", None),
    ("GET", "/v1/exports/observations?form=f&unit=u&indicator=i&period_from=1&period_to=2&as_of=3&bom=true", None),
    ("GET", "/v1/exports/observations?format=xlsx&form=f", None),
    ("GET", "/v1/exports/grid?period=2016&form=f&under=LC&format=csv&bom=true", None),
    ("GET", "/v1/exports/series?indicator=i&unit=u&period_from=2015&period_to=2016&kind=year", None),
    ("GET", "/v1/exports/structures", None),
    ("GET", "/v1/batches?form=f&unit=u&period=2016&after=7", None),
    ("GET", "/v1/partners", None),
    ("POST", "/v1/partners/p/sync", None),
    ("GET", "/v1/security-servers?on=2026-01-01", None),
    ("POST", "/v1/security-servers/s/announcements", {"effective_on": "2026-01-01", "emergency": True, "reason": "x"}),
    ("GET", "/v1/partners/p", None),
    ("PUT", "/v1/partners/p?dry_run=true&reason=r&expected_version=1", {"name": "P"}),
    ("POST", "/v1/partners/p/suspend", {"reason": "thử"}),
    ("POST", "/v1/partners/p/resume", {"reason": "thử"}),
    ("POST", "/v1/partners/p/check", None),
    ("POST", "/v1/partners/p/pull", {"since": "2026-01-01T00:00:00Z", "again": True}),
    ("GET", "/v1/partners/p/pulls?limit=5", None),
    ("GET", "/v1/pulls/1", None),
    ("GET", "/v1/pulls/1/receipts/p_1", None),
    ("GET", "/v1/deliveries?partner=p&state=waiting", None),
    ("GET", "/v1/deliveries/d", None),
    ("POST", "/v1/reconciliations", {"partner": "p"}),
    ("GET", "/v1/reconciliations?partner=p", None),
    ("GET", "/v1/reconciliations/r", None),
    ("GET", "/v1/reconciliations/r/report", None),
    (
        "POST",
        "/v1/source-digests",
        {"reconciliation": "1", "level": "root", "digests": [{"count": 1, "digest": "a" * 64}]},
    ),
    ("GET", "/v1/source-digests/1", None),
    (
        "POST",
        "/v1/source-values",
        {
            "reconciliation": "1",
            "period": "2016",
            "form": "f",
            "unit": "u",
            "values": [{"indicator": "i", "value": "1"}],
        },
    ),
    ("GET", "/v1/digests?level=form&period=2016&form=f&store=warehouse&after=x&limit=5", None),
    ("GET", "/v1/digests?level=bucket&period=2016&form=f&parts=8&part=1&part=2", None),
    ("GET", "/v1/digests?level=group&period=2016&form=f&groups=8&unit=u", None),
    ("GET", "/v1/values?period=2016&form=f&groups=8&of=1:u&of=2:a:b", None),
    ("GET", "/v1/values?period=2016&form=f&unit=u&store=expected&after=x&limit=5", None),
    ("POST", "/v1/reconciliations/r/repair", None),
    ("GET", "/v1/differences?partner=p&direction=receiver&state=new&kind=value&owner=o&unit=u&task=true", None),
    ("GET", "/v1/differences/1", None),
    ("POST", "/v1/differences/1/assign", {"owner": "LC-VP"}),
    ("POST", "/v1/differences/1/accept", {"reason": "làm tròn", "until": "2026-12-31"}),
    ("POST", "/v1/differences/1/reopen", None),
    ("POST", "/v1/differences/1/force", {"reason": "bản ở đó sai"}),
    ("GET", "/v1/dead-letters?queue=q&state=dead&error=x&died_before=2026-01-01T00:00:00Z", None),
    ("POST", "/v1/dead-letters/replays", {"queue": "q", "died_after": "2026-01-01T00:00:00Z", "expected": 1}),
    ("POST", "/v1/dead-letters/discards", {"error": "e", "reason": "thử"}),
    ("GET", "/v1/dead-letters/jobs", None),
    ("GET", "/v1/dead-letters/jobs/1", None),
    ("POST", "/v1/dead-letters/jobs/1/stop", None),
    ("GET", "/v1/dead-letters/1", None),
    ("POST", "/v1/dead-letters/1/replay", None),
    ("POST", "/v1/dead-letters/1/discard", {"reason": "thử"}),
    ("GET", "/v1/partners/p/preview?form=F&unit=LC&period=2016", None),
    ("POST", "/v1/deliveries/1/settle", {"applied": True, "reason": "thử"}),
    ("GET", "/v1/inbox?unread_only=true", None),
    ("POST", "/v1/inbox/1/read", None),
    ("POST", "/v1/sign-in", {"username": "u", "password": "p"}),
]


DRIVEN_ELSEWHERE = (["data"], ["packets"])
"""In test_data and test_packets."""

FILE = {"name": "GD.xlsx", "media_type": "application/octet-stream", "content": "UEs="}
EXPORT = {"as_of": 1, "content": "", "rows": 0}
ANSWERS: dict[str, Any] = {
    "integration.sync": 2,
    "integration.open_message_export": {"head": "{}", "first": 1, "last": 1},
    "integration.read_message_export": {"lines": "{}"},
    "indicators.export_regime": FILE,
    "indicators.form_template": FILE,
    **{f"indicators.export_{name}": EXPORT for name in ("page", "list", "grid", "series", "structures")},
}


class _Anything(dict[str, Any]):
    """Answers every method, so that each route gets as far as it can."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> Any:
        return ANSWERS.get(name, {"id": "r", "partner": "p"})


@pytest.mark.parametrize(("method", "path", "body"), REQUESTS, ids=lambda value: str(value)[:40])
def test_each_route_calls_a_method_that_takes_its_arguments(
    gateway: Gateway, method: str, path: str, body: Any
) -> None:
    keys = gateway.broker.answers["accounts.public_keys"]
    gateway.broker.answers = _Anything({"accounts.public_keys": keys})
    answer = gateway.ask(method, path, json=body) if body is not None else gateway.ask(method, path)
    assert answer.status_code in {200, 202}, answer.text
    calls = [(name, arguments) for name, arguments in gateway.broker.calls if name != "accounts.public_keys"]
    assert calls
    for name, arguments in calls:
        service, rpc = name.split(".")
        module = importlib.import_module(f"services.{service}.service")
        function = inspect.unwrap(getattr(getattr(module, service.capitalize() + "Service"), rpc))
        inspect.signature(function).bind(None, **arguments)


def test_every_protected_route_is_driven(gateway: Gateway) -> None:
    driven = {(method, path.partition("?")[0]) for method, path, _ in REQUESTS} | {("GET", "/v1/status")}
    for route in gateway.app.routes:
        if isinstance(route, APIRoute) and right_of(route) != PUBLIC and route.tags not in DRIVEN_ELSEWHERE:
            assert any(method in (route.methods or ()) and route.path_regex.match(path) for method, path in driven), (
                route.path
            )


def test_a_file_comes_as_its_bytes_under_its_name(gateway: Gateway) -> None:
    gateway.broker.answers["indicators.export_regime"] = {**FILE, "name": "Báo cáo.xlsx"}
    answer = gateway.ask("GET", "/v1/regimes/GD/export?format=xlsx")
    assert (answer.content, answer.headers["content-type"]) == (b"PK", "application/octet-stream")
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''B%C3%A1o%20c%C3%A1o.xlsx"


@pytest.mark.parametrize(
    ("value", "sent"),
    [("8.966", "8.966"), (8966, "8966"), (None, None), (12345678901234567890, "12345678901234567890")],
)
def test_a_hand_entry_travels_as_text(gateway: Gateway, value: Any, sent: str | None) -> None:
    gateway.broker.answers["submissions.edit_figure"] = {}
    assert gateway.ask("PUT", "/v1/submissions/s/figures/GD06", json={"value": value}).status_code == 200
    assert gateway.broker.calls[-1][1]["value"] == sent


@pytest.mark.parametrize("value", [1.5, True, [], "x\x00", "x" * 61])
def test_a_hand_entry_that_would_be_rounded_or_cannot_be_stored_is_refused(gateway: Gateway, value: Any) -> None:
    assert gateway.ask("PUT", "/v1/submissions/s/figures/GD06", json={"value": value}).status_code == 422


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/cases/s/1/return", {"content_hash": HASH, "reasons": []}),
        ("POST", "/v1/cases/s/1/approve", {"content_hash": "short"}),
        ("POST", "/v1/cases/s/0/approve", {"content_hash": HASH}),
        ("POST", "/v1/submissions/s/reopen", {"reason": ""}),
        ("PUT", "/v1/submissions/s/figures/GD06", {"valeu": "1"}),
        ("PUT", "/v1/catalogue", []),
        ("POST", "/v1/reforms/preview", {"id": "R"}),
        ("POST", "/v1/reforms", {"reform": {"id": "R"}}),
        ("POST", "/v1/reforms", {"reform": {"id": "R"}, "expected_version": -1}),
        ("PUT", "/v1/catalogue", {}),
        ("PUT", "/v1/catalogue?expected_version=-1", {"units": []}),
        ("POST", "/v1/catalogue/plan", "x"),
    ],
)
def test_a_body_that_cannot_be_meant_is_refused_at_the_door(
    gateway: Gateway, method: str, path: str, body: Any
) -> None:
    assert gateway.ask(method, path, json=body).status_code == 422
    assert all(name == "accounts.public_keys" for name, _ in gateway.broker.calls)


# -- tokens ----------------------------------------------------------------------------------------------------------


def test_tokens_are_given_by_basic_form_and_json(gateway: Gateway) -> None:
    token = {"access_token": "t", "token_type": "Bearer", "expires_in": 900, "scope": ""}
    gateway.broker.answers["accounts.authenticate_client"] = token
    gateway.broker.answers["accounts.sign_in"] = token
    gateway.token = ""
    grant = {"grant_type": "client_credentials"}
    form = {**grant, "client_id": "c:1", "client_secret": "s%"}
    assert gateway.ask("POST", "/oauth2/token", data=form).json() == token
    basic = gateway.ask("POST", "/oauth2/token", data=grant, headers={"Authorization": "Basic YyUzQTE6cyUyNQ=="})
    assert basic.headers["cache-control"] == "no-store"
    sent = [arguments for name, arguments in gateway.broker.calls if name == "accounts.authenticate_client"]
    assert sent[0] == sent[1] == {"client_id": "c:1", "secret": "s%", "scope": None}
    person = {"grant_type": "password", "username": "u", "password": "p"}
    assert gateway.ask("POST", "/oauth2/token", data=person).json() == token
    assert gateway.ask("POST", "/v1/sign-in", json={"username": "u", "password": "p"}).json() == token


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({}, 400, "invalid_request"),
        ({"grant_type": "implicit"}, 400, "unsupported_grant_type"),
        ({"grant_type": "client_credentials"}, 401, "invalid_client"),
        ({"grant_type": "client_credentials", "client_id": "c", "client_secret": "x"}, 401, "invalid_client"),
        ({"grant_type": "password", "username": "u"}, 400, "invalid_request"),
        ({"grant_type": "password", "username": "u", "password": "x"}, 400, "invalid_grant"),
    ],
)
def test_token_refusals_have_oauths_shape(gateway: Gateway, form: dict[str, str], status: int, error: str) -> None:
    from shared.errors import Unauthenticated

    wrong = Unauthenticated("accounts.wrong_credentials", "unknown account or wrong secret")
    gateway.broker.answers["accounts.authenticate_client"] = wrong
    gateway.broker.answers["accounts.sign_in"] = wrong
    answer = gateway.ask("POST", "/oauth2/token", data=form)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert ("www-authenticate" in answer.headers) == (status == 401)


def test_asking_for_tokens_has_a_budget_per_address() -> None:
    gateway = Gateway(replace(SETTINGS, sign_ins_per_second=0.001, sign_ins_burst=3))
    statuses = [gateway.ask("POST", "/oauth2/token", data={}).status_code for _ in range(5)]
    assert statuses == [400, 400, 400, 429, 429]


# -- documentation ---------------------------------------------------------------------------------------------------


@pytest.fixture
def document(gateway: Gateway) -> dict[str, Any]:
    """The OpenAPI document as it is served."""
    gateway.token = ""
    answer: dict[str, Any] = gateway.ask("GET", "/openapi.json").json()
    return answer


def test_every_route_is_documented_with_summary_right_and_examples(gateway: Gateway, document: dict[str, Any]) -> None:
    for route in gateway.app.routes:
        if not isinstance(route, APIRoute) or not route.include_in_schema:
            continue
        for method in route.methods or ():
            operation = document["paths"][route.path_format][method.lower()]
            assert operation["summary"]
            assert operation["description"]
            good = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
            assert all(any("example" in media for media in answer["content"].values()) for answer in good)
            assert "application/problem+json" in operation["responses"]["default"]["content"]
            if right_of(route) != PUBLIC:
                assert operation["security"] == [{"token": [right_of(route)]}]
            for media in operation.get("requestBody", {"content": {}})["content"].values():
                assert "example" in media, route.path
                assert "schema" in media, route.path


def test_every_reference_of_the_document_leads_somewhere(document: dict[str, Any]) -> None:
    def references(node: Any) -> set[str]:
        if isinstance(node, dict):
            own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
            return own.union(*(references(value) for value in node.values()))
        return set().union(*(references(value) for value in node)) if isinstance(node, list) else set()

    for reference in references(document):
        place: Any = document
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]
    assert document["openapi"].startswith("3.1")


def test_examples_have_the_shape_of_their_schemas(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for operation in (op for path in document["paths"].values() for op in path.values()):
        for status, answer in operation["responses"].items():
            media = answer["content"].get("application/json")
            reference = (media or {}).get("schema", {}).get("$ref", "")
            if status.startswith("2") and reference:
                schema = schemas[reference.rpartition("/")[2]]
                assert set(schema.get("required", ())) <= set(media["example"]), operation["summary"]
                assert set(media["example"]) <= set(schema["properties"]), operation["summary"]


def test_the_page_needs_nothing_from_elsewhere(gateway: Gateway) -> None:
    page = gateway.ask("GET", "/docs")
    assert page.status_code == 200
    assert "http" not in page.text
    assert "script-src 'self'" in page.headers["content-security-policy"]
    for name in ("swagger-ui-bundle.js", "swagger-ui.css", "start.js"):
        assert name in page.text
        assert len(gateway.ask("GET", f"/docs/{name}").content) > 50
    assert gateway.ask("GET", "/docs/..%2Fapp.py").status_code == 404


def test_the_document_is_json_that_clients_can_keep(document: dict[str, Any]) -> None:
    assert len(json.dumps(document)) < 500_000


@pytest.mark.parametrize(
    "to", ["2026-11-30", "2026-11-30T17:00:00", "2026-02-30T17:00:00Z", 1795000000, "9999-01-01T00:00Z"]
)
def test_an_instant_is_written_out_with_its_zone(gateway: Gateway, to: Any) -> None:
    answer = gateway.ask("POST", "/v1/obligations/extend", json={**WHICH, "to": to})
    assert (answer.status_code, answer.json()["code"]) == (422, "gateway.invalid_request")


@pytest.mark.parametrize("depth", [80, 990, 9_000])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/v1/catalogue", '{"units": ?}'),
        ("POST", "/v1/reforms/preview", '{"reform": {"changes": ?}}'),
        ("PUT", "/v1/proposals/P", '{"title": "P", "content": {"forms": ?}}'),
    ],
)
def test_a_body_that_nests_too_deep_for_any_decoder_on_its_way_is_refused(
    gateway: Gateway, method: str, path: str, body: str, depth: int
) -> None:
    content = body.replace("?", "[" * depth + "]" * depth)
    answer = gateway.ask(method, path, content=content, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (422, "gateway.too_deep")
    assert [name for name, _ in gateway.broker.calls] == ["accounts.public_keys"]
