"""A roll-up of the communes' figures into the province's draft."""

from __future__ import annotations

from typing import Any

from gateway import examples

ROLLUP: dict[str, Any] = {
    "submission": {
        **examples.SUBMISSION,
        "state": "draft",
        "content_hash": None,
        "submitted_at": None,
        "on_time": None,
    },
    "form": "GD-XA",
    "by": "sgddt.tonghop",
    "at": "2025-12-19T02:15:30Z",
    "covered": 37,
    "expected": 38,
    "missing": [
        {
            "submission_id": "0c9d4b6e-1f5a-5b1c-8a5e-2b7f9d3c4e10",
            "unit": "LC-X03451-2004",
            "name": "Mù Cả",
            "period": "2025",
            "state": "returned",
            "round": None,
            "approved_round": None,
        }
    ],
    "results": [
        {
            "indicator": "GD06",
            "rule": "sum",
            "outcome": "accepted",
            "value": "2514",
            "status": "official",
            "rounded": False,
            "contributed": 37,
            "expected": 38,
            "contributions": [
                {
                    "submission_id": "7d0e5c1a-3b2f-5e4d-9c8b-6a5f4e3d2c1b",
                    "unit": "LC-X03388-2025",
                    "period": "2025",
                    "round": 1,
                    "value": "112",
                    "status": "official",
                    "weight": None,
                    "used": True,
                    "note": None,
                }
            ],
        }
    ],
}
