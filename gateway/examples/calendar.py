"""Examples of working days and of a regime's calendar."""

from __future__ import annotations

from typing import Any

WORKING_DAYS: list[dict[str, Any]] = [
    {"day": "2026-01-02", "day_off": "Nghỉ Tết Dương lịch 2026 (hoán đổi với ngày 10/01/2026)", "next": "2026-01-05"}
]
REGIME_CALENDAR: dict[str, Any] = {
    "regime": "KTXH-NAM",
    "name": "Chế độ báo cáo kinh tế - xã hội hằng năm",
    "year": 2022,
    "periods": [
        {
            "period": "2022",
            "window_from": "2021-12-15",
            "window_to": "2022-12-14",
            "opens": None,
            "deadlines": [
                {
                    "level": None,
                    "nominal": "2022-12-25T17:00:00+07:00",
                    "at": "2022-12-26T17:00:00+07:00",
                    "because": ["Chủ nhật"],
                }
            ],
        }
    ],
}
