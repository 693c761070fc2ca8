"""What everyone may read without a token, and history as CSV."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.gateway.conftest import SETTINGS, Gateway

PUBLISHED = {"observations": [], "next": None}


def test_published_values_are_read_without_a_token_and_carry_no_actor(gateway: Gateway) -> None:
    gateway.token = ""
    gateway.broker.answers["indicators.list_published"] = PUBLISHED
    answer = gateway.ask("GET", "/v1/public/observations?form=NN-NAM&unit=LC")
    assert (answer.status_code, answer.json()) == (200, PUBLISHED)
    [(name, arguments)] = gateway.broker.calls
    assert (name, arguments["form"], arguments["unit"]) == ("indicators.list_published", "NN-NAM", "LC")
    assert "actor" not in arguments


def test_public_reads_have_a_budget_of_their_own_per_address() -> None:
    gateway = Gateway(replace(SETTINGS, public_reads_per_second=0.001, public_reads_burst=2))
    gateway.broker.answers["indicators.list_public"] = {"publications": [], "next": None}
    assert [gateway.ask("GET", "/v1/public").status_code for _ in range(4)] == [200, 200, 429, 429]
    assert gateway.ask("POST", "/oauth2/token", data={}).status_code == 400


@pytest.mark.parametrize("query", ["form=F&untis=LC", "", "form=F&limit=0", "form=F&unit=" + "x" * 201])
def test_a_public_question_that_cannot_be_meant_is_refused(gateway: Gateway, query: str) -> None:
    assert gateway.ask("GET", f"/v1/public/observations?{query}").status_code == 422


def test_history_may_come_as_csv_with_its_source_as_parameters(gateway: Gateway) -> None:
    gateway.broker.answers["indicators.load_history"] = {}
    text = "\ufeffindicator,unit,period,value\nNN01.DT,LC,2016,31.3\n"
    query = {"source": "Niên giám", "decision": "01/QĐ", "dry_run": "true"}
    answer = gateway.ask(
        "POST", "/v1/history", params=query, content=text.encode(), headers={"Content-Type": "text/csv"}
    )
    assert answer.status_code == 200
    asked = gateway.broker.calls[-1][1]
    assert (asked["source"], asked["decision"], asked["dry_run"]) == ("Niên giám", "01/QĐ", True)
    assert asked["csv"] == text.removeprefix("\ufeff")


@pytest.mark.parametrize(
    ("content", "query", "code"),
    [
        (b"indicator\n", "", "gateway.source_missing"),
        ("chỉ tiêu".encode("utf-16"), "?source=s&decision=d", "gateway.not_utf8"),
        (b"a\x00", "?source=s&decision=d", "gateway.nul_character"),
    ],
)
def test_a_csv_that_cannot_be_read_is_refused_at_the_door(
    gateway: Gateway, content: bytes, query: str, code: str
) -> None:
    answer = gateway.ask("POST", f"/v1/history{query}", content=content, headers={"Content-Type": "text/csv"})
    assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_a_figure_of_a_load_has_known_fields_only(gateway: Gateway) -> None:
    figure = {"indicator": "i", "unit": "u", "period": "2016", "value": 1}
    answer = gateway.ask("POST", "/v1/history", json={"source": "s", "decision": "d", "figures": [figure]})
    assert answer.status_code == 422
    assert "$.figures[0].value" in answer.text
