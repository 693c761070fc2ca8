"""Examples of jobs over dead letters."""

from __future__ import annotations

from typing import Any

ORDER: dict[str, Any] = {"queue": "indicators.submission_finalised", "error": "warehouse.other_hash", "expected": 120}
JOB: dict[str, Any] = {
    "id": "7",
    "action": "replay",
    "state": "finished",
    "filter": {"queue": "indicators.submission_finalised", "error": "warehouse.other_hash"},
    "reason": None,
    "requested_by": "van-hanh",
    "rate": 50,
    "started_at": "2016-12-21T08:00:00Z",
    "finished_at": "2016-12-21T08:00:03Z",
    "stopped_by": None,
    "matched": 120,
    "done": 119,
    "skipped": 1,
    "left": 0,
    "died_again": 0,
}
RUNNING: dict[str, Any] = {**JOB, "state": "running", "finished_at": None, "done": 0, "skipped": 0, "left": 120}
STOPPED: dict[str, Any] = {
    **JOB, "state": "stopped", "stopped_by": "van-hanh", "done": 50, "skipped": 0, "left": 70
}  # fmt: skip
JOBS: dict[str, Any] = {"jobs": [JOB], "next": None}
HISTORY: list[dict[str, Any]] = [
    {
        "at": "2016-12-21T08:00:02Z",
        "what": "died",
        "by": None,
        "reason": "Invalid: warehouse.other_hash",
        "attempts": 1,
        "job": None,
    }
]
