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
HISTORY_BODY: dict[str, Any] = {
    "source": "Tổng cục Thống kê, số liệu theo tỉnh",
    "decision": "01/QĐ-UBND",
    "dry_run": True,
    "figures": [
        {"indicator": "NN01.DT", "unit": "LC", "period": "2016", "value": "31.3"},
        {"indicator": "NN08", "unit": "LC", "period": "2016", "value": None, "nothing_occurred": True},
        {"indicator": "NN01.NS", "unit": "LC", "period": "2016", "value": "43.5"},
    ],
}
HISTORY: dict[str, Any] = {
    "id": "8c6f0e2f3b1d4c5a9e7f6b8a0d2c4e6f1a3b5c7d9e0f2a4c6e8b0d1f3a5c7e9f",
    "source": "Tổng cục Thống kê, số liệu theo tỉnh",
    "decision": "01/QĐ-UBND",
    "figures": 863,
    "recorded": 764,
    "unchanged": 0,
    "batches": 72,
    "published": 99,
    "compared": 99,
    "within": 97,
    "differences": [
        {
            "row": 412,
            "indicator": "NN01.NS",
            "unit": "LC",
            "period": "2008",
            "published": "34.3",
            "computed": "35.6",
        }
    ],
    "repeated": False,
    "dry_run": True,
}
HISTORY_LOADS: list[dict[str, Any]] = [
    {
        "id": HISTORY["id"],
        "source": HISTORY["source"],
        "decision": HISTORY["decision"],
        "loaded_at": "2026-03-02T02:15:30.123456Z",
        "loaded_by": "person:van.phong",
        "result": {**HISTORY, "dry_run": False},
    }
]
PUBLISHING: dict[str, Any] = {
    "form": "NN-NAM",
    "period_from": "2010",
    "period_to": "2016",
    "units": ["LC"],
    "indicators": ["NN01.DT", "NN01.SL", "NN01.NS"],
    "decision": "05/QĐ-CTK",
    "decided_on": "2017-03-31",
}
PUBLICATION: dict[str, Any] = {
    **PUBLISHING,
    "id": "8c6f0e2f3b1d4c5a9e7f6b8a0d2c4e6f",
    "published_at": "2026-03-02T02:15:30.123456Z",
    "published_by": "person:van.phong",
    "withdrawn_at": None,
    "withdrawn_by": None,
    "withdrawal_decision": None,
}
PUBLICATIONS: dict[str, Any] = {"publications": [PUBLICATION], "next": None}
PUBLIC: dict[str, Any] = {"publications": [PUBLISHING], "next": None}
PUBLISHED: dict[str, Any] = {
    "observations": [
        {
            "indicator": "NN01.NS",
            "unit": "LC",
            "period": "2016",
            "form": "NN-NAM",
            "value": "43.5",
            "status": "official",
            "derived": True,
            "version": 1,
            "recorded_at": "2016-12-21T08:00:01Z",
            "label": None,
            "basis": None,
        }
    ],
    "next": None,
}
