"""Examples of pulls from sources."""

from __future__ import annotations

from typing import Any

PULL: dict[str, Any] = {
    "id": "58",
    "partner": "so-tnmt",
    "state": "succeeded",
    "requested_by": "schedule",
    "started_at": "2016-12-21T08:15:00Z",
    "finished_at": "2016-12-21T08:15:02Z",
    "since": "2016-12-21T07:10:00Z",
    "pages": 2,
    "read": 731,
    "new": 42,
    "unchanged": 687,
    "unmapped": 1,
    "refused": 0,
    "deleted": 1,
    "pushes": 3,
    "tries": 0,
    "error_code": None,
    "error": None,
}
RUNNING: dict[str, Any] = {
    **{name: 0 for name, value in PULL.items() if isinstance(value, int)},
    "id": "59",
    "partner": "so-tnmt",
    "state": "running",
    "requested_by": "van-hanh",
    "started_at": "2016-12-21T09:00:00Z",
    "finished_at": None,
    "since": "2016-12-21T08:10:00Z",
    "error_code": None,
    "error": None,
}
PULLS: dict[str, Any] = {
    "pulls": [PULL],
    "watermark": "2016-12-21T08:14:51.200000Z",
    "last_good_at": "2016-12-21T08:15:02Z",
    "failures": 0,
    "next": None,
}
PULL_DETAIL: dict[str, Any] = {
    "pull": PULL,
    "errors": [
        {
            "page": 2,
            "position": 17,
            "kind": "unmapped",
            "place": "unit",
            "code": "pulls.unmapped_unit",
            "message": "no unit bears '03999' in 2016-11",
            "row": '{"unit":"03999","period":"2016-11","code":"MT04","value":12.5}',
        }
    ],
    "receipts": [
        {
            "receipt_id": "p_4be1c0a7f2d94be1c0a7f2d94be1c0a7f2",
            "form": "MT-THANG",
            "unit": "LC",
            "period": "2016-11",
            "figures": 14,
        }
    ],
}
