"""Series, grids, batches: what the warehouse answers."""

from __future__ import annotations

from typing import Any

SERIES: dict[str, Any] = {
    "as_of": 41,
    "kind": "year",
    "series": [
        {
            "indicator": "NN01.NS",
            "unit": "LC",
            "points": [
                {
                    "period": "2015",
                    "state": "value",
                    "value": "43.1",
                    "status": "official",
                    "derived": True,
                    "label": None,
                    "basis": None,
                },
                {
                    "period": "2016",
                    "state": "missing",
                    "value": None,
                    "status": None,
                    "derived": False,
                    "label": None,
                    "basis": None,
                },
            ],
        }
    ],
}
_PREDECESSORS = {"value": "105", "state": "value", "basis": "predecessors", "incomplete": False}
GRID: dict[str, Any] = {
    "period": "2025-07",
    "as_of": 41,
    "last_period": "2025-06",
    "same_period_last_year": "2024-07",
    "units": {"LC-X03388-2025": "Đoàn Kết"},
    "indicators": {"NN01.SL": {"name": "Sản lượng lúa", "measure": "nghìn tấn", "decimals": 1}},
    "rows": [
        {
            "unit": "LC-X03388-2025",
            "indicator": "NN01.SL",
            "same_period_last_year": _PREDECESSORS,
            "last_period": {**_PREDECESSORS, "value": "15"},
            "this_period": {"value": "20.5", "state": "value", "basis": "own", "incomplete": False},
            "against_last_period": "136.7",
            "against_same_period": "19.5",
            "since_january": {**_PREDECESSORS, "value": "110.5"},
            "since_january_last_year": {**_PREDECESSORS, "incomplete": True},
            "against_last_year": None,
        }
    ],
}
BATCHES: dict[str, Any] = {
    "batches": [
        {
            "batch": 41,
            "recorded_at": "2026-03-02T02:15:30.123456Z",
            "form": "NN-NAM",
            "unit": "LC",
            "period": "2016",
            "submission_id": "5f0c2a8e-6d0b-5d55-9d1c-6a1d1b7c2f10",
            "round": 1,
        }
    ],
    "next": None,
}
OUTLIERS: dict[str, Any] = {
    "year": 2008,
    "method": "modified_z_score",
    "threshold": "3.5",
    "pending": 0,
    "outliers": [
        {
            "indicator": "NN01.SL",
            "unit": "LC",
            "period": "2008",
            "form": "NN-NAM",
            "value": "1061",
            "status": "official",
            "score": "126.42",
            "before": 8,
            "mean": "101.25",
            "deviation": "5.1478",
            "median": "101.5",
            "spread": "5.12",
            "low": "92.4",
            "high": "109.7",
        }
    ],
}
