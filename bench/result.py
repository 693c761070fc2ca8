"""What a row of the benchmarks finds: measures, each with its baseline and its bar."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Measure:
    """One measured thing. `bar` holds for the ratio ours/baseline where there is a baseline, else for `ours`;
    `least` tells whether the bar is the least (a rate) or the most (a time, a size) that reaches it."""

    what: str
    ours: float
    unit: str
    baseline: float | None = None
    bar: float | None = None
    least: bool = True

    @property
    def ratio(self) -> float | None:
        """Ours as a part of the baseline."""
        return None if not self.baseline else self.ours / self.baseline

    @property
    def reached(self) -> bool | None:
        """Whether the bar is reached; None where there is none."""
        if self.bar is None:
            return None
        value = self.ours if self.ratio is None else self.ratio
        return value >= self.bar if self.least else value <= self.bar

    def as_json(self) -> dict[str, object]:
        """All of it for scripts."""
        return {
            "what": self.what,
            "ours": self.ours,
            "unit": self.unit,
            "baseline": self.baseline,
            "ratio": self.ratio,
            "bar": self.bar,
            "reached": self.reached,
        }


@dataclass(slots=True)
class Result:
    """A row's measures, and what a reader should know besides."""

    row: str
    measures: list[Measure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        """All of it for scripts."""
        return {"row": self.row, "measures": [item.as_json() for item in self.measures], "notes": self.notes}


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the value below which `percent` of the values lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def middle(values: Sequence[float]) -> float:
    """Return the median of repeated rounds: one disturbed round does not decide."""
    return statistics.median(values)
