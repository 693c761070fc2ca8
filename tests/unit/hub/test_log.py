"""`hub log verify`: an export is judged without a hub, in words and for scripts."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from hub.main import app
from tests.unit.shared.test_message_verification import made

runner = CliRunner()


def test_an_export_as_it_was_written_is_confirmed_with_its_head(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    file.write_bytes(b"".join(made()))
    result = runner.invoke(app, ["log", "verify", str(file)], terminal_width=200)
    assert result.exit_code == 0
    assert "7 messages, 41 to 47, are as they were sealed" in result.stdout
    assert json.loads(made()[0])["head"] in result.stdout


def test_every_fault_of_an_export_is_named_the_first_one_first(tmp_path: Path) -> None:
    file, lines = tmp_path / "log.jsonl", made()
    lines[2] = lines[2].replace(b'"answered"', b'"refused"')
    del lines[5]
    file.write_bytes(b"".join(lines))
    told = runner.invoke(app, ["log", "verify", str(file)], terminal_width=200)
    assert told.exit_code == 1
    assert told.stderr.index("first changed: message 42") < told.stderr.index("missing: message 45")
    script = json.loads(runner.invoke(app, ["log", "verify", str(file), "--json"]).stdout)
    assert not script["holds"]
    assert [(item["what"], item["number"]) for item in script["faults"]] == [("changed", 42), ("missing", 45)]
