"""Examples of plans of a load."""

from __future__ import annotations

from typing import Any

PLAN: dict[str, Any] = {
    "version": 7,
    "added": ["forms[XA-THANG]"],
    "changed": [{"place": "regimes[KTXH-NAM]", "fields": [{"field": "deadline.day", "before": 25, "after": 24}]}],
    "unchanged": 301,
    "fault_count": 1,
    "faults": [
        {
            "place": "forms[XA-THANG].indicators",
            "code": "unknown",
            "message": "XA99 is not in the catalogue",
            "detail": "“XA99” không có trong danh mục.",
        }
    ],
}
