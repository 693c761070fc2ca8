"""Findings, comments on them, and dry checks."""

from __future__ import annotations

from typing import Any

_SUBMISSION_ID = "5f0c2a8e-6d0b-5d55-9d1c-6a1d1b7c2f10"

FINDING: dict[str, Any] = {
    "code": "V312",
    "severity": "warning",
    "indicator": "GD03.THPT",
    "message": "GD03.THPT is 8966, +68.5 % against the same period last year (2015: 5321), more than 50 %",
    "detail": "GD03.THPT là 8966, thay đổi +68.5 % so với cùng kỳ năm trước (2015: 5321), quá 50 %.",
    "wants_comment": True,
    "comment": "Sáp nhập hai trường THPT từ tháng 9.",
}
FINDINGS: dict[str, Any] = {"findings": [FINDING], "submittable": True}
COMMENT: dict[str, Any] = {
    "code": "V312",
    "indicator": "GD03.THPT",
    "about": "GD03.THPT=8966",
    "text": "Sáp nhập hai trường THPT từ tháng 9.",
    "by": "sgddt.nhaplieu",
    "at": "2016-12-20T02:12:00Z",
    "detail": FINDING["detail"],
}
CHECK: dict[str, Any] = {
    "counts": {"accepted": 2, "unchanged": 0, "refused": 0, "superseded": 0, "conflict": 0},
    "outcomes": [],
    "drafts": [
        {
            "submission_id": _SUBMISSION_ID,
            "unit": "LC",
            "period": "2016",
            "findings": [{**FINDING, "comment": None}],
        }
    ],
}
