"""One example of every answer, as the documentation shows it, by subject. Figures are published ones of Lai Châu."""

from __future__ import annotations

from typing import Any

SUBMISSION_ID = "5f0c2a8e-6d0b-5d55-9d1c-6a1d1b7c2f10"
HASH = "8c6f0e2f3b1d4c5a9e7f6b8a0d2c4e6f1a3b5c7d9e0f2a4c6e8b0d1f3a5c7e9f"
RECEIPT_ID = "r_mfrggzdfmztwq2lknnwg23tpobyxe43u"

FORMS: dict[str, Any] = {
    "forms": [
        {
            "id": "GD-NAM",
            "name": "Giáo dục và đào tạo, năm",
            "regime": "KTXH-NAM",
            "period_kind": "year",
            "indicators": ["GD03.THPT", "GD06"],
            "derived": [],
            "required": ["GD06"],
            "owed_by": [{"unit": "LC", "agency": "LC-SGDDT"}],
            "periods": {"from": 2005, "to": 2026},
            "version": 1,
        }
    ],
    "next": None,
}
LOADED: dict[str, Any] = {"version": 1, "added": 241, "changed": 0, "unchanged": 0}

RECEIPT_ACCEPTED: dict[str, Any] = {
    "receipt_id": RECEIPT_ID,
    "state": "accepted",
    "fingerprint": HASH,
    "accepted_at": "2026-11-20T02:15:30.123456Z",
    "processed_at": None,
    "counts": {},
    "outcomes": [],
    "submissions": [],
}
RECEIPT: dict[str, Any] = {
    **RECEIPT_ACCEPTED,
    "state": "processed",
    "processed_at": "2026-11-20T02:15:30.311840Z",
    "counts": {"accepted": 9, "refused": 1},
    "outcomes": [
        {
            "position": 5,
            "indicator": "GD06",
            "unit": "LC",
            "period": "2016",
            "outcome": "refused",
            "code": "V203",
            "message": "2514.5 is not a whole number",
            "detail": "Chỉ tiêu này chỉ nhận số nguyên.",
        }
    ],
    "submissions": [SUBMISSION_ID],
}
PUSH: dict[str, Any] = {
    "form": "GD-NAM",
    "unit": "LC",
    "period": "2016",
    "figures": [
        {"indicator": "GD03.THPT", "value": "8.966", "measure": "học sinh"},
        {"indicator": "GD06", "value": 2514},
        {"indicator": "GD05", "value": None, "nothing_occurred": True},
    ],
}
SUBMISSION: dict[str, Any] = {
    "id": SUBMISSION_ID,
    "form": "GD-NAM",
    "unit": "LC",
    "agency": "LC-SGDDT",
    "period": "2016",
    "state": "submitted",
    "round": 1,
    "content_hash": HASH,
    "deadline": "2016-12-26T10:00:00Z",
    "submitted_at": "2016-12-20T02:15:30Z",
    "approved_round": None,
    "on_time": True,
    "unit_name": "Tỉnh Lai Châu",
    "agency_name": "Sở Giáo dục và Đào tạo",
}
FIGURE: dict[str, Any] = {
    "indicator": "GD03.THPT",
    "value": "8966",
    "status": "official",
    "origin": "hand",
    "by": "sgddt.nhaplieu",
    "at": "2016-12-20T02:10:00Z",
    "receipt_id": None,
    "version": 2,
    "conflict": None,
}
SUBMISSIONS: dict[str, Any] = {"submissions": [SUBMISSION], "next": None}
SUBMISSION_DETAIL: dict[str, Any] = {
    "submission": SUBMISSION,
    "figures": [FIGURE],
    "findings": [],
    "reasons": [{"text": "Số học sinh THPT chưa khớp với sổ của các trường.", "indicator": "GD03.THPT"}],
    "missing": [],
}
CASE: dict[str, Any] = {
    "id": f"{SUBMISSION_ID}/1",
    "submission_id": SUBMISSION_ID,
    "round": 1,
    "content_hash": HASH,
    "form": "GD-NAM",
    "unit": "LC",
    "agency": "LC-SGDDT",
    "period": "2016",
    "state": "approved",
    "submitted_by": "sgddt.nhaplieu",
    "submitted_at": "2016-12-20T02:15:30Z",
    "decided_by": "sgddt.lanhdao",
    "decided_at": "2016-12-21T08:00:00Z",
    "reasons": [],
}
CASES: dict[str, Any] = {"cases": [CASE], "next": None}
OBSERVATION: dict[str, Any] = {
    "indicator": "NN01.NS",
    "unit": "LC",
    "period": "2016",
    "form": "NN-NAM",
    "value": "43.5",
    "status": "official",
    "derived": True,
    "level": "province",
    "batch": 12,
    "version": 1,
    "recorded_at": "2016-12-21T08:00:01Z",
    "submission_id": SUBMISSION_ID,
    "round": 1,
}
OBSERVATIONS: dict[str, Any] = {"observations": [OBSERVATION], "next": None}
PARTNERS: list[dict[str, Any]] = [
    {
        "id": "quoc-gia",
        "name": "Hệ thống thông tin báo cáo Chính phủ",
        "protocol": "soap",
        "endpoint": "https://baocao.example.vn/soap",
        "deliveries": {"acknowledged": 3},
        "last_proof_at": "2016-12-22T00:00:05Z",
        "last_scrub_at": "2016-12-22T00:00:00Z",
        "standing": {
            "circuit": "closed",
            "failures": 0,
            "story": None,
            "hold": None,
            "until": None,
            "repeats_left": None,
        },
        "permitted": True,
        "held": None,
        "permitted_to": None,
        "oldest_open_seconds": 0.0,
        "open_differences": {},
        "for_a_person": 0,
    }
]
DELIVERY: dict[str, Any] = {
    "id": "7d4c1f50-2f5e-4f0a-9a55-0b2f3c4d5e6f",
    "partner": "quoc-gia",
    "form": "GD-NAM",
    "unit": "LC",
    "period": "2016",
    "version": 1,
    "kind": "release",
    "state": "acknowledged",
    "attempts": 2,
    "created_at": "2016-12-21T08:00:01Z",
    "updated_at": "2016-12-21T08:00:09Z",
    "next_attempt_at": None,
    "error": None,
}
DELIVERIES: dict[str, Any] = {"deliveries": [DELIVERY], "next": None}
DELIVERY_DETAIL: dict[str, Any] = {
    "delivery": DELIVERY,
    "attempts": [
        {
            "number": 1,
            "started_at": "2016-12-21T08:00:02Z",
            "seconds": 0.031,
            "outcome": "waiting",
            "error": "503 Service Unavailable",
        }
    ],
}
RECONCILIATION: dict[str, Any] = {
    "id": "0b7f6c1e-8e0a-4c8e-9a27-2d1f7b6a5c4d",
    "partner": "quoc-gia",
    "state": "repaired",
    "started_at": "2016-12-22T00:00:00Z",
    "finished_at": "2016-12-22T00:00:05Z",
    "equal": True,
    "entries": 79,
    "buckets": 3,
    "calls": 5,
    "bytes_compared": 1420,
    "scrub_age_seconds": 5.2,
    "differences": [
        {
            "form": "GD-NAM",
            "unit": "12",
            "period": "2016",
            "indicator": "T12.GD01.TH",
            "kind": "missing_there",
            "expected": "1386",
            "found": None,
            "state": "repaired",
        }
    ],
    "error": None,
    "direction": "receiver",
    "method": "groups",
}
RECONCILIATIONS: dict[str, Any] = {"reconciliations": [RECONCILIATION], "next": None}
DEAD_LETTER: dict[str, Any] = {
    "id": "311",
    "queue": "indicators.submission_finalised",
    "event": "submission_finalised",
    "message_id": "0194f0a2-5c7e-7cc0-b4c6-8f0d1e2a3b4c",
    "correlation_id": "0f6c9d3c7b0e4a0f8a3b5f1f2f1d9c11",
    "subject": f"{SUBMISSION_ID}/1",
    "error": "Invalid: warehouse.other_hash",
    "attempts": 1,
    "died_at": "2016-12-21T08:00:02Z",
    "state": "dead",
    "replays": 0,
    "body": None,
    "history": [],
}
DEAD_LETTERS: dict[str, Any] = {"dead_letters": [DEAD_LETTER], "total": 1, "next": None}
INBOX: dict[str, Any] = {
    "entries": [
        {
            "id": "42",
            "at": "2016-12-20T08:00:00Z",
            "title": "Số liệu bị trả lại",
            "text": "Biểu GD-NAM năm 2016 bị trả lại: số học sinh THPT chưa khớp.",
            "subject": f"{SUBMISSION_ID}/1",
            "link": f"/v1/submissions/{SUBMISSION_ID}",
            "read": False,
        }
    ],
    "unread": 1,
    "next": None,
}
TOKEN: dict[str, Any] = {"access_token": "eyJhbGciOi…", "token_type": "Bearer", "expires_in": 900, "scope": "data.push"}
STATUS: dict[str, Any] = {
    "broker": "connected",
    "partners": PARTNERS,
    "dead_letters": 0,
    "services": [
        {
            "service": "submissions",
            "reachable": True,
            "status": {
                "service": "submissions",
                "outbox_unsent": 0,
                "outbox_oldest_seconds": 0.0,
                "unsealed_audit": 0,
                "unsealed_oldest_seconds": 0.0,
                "incomplete_chunk_sets": 0,
                "incomplete_oldest_seconds": 0.0,
            },
            "error": None,
        }
    ],
}
