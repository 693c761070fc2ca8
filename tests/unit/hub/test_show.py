"""How tables are printed where the room differs."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from hub import show

ID = "91960a87-a50a-49b8-9ab2-6676c93b5c1c"
COLUMNS = ("id", "partner", "error")
ROWS = [(ID, "quoc-gia", "không trả lời trong 5 giây"), (ID.replace("9", "8"), "bo-nganh", None)]


def printed(monkeypatch: pytest.MonkeyPatch, *, terminal: bool, width: int) -> list[str]:
    """Return the lines of a table of these rows."""
    out = io.StringIO()
    monkeypatch.setattr(show, "console", Console(file=out, force_terminal=terminal, width=width, color_system=None))
    show.table("Deliveries", COLUMNS, ROWS)
    return out.getvalue().splitlines()


def test_what_is_piped_has_a_line_for_each_row(monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = (line for line in printed(monkeypatch, terminal=False, width=40) if ID in line)
    assert "quoc-gia" in line
    assert "không trả lời trong 5 giây" in line


@pytest.mark.parametrize("width", [200, 80, 50, 30])
def test_no_id_is_broken_in_a_terminal(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    lines = printed(monkeypatch, terminal=True, width=width)
    assert any(ID in line for line in lines)
    assert all(word in " ".join(lines) for word in ("Deliveries", *COLUMNS, "quoc-gia", "bo-nganh"))


def test_a_narrow_terminal_gets_a_block_for_each_row(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = printed(monkeypatch, terminal=True, width=50)
    assert [line for line in lines if line.startswith("partner")] == ["partner  quoc-gia", "partner  bo-nganh"]
    assert sum(line.startswith("error") for line in lines) == 1, "what is empty is left out"
