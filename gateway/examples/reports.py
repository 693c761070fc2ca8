"""The report of a reconciliation, as the documentation shows it."""

from __future__ import annotations

from typing import Any

REPORT: dict[str, Any] = {
    "reconciliation_id": "41",
    "made_at": "2016-12-22T01:30:00Z",
    "partner": "quoc-gia",
    "partner_name": "Hệ thống thông tin báo cáo Chính phủ",
    "direction": "receiver",
    "direction_words": "Đối soát với hệ thống nhận",
    "ours_words": "Số liệu của tỉnh",
    "theirs_words": "Bên nhận đang giữ",
    "state": "repaired",
    "state_words": "Khớp sau khi sửa",
    "tone": "good",
    "verdict": "Hai bên khớp 100 % (79 số liệu): đã sửa 1 số liệu khác nhau và đọc lại.",
    "done": "Đã sửa và đọc lại 1.",
    "started_at": "2016-12-22T00:00:00Z",
    "finished_at": "2016-12-22T00:00:05Z",
    "equal": True,
    "entries": 79,
    "matched": 79,
    "share": "100",
    "found": 1,
    "repaired": 1,
    "accepted": 0,
    "left": 0,
    "classes": [{"kind": "missing_there", "kind_words": "Bên nhận chưa có", "found": 1, "left": 0}],
    "scopes": [
        {
            "form": "GD-NAM",
            "form_name": "Giáo dục của tỉnh (năm)",
            "period": "2016",
            "period_words": "năm 2016",
            "entries": 79,
            "differing": 0,
        }
    ],
    "differences": [
        {
            "kind": "missing_there",
            "kind_words": "Bên nhận chưa có",
            "form": "GD-NAM",
            "form_name": "Giáo dục của tỉnh (năm)",
            "unit": "LC",
            "unit_name": "Tỉnh Lai Châu",
            "period": "2016",
            "period_words": "năm 2016",
            "indicator": "GD01.TH",
            "indicator_name": "Số trường tiểu học",
            "ours": "1.386",
            "theirs": None,
            "state": "repaired",
            "state_words": "Đã sửa, đã đọc lại",
            "owner": "LC-VP",
            "owner_name": "Văn phòng UBND tỉnh",
            "since": "2016-12-22T00:00:01Z",
            "age_seconds": 5399.0,
            "times": 1,
            "note": None,
        }
    ],
    "omitted": 0,
    "trend": [
        {
            "reconciliation_id": "40",
            "at": "2016-12-21T23:00:05Z",
            "state": "equal",
            "state_words": "Khớp",
            "entries": 79,
            "found": 0,
            "left": 0,
        }
    ],
    "proof": {
        "read_at": "2016-12-22T00:00:05Z",
        "entries": 79,
        "groups": 3,
        "calls": 5,
        "bytes_compared": 1420,
        "pending": 0,
        "scrubbed_at": "2016-12-21T23:53:00Z",
        "scrub_age_seconds": 425.0,
        "warehouse_checked_at": "2016-12-21T23:51:00Z",
        "reread": True,
    },
    "error": None,
}
