"""Exports at the door: pages joined into one answer of one moment, and refusals that are still problems."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from shared.errors import Forbidden, HubError, Unavailable
from tests.unit.gateway.conftest import Gateway

READ = "/v1/exports/observations?format=csv&form=GD-NAM&bom=true"


def _answer(gateway: Gateway, pages: dict[str | None, Any]) -> None:
    def page(*, after: str | None = None, **_asked: Any) -> Any:
        answer = pages[after]
        if isinstance(answer, HubError):
            raise answer
        return answer

    gateway.broker.answers["indicators.export_page"] = page


def test_pages_are_joined_and_all_asked_for_one_moment(gateway: Gateway) -> None:
    _answer(
        gateway,
        {
            None: {"as_of": 41, "content": "\ufeffđầu\r\n", "next": "x"},
            "x": {"as_of": 41, "content": "giữa\r\n", "next": "y"},
            "y": {"as_of": 41, "content": "cuối\r\n"},
        },
    )
    answer = gateway.ask("GET", READ)
    assert answer.content.decode() == "\ufeffđầu\r\ngiữa\r\ncuối\r\n"
    assert (answer.headers["x-as-of"], answer.headers["content-type"]) == ("41", "text/csv; charset=utf-8")
    assert answer.headers["content-disposition"] == 'attachment; filename="so-lieu.csv"'
    asked = [arguments for name, arguments in gateway.broker.calls if name == "indicators.export_page"]
    assert [(item["as_of"], item.get("after"), item["form"]) for item in asked] == [
        (None, None, "GD-NAM"),
        (41, "x", "GD-NAM"),
        (41, "y", "GD-NAM"),
    ]


def test_a_refusal_is_a_problem_and_no_file(gateway: Gateway) -> None:
    gateway.broker.answers["indicators.export_page"] = Forbidden("accounts.out_of_scope", "no scope", "Ngoài phạm vi.")
    answer = gateway.ask("GET", READ)
    assert (answer.status_code, answer.json()["code"]) == (403, "accounts.out_of_scope")


def test_a_page_that_fails_cuts_the_answer_off(gateway: Gateway) -> None:
    away = Unavailable("hub.timeout", "no answer")
    _answer(gateway, {None: {"as_of": 1, "content": "đầu", "next": "x"}, "x": away})
    with pytest.raises(RuntimeError, match="already started"):
        gateway.ask("GET", READ)


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/v1/exports/observations?format=xlsx&form=GD-NAM", "export_list"),
        ("/v1/exports/grid?period=2025-07&form=F&under=LC", "export_grid"),
        ("/v1/exports/series?indicator=A&unit=LC&period_from=2015&period_to=2016", "export_series"),
    ],
)
def test_a_workbook_comes_as_its_bytes(gateway: Gateway, path: str, method: str) -> None:
    content = base64.b64encode(b"PK\x03\x04").decode()
    gateway.broker.answers[f"indicators.{method}"] = {"as_of": 7, "content": content, "rows": 1}
    answer = gateway.ask("GET", path)
    assert (answer.content, answer.headers["x-as-of"]) == (b"PK\x03\x04", "7")
    assert answer.headers["content-disposition"].endswith('.xlsx"')
    assert answer.headers["content-type"].endswith("spreadsheetml.sheet")


def test_a_name_in_a_header_holds_nothing_but_letters(gateway: Gateway) -> None:
    gateway.broker.answers["indicators.export_grid"] = {"as_of": 7, "content": "", "rows": 1}
    answer = gateway.ask("GET", "/v1/exports/grid", params={"period": '2025"\r\nX: y', "under": "LC"})
    assert answer.headers["content-disposition"] == 'attachment; filename="so-sanh-2025Xy.xlsx"'
