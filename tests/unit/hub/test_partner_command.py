"""`hub partner put` shows what changes, not what stays as usual."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hub.commands import partners
from hub.main import app


class Planning:
    """A gateway that plans."""

    def __init__(self, *changes: tuple[str, Any, Any]) -> None:
        self.changes = [dict(zip(("field", "before", "after"), change, strict=True)) for change in changes]

    def ask(self, *_: Any, **__: Any) -> dict[str, Any]:
        return {"partner": "p", "action": "created", "version": 1, "changes": self.changes, "deliveries": 2,
                "all_counted": False}  # fmt: skip


def test_a_plan_shows_what_the_document_says_and_counts_what_stays_as_usual(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "p.json").write_text(json.dumps({"id": "p", "mapping": {"indicators": {"GD01": "A"}}}))
    gateway = Planning(
        ("mapping.indicators.GD01", None, "A"), ("deletes", None, True), ("min_level", "agency", "province")
    )
    monkeypatch.setattr(partners, "_operator", lambda: gateway)
    ran = CliRunner().invoke(app, ["partner", "put", str(tmp_path / "p.json"), "--dry-run"])
    assert ran.exit_code == 0, ran.output
    assert "mapping.indicators.GD01" in ran.output and "min_level" in ran.output and "deletes" not in ran.output
    assert "1 fields that the document does not name have their defaults" in " ".join(ran.output.split())
    assert "deliveries that follow: at least 2" in ran.output
