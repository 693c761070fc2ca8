"""Examples of a partner administered."""

from __future__ import annotations

from typing import Any

DOCUMENT: dict[str, Any] = {
    "name": "Hệ thống báo cáo của bộ, ngành",
    "protocol": "rest",
    "endpoint": "https://baocao.example.vn",
    "credential": "partner_bo-nganh",
    "forms": ["GD-NAM"],
    "permission": {
        "decision": "Văn bản số 123/UBND-VX ngày 05/01/2026",
        "focal_agency": "LC-SGDDT",
        "valid_from": "2026-01-05",
        "valid_to": "2027-01-05",
    },
    "transport": {"kind": "tls"},
    "limits": {"quiet": [{"start": "22:00", "until": "05:00"}]},
    "timetable": {"when": "schedule", "cron": "0 8 15 * *", "working_days": True},
    "mapping": {
        "unit_scheme": "gso",
        "indicators": {"GD06": "0602"},
        "measures": {
            "GD03.THPT": {
                "unit": "nghìn học sinh",
                "factor": "0.001",
                "decimals": 2,
                "rounding": "half_up",
            }
        },
        "later": [{"version": 2, "valid_from": "2026-07-01", "unit_scheme": "gso"}],
    },
}
CHANGE: dict[str, Any] = {"field": "mapping.indicators.GD06", "before": None, "after": "0602"}
PLAN: dict[str, Any] = {
    "partner": "bo-nganh",
    "version": 4,
    "action": "changed",
    "dry_run": True,
    "changes": [CHANGE],
    "deliveries": 12,
    "all_counted": True,
}
DETAIL: dict[str, Any] = {
    "id": "bo-nganh",
    "version": 4,
    "active": True,
    "document": {"id": "bo-nganh", **DOCUMENT},
    "held": "quiet",
    "held_reason": "Hệ thống nhận nghỉ từ 22:00 đến 05:00.",
    "next_call_at": "2026-02-03T05:00:00+07:00",
    "backfilling": False,
    "gaps": 0,
    "versions": [
        {
            "version": 4,
            "at": "2026-02-02T02:15:30Z",
            "by": "person:quantri",
            "action": "changed",
            "reason": "Theo công văn của Bộ",
            "changes": [CHANGE],
        }
    ],
}
REASON: dict[str, Any] = {"reason": "Sự cố an toàn thông tin, theo công văn số 45/VP-TTTT"}
CHECK: dict[str, Any] = {
    "partner": "bo-nganh",
    "at": "2026-02-02T02:15:30Z",
    "passed": False,
    "steps": [
        {
            "step": "certificate",
            "passed": False,
            "told": "TLSv1.3, certificate until 2026-02-05, 3 days left",
            "detail": "TLSv1.3, chứng thư còn hiệu lực đến 05/02/2026 (còn 3 ngày).",
            "seconds": 0.031,
        }
    ],
}
