"""A reconciliation's report at the door: the format that was asked for, as a file that can do no harm."""

from __future__ import annotations

import base64

import pytest

from gateway.routes.reports import accepted
from shared.errors import Invalid
from tests.unit.gateway.conftest import Gateway

PATH = "/v1/reconciliations/41/report"
FILE = {"name": "doi-soat-41", "content": base64.b64encode(b"<p>").decode()}


@pytest.mark.parametrize(
    ("header", "format"),
    [
        ("*/*", "json"),
        ("application/json", "json"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "html"),
        ("application/pdf", "pdf"),
        ("application/json;q=0.5, application/pdf;q=0.9", "pdf"),
        ("image/png, */*;q=0.1", "json"),
        ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
    ],
)
def test_accept_chooses_the_format(header: str, format: str) -> None:
    assert accepted(header) == format


def test_what_takes_none_of_the_formats_is_refused() -> None:
    for header in ("image/png", "application/pdf;q=0", "application/pdf;q=x", ""):
        with pytest.raises(Invalid, match="no_such_format"):
            accepted(header)


def test_a_page_is_shown_and_may_load_nothing_a_paper_is_a_file(gateway: Gateway) -> None:
    gateway.broker.answers["integration.export_report"] = FILE
    shown = gateway.ask("GET", f"{PATH}?format=html")
    assert (shown.content, shown.headers["content-type"]) == (b"<p>", "text/html; charset=utf-8")
    assert shown.headers["content-disposition"] == 'inline; filename="doi-soat-41.html"'
    assert shown.headers.get_list("content-security-policy") == [
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
    ]
    paper = gateway.ask("GET", PATH, headers={"Accept": "application/pdf"})
    assert paper.headers["content-type"] == "application/pdf"
    assert paper.headers["content-disposition"] == 'attachment; filename="doi-soat-41.pdf"'
    assert [call[1]["format"] for call in gateway.broker.calls if call[0] == "integration.export_report"] == [
        "html",
        "pdf",
    ]
