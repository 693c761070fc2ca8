"""`hub load` against a gateway that plans as the indicators service does."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

import catalogue
from hub.client import Gateway
from hub.main import app
from services.indicators.domain.catalogue import Bodies, accept
from services.indicators.domain.plan import plan

runner = CliRunner()


class Hub:
    """The gateway's two routes over the real rules; `loads` are the versions that loads were made for."""

    def __init__(self, stored: Bodies) -> None:
        self.stored, self.loads = dict(stored), list[str]()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth2/token":
            return httpx.Response(200, json={"access_token": "t"})
        body = json.loads(request.content)
        if request.method == "POST":
            return httpx.Response(200, json=asdict(plan(4, self.stored, body)))
        self.loads.append(request.url.params["expected_version"])
        self.stored |= accept(self.stored, body)
        return httpx.Response(200, json={"version": 5, "added": 0, "changed": 1, "unchanged": 0})


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Hub:
    """A hub in which Lai Châu's catalogue is loaded."""
    hub = Hub(accept({}, catalogue.read()))
    line = Gateway("http://hub", "van-hanh", "x", transport=httpx.MockTransport(hub))
    monkeypatch.setattr(Gateway, "as_operator", lambda _settings: line)
    return hub


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Lai Châu's regimes, due a day earlier."""
    text = (catalogue.FOLDER / "regimes.json").read_text(encoding="utf-8")
    (tmp_path / "regimes.json").write_text(text.replace('"day": 25', '"day": 24'), encoding="utf-8")
    return tmp_path


def run(*arguments: object, answer: str = "") -> tuple[int, str]:
    result = runner.invoke(app, ["load", *map(str, arguments)], input=answer, terminal_width=200)
    return result.exit_code, result.output


def test_a_plan_is_shown_and_applied_after_yes(hub: Hub, folder: Path) -> None:
    code, shown = run(folder, answer="y\n")
    assert (code, hub.loads) == (0, ["4"])
    assert "deadline.day" in shown
    assert "version 5" in shown


@pytest.mark.parametrize(
    ("arguments", "answer", "code"), [((), "n\n", 1), (("--dry-run",), "", 0), (("--json",), "", 0)]
)
def test_nothing_is_loaded_without_consent(
    hub: Hub, folder: Path, arguments: tuple[str, ...], answer: str, code: int
) -> None:
    assert run(folder, *arguments, answer=answer)[0] == code
    assert hub.loads == []


def test_a_script_applies_and_reads_what_was_done(hub: Hub, folder: Path) -> None:
    code, shown = run(folder, "--apply", "--json")
    told: dict[str, Any] = json.loads(shown)
    assert (code, hub.loads, told["result"]["version"], told["faults"]) == (0, ["4"], 5, [])


def test_a_new_entry_is_named_in_the_plan(hub: Hub, folder: Path) -> None:
    text = (folder / "regimes.json").read_text(encoding="utf-8")
    (folder / "regimes.json").write_text(text.replace("KTXH-9T", "KTXH-9T-MOI"), encoding="utf-8")
    code, shown = run(folder, "--dry-run")
    assert code == 0
    assert "regimes[KTXH-9T-MOI]" in shown


def test_what_stands_already_needs_no_consent(hub: Hub) -> None:
    assert run()[0] == 0
    assert hub.loads == []


def test_faults_of_files_and_of_the_catalogue_come_in_one_list_by_file_row_and_column(hub: Hub, tmp_path: Path) -> None:
    for name in ("indicators.csv", "units.csv", "successions.csv"):
        shutil.copy(catalogue.FOLDER / name, tmp_path)
    lines = (tmp_path / "units.csv").read_text(encoding="utf-8").splitlines()
    lines[9] = lines[9].replace("LC,", "LC-KHONG-CO,").removesuffix(",,") + ",hôm qua,"
    (tmp_path / "units.csv").write_text("\n".join(lines), encoding="utf-8")
    rows = (tmp_path / "indicators.csv").read_text(encoding="utf-8").splitlines()
    number = next(number for number, row in enumerate(rows) if row.startswith("GD06,"))
    rows[number] = rows[number].replace("LC-SGDDT", "LC-KHONG-CO")
    (tmp_path / "indicators.csv").write_text("\n".join(rows), encoding="utf-8")
    code, shown = run(tmp_path, "--yes", "--json")
    assert (code, hub.loads) == (1, [])
    assert [(fault["file"], fault["row"], fault["field"], fault["code"]) for fault in json.loads(shown)["faults"]] == [
        ("indicators.csv", number + 1, "lead_agency", "unknown"),
        ("units.csv", 10, "valid_from", "date"),
    ]


def test_a_file_that_cannot_be_read_is_told_before_anyone_is_asked(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "units.csv").write_bytes("id,kind,type,name,parent\nLC,province,tỉnh,Lai Châu,\n".encode("utf-16"))
    code, shown = run(tmp_path, "--yes")
    assert (code, hub.loads) == (1, [])
    assert "UTF-16" in shown
