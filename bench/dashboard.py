"""Province-wide questions to a warehouse of ten million observations: the grid of a form for all communes, sums of the
province over many forms, series. Each answer is timed from the call to its JSON; gateway and queue are left out."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

import msgspec

from bench.ground import Ground
from bench.result import Measure, Result, percentile
from bench.warehouse import ANALYST, FORM_SIZE, Filled, filled
from shared.memory import settle

_PERIODS = [f"2025-{month:02}" for month in range(7, 13)] + [f"2026-{month:02}" for month in range(1, 11)]


def run(ground: Ground) -> Result:
    """Ask each question for random forms and months."""
    made = filled(ground)
    chance = random.Random(20)
    turns = 30 if ground.quick else 100
    rows = f"{made.rows:,} observations"
    result = Result("dashboard", notes=[f"filled in {made.fill_seconds:.0f} s"])
    for ask in (_grid, _overview, _series):
        ask(made, chance)
    settle()  # as every process of the hub does
    grid = _timed(lambda: _grid(made, chance), turns)
    overview = _timed(lambda: _overview(made, chance), turns)
    series = _timed(lambda: _series(made, chance), turns)
    for what, taken in (
        (f"{rows}: grid of a form, 38 communes, p95", grid),
        ("sums of the province, 30 indicators of many forms, p95", overview),
        ("10 indicators, 38 communes, 13 months, p95", series),
    ):
        result.measures += [
            Measure(what, percentile(taken, 95) * 1000, "ms", bar=300, least=False),
            Measure("its median", percentile(taken, 50) * 1000, "ms"),
        ]
    return result


def _timed(ask: Callable[[], Any], turns: int) -> list[float]:
    taken = []
    for _ in range(turns):
        begun = time.perf_counter()
        msgspec.json.encode(ask())
        taken.append(time.perf_counter() - begun)
    return taken


def _grid(made: Filled, chance: random.Random) -> Any:
    form, period = chance.choice(list(made.forms)), chance.choice(_PERIODS)
    grid = made.service.read_grid(ANALYST, period, form=form, under="LC")
    if len(grid.rows) != FORM_SIZE * (len(made.units) + 1) or grid.rows[0].same_period_last_year.value is None:
        raise AssertionError(f"{form} of {period} has {len(grid.rows)} rows")
    return grid


def _overview(made: Filled, chance: random.Random) -> Any:
    codes = chance.sample([code for members in made.forms.values() for code in members], 30)
    return made.service.read_grid(ANALYST, chance.choice(_PERIODS), indicators=codes, under="LC", totals_only=True)


def _series(made: Filled, chance: random.Random) -> Any:
    codes = chance.sample([code for members in made.forms.values() for code in members], 10)
    return made.service.read_series(ANALYST, codes, made.units, "2025-10", "2026-10")
