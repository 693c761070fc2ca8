"""`hub load-history` against a gateway that answers as the indicators service does."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from openpyxl import Workbook
from typer.testing import CliRunner

from hub.client import Gateway
from hub.main import app
from services.indicators.domain.history import rows_of_csv

runner = CliRunner()
TOLD: dict[str, Any] = {
    "figures": 2, "recorded": 2, "unchanged": 0, "batches": 1, "published": 1, "compared": 1, "within": 0,
    "differences": [
        {"row": 3, "indicator": "NN01.NS", "unit": "LC", "period": "2008", "published": "1", "computed": "2"}
    ],
    "repeated": False,
}  # fmt: skip


class Hub:
    """Keeps what it was sent; refuses what it is told to."""

    def __init__(self) -> None:
        self.loads: list[tuple[str, dict[str, str]]] = []
        self.refusal: dict[str, Any] | None = None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth2/token":
            return httpx.Response(200, json={"access_token": "t"})
        if self.refusal is not None:
            return httpx.Response(422, json=self.refusal)
        self.loads.append((request.content.decode(), dict(request.url.params)))
        return httpx.Response(200, json=TOLD)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Hub:
    hub = Hub()
    line = Gateway("http://hub", "van-hanh", "x", transport=httpx.MockTransport(hub))
    monkeypatch.setattr(Gateway, "as_operator", lambda _settings: line)
    return hub


def run(file: Path, *arguments: str, answer: str = "") -> tuple[int, str]:
    given = ["load-history", str(file), "--source", "Niên giám", "--decision", "01/QĐ", *arguments]
    result = runner.invoke(app, given, input=answer, terminal_width=200)
    return result.exit_code, result.output


def test_a_load_is_tried_shown_and_recorded_after_yes(hub: Hub, tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text("indicator,unit,period,value\nNN01.DT,LC,2016,31.3\n", encoding="utf-8-sig")
    code, shown = run(file, answer="y\n")
    assert code == 0
    assert "published 1, computed 2" in shown
    assert [query.get("dry_run") for _, query in hub.loads] == ["true", None]
    assert hub.loads[0][0].startswith("indicator,")


def test_a_dry_run_asks_and_records_nothing(hub: Hub, tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text("indicator\n", encoding="utf-8")
    assert run(file, "--dry-run")[0] == 0
    assert len(hub.loads) == 1


def test_a_fault_is_shown_with_row_and_column(hub: Hub, tmp_path: Path) -> None:
    fault = {"row": 7, "column": "value", "code": "value", "message": "m", "detail": "Giá trị sai."}
    hub.refusal = {"code": "indicators.history_invalid", "title": "t", "errors": [fault]}
    file = tmp_path / "x.csv"
    file.write_text("indicator\n", encoding="utf-8")
    code, shown = run(file)
    assert code == 1
    assert "row 7, value: Giá trị sai." in shown


def test_a_sheet_reads_as_the_same_figures(hub: Hub, tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["indicator", "unit", "year", "value"])
    sheet.append(["NN01.DT", "LC", 2016, 31.3])
    sheet.append(["NN08", "LC", 2016, "Không phát sinh"])
    sheet.append(["DS01", "LC", 2016, 436000])
    file = tmp_path / "x.xlsx"
    book.save(file)
    assert run(file, "--yes")[0] == 0
    rows = rows_of_csv(hub.loads[-1][0])
    assert [(row["period"], row["value"]) for row in rows] == [("2016", "31.3"), ("2016", None), ("2016", "436000")]
    assert Decimal(rows[0]["value"]) == Decimal("31.3")


@pytest.mark.parametrize(("name", "content"), [("x.csv", b"indicator,unit\xff"), ("x.xlsx", b"PK no workbook")])
def test_a_file_that_cannot_be_read_ends_in_one_line(hub: Hub, tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    code, said = run(tmp_path / name)
    assert (code, "cannot be read" in said, "Traceback" in said, hub.loads) == (1, True, False, [])
