"""Examples of obligations, announcements about them, completeness and history."""

from __future__ import annotations

from typing import Any

from gateway.examples import SUBMISSION, SUBMISSION_ID

OBLIGATION: dict[str, Any] = {
    **SUBMISSION,
    "submitted_at": "2016-12-27T02:15:30Z",
    "on_time": False,
    "late": True,
    "extended_to": None,
    "intake": "open",
}
OBLIGATIONS: dict[str, Any] = {"submissions": [OBLIGATION], "next": None}
ANNOUNCEMENT: dict[str, Any] = {
    "announcement": "0c7a4f52-3a5d-4b8e-9d0e-6a1f2b3c4d5e",
    "act": "extended",
    "reason": "Mưa lũ chia cắt nhiều xã từ ngày 20/9.",
    "until": "2026-09-30T17:00:00+07:00",
    "changed": [SUBMISSION_ID],
    "unchanged": 0,
    "refused": {},
}
COMPLETENESS_ROW: dict[str, Any] = {
    "key": "LC",
    "name": "Tỉnh Lai Châu",
    "expected": 38,
    "actual": 36,
    "on_time": 35,
    "late": 1,
    "missing": 2,
    "overdue": 2,
    "approved": 30,
    "waived": 0,
    "completeness": "94.7",
    "timeliness": "92.1",
}
COMPLETENESS: dict[str, Any] = {
    "by": "unit",
    "rows": [COMPLETENESS_ROW],
    "total": {**COMPLETENESS_ROW, "key": "", "name": None},
}
HISTORY: dict[str, Any] = {
    "submission_id": SUBMISSION_ID,
    "entries": [
        {"at": "2016-12-20T02:15:30Z", "by": "sgddt.nhaplieu", "what": "submitted", "round": 1, "count": 11},
        {"at": "2016-12-21T08:00:00Z", "by": "sgddt.lanhdao", "what": "approved", "round": 1},
    ],
}
PAPER: dict[str, Any] = {
    "received_on": "2016-12-23",
    "document": "Báo cáo số 415/BC-SGDĐT",
    "vouched_by": "Văn thư Văn phòng UBND tỉnh",
    "reason": "Mất đường truyền từ ngày 22 đến ngày 27/12.",
}
