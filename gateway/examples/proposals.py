"""Examples of proposals."""

from __future__ import annotations

from typing import Any

HASH = "1f3a5c7d9e0f2a4c6e8b0d1f3a5c7e9f8c6f0e2f3b1d4c5a9e7f6b8a0d2c4e6f"
CONTENT: dict[str, Any] = {
    "regimes": [
        {
            "id": "GD-THANG",
            "name": "Báo cáo giáo dục hằng tháng",
            "decision": "Quyết định 15/2026/QĐ-UBND",
            "period_kind": "month",
            "deadline": {"day": 20, "hour": 17},
            "level": "province",
        }
    ]
}
DRAFT: dict[str, Any] = {"title": "Chế độ báo cáo giáo dục hằng tháng", "content": CONTENT, "expected_hash": None}
PROPOSAL: dict[str, Any] = {
    "id": "GD-THANG-2026",
    "title": "Chế độ báo cáo giáo dục hằng tháng",
    "owner": "LC-SGDDT",
    "authors": ["person:sgddt.quantri"],
    "state": "proposed",
    "round": 1,
    "content_hash": HASH,
    "created_at": "2026-03-02T01:30:00Z",
    "updated_at": "2026-03-02T02:10:00Z",
    "decision": None,
    "reason": None,
    "decided_by": None,
    "decided_at": None,
    "catalogue_version": None,
}
PUBLISHED: dict[str, Any] = {
    **PROPOSAL,
    "state": "published",
    "decision": "Quyết định 15/2026/QĐ-UBND",
    "decided_by": "person:quantri",
    "decided_at": "2026-03-05T03:00:00Z",
    "catalogue_version": 7,
}
REVIEW: dict[str, Any] = {
    "by": "person:stc.tonghop",
    "agency": "LC-STC",
    "round": 1,
    "agrees": False,
    "text": "Chỉ tiêu trùng với biểu của Bộ, đề nghị dùng lại mã GD01.",
    "at": "2026-03-03T07:00:00Z",
}
PLAN: dict[str, Any] = {
    "version": 6,
    "added": ["regimes[GD-THANG]"],
    "changed": [],
    "unchanged": 0,
    "fault_count": 0,
    "faults": [],
}
DETAIL: dict[str, Any] = {
    "proposal": PROPOSAL,
    "content": CONTENT,
    "reviews": [REVIEW],
    "plan": PLAN,
}
PROPOSALS: dict[str, Any] = {"proposals": [PROPOSAL], "next": None}
