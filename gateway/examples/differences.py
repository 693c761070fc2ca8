"""Examples of differences with other systems."""

from __future__ import annotations

from typing import Any

DIFFERENCE: dict[str, Any] = {
    "id": "17",
    "direction": "receiver",
    "partner": "quoc-gia",
    "form": "NN-NAM",
    "unit": "LC",
    "period": "2016",
    "indicator": "NN01.NS",
    "kind": "rounding",
    "state": "accepted",
    "expected": "43.5",
    "found": "44",
    "owner": "LC-VP",
    "task": False,
    "first_seen": "2016-12-22T00:00:04Z",
    "last_seen": "2016-12-23T00:00:04Z",
    "times_seen": 2,
    "recurrences": 0,
    "failed_repairs": 0,
    "age_seconds": 93600.0,
    "reconciliation": "12",
    "accepted_by": "person:van-hanh",
    "accepted_reason": "Bộ làm tròn đến hàng nghìn theo quy định",
    "accepted_until": "2017-03-31",
    "settled_at": None,
}
DIFFERENCES: dict[str, Any] = {"differences": [DIFFERENCE], "next": None}
