"""Examples of the registry of security servers."""

from __future__ import annotations

from typing import Any

SERVER: dict[str, Any] = {
    "id": "mcbm-1",
    "owner": "LC-VP",
    "address": "https://mcbm1.laichau.example.vn",
    "purpose": "Kết nối trục liên thông quốc gia",
    "fingerprint": "8c6f0e2f3b1d4c5a9e7f6b8a0d2c4e6f1a3b5c7d9e0f2a4c6e8b0d1f3a5c7e9f",
    "valid_from": "2026-02-09",
    "valid_to": None,
}
ANNOUNCEMENT: dict[str, Any] = {"effective_on": "2026-02-09", "becomes": SERVER, "emergency": False, "reason": ""}
REGISTRY: dict[str, Any] = {
    "on": "2026-02-03",
    "standing": [],
    "announced": [
        {
            "number": 1,
            "server": "mcbm-1",
            "effective_on": "2026-02-09",
            "becomes": SERVER,
            "announced_at": "2026-02-03T02:15:30Z",
            "announced_by": "person:quantri",
            "emergency": False,
            "reason": "",
        }
    ],
    "earliest": "2026-02-06",
}
