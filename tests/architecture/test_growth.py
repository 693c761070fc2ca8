"""docs/growth.md computes from figures that docs/bench.md has."""

from __future__ import annotations

import re

from hub.docs import ROOT

GROWTH = (ROOT / "docs" / "growth.md").read_text(encoding="utf-8")
BENCH = (ROOT / "docs" / "bench.md").read_text(encoding="utf-8")


def test_every_figure_that_is_computed_with_was_measured() -> None:
    table = GROWTH[GROWTH.index("## Against what was measured") : GROWTH.index("## What follows")]
    rows = [line.split("|") for line in table.splitlines() if line.startswith("|")][2:]
    assert len(rows) >= 8
    for _, step, _, measured, *_ in rows:
        figures = re.findall(r"\d+[.,]\d+|\d{2,}", re.split("[;:]", measured)[0])
        assert figures, step
        for figure in figures:
            assert re.search(rf"(?<![\d.,]){re.escape(figure)}(?![\d])", BENCH), f"{step}: bench.md has no {figure}"
