"""Examples of regimes and forms in full, and of their files."""

from __future__ import annotations

from typing import Any

from gateway.examples import FORMS
from gateway.examples.indicators import INDICATORS
from gateway.examples.proposals import PLAN, PROPOSAL

REGIME: dict[str, Any] = {
    "id": "KTXH-NAM",
    "name": "Chế độ báo cáo kinh tế - xã hội hằng năm",
    "kind": "periodic",
    "decision": "Nghị định 09/2019/NĐ-CP, Điều 12 và Điều 13",
    "period_kind": "year",
    "deadline": {"day": 25, "hour": 17, "month": 12, "months_after": 0, "minute": 0},
    "ladder": [],
    "window": None,
    "intake": {"opens_days_before": None, "closes_days_after": None},
    "moves": None,
    "level": "province",
    "owner": None,
    "signature": False,
    "valid_from": None,
    "valid_to": None,
}
REGIMES: dict[str, Any] = {"regimes": [REGIME], "next": None}
REGIME_DETAIL: dict[str, Any] = {"regime": REGIME, "forms": FORMS["forms"]}
FORM_DETAIL: dict[str, Any] = {
    "form": FORMS["forms"][0],
    "layout": {
        "rows": [{"label": "Toàn tỉnh", "indent": 0, "help": ""}],
        "columns": [{"label": "Lớp học", "indent": 0, "help": ""}],
        "cells": [["GD01"]],
    },
    "open_lists": [{"id": "DU-AN", "label": "Dự án trường học", "columns": ["DA01"], "max_rows": 200}],
    "rules": [
        {
            "id": "Q1",
            "expression": "GD02 <= GD01 * 3",
            "severity": "warning",
            "message": "",
            "detail": "Số giáo viên trên lớp cao bất thường.",
        }
    ],
    "help": {"GD01": "Số lớp đang học đến ngày 30/9."},
    "parties": {"enters": [], "approves": [], "receives": ["LC-STC"]},
    "earlier": [],
    "used": INDICATORS["indicators"],
}
PACKAGE: dict[str, Any] = {
    "format": "laichau-regime/1",
    "regime": "GD-THANG",
    "content": {"measures": [], "dimensions": [], "indicators": [], "regimes": [], "forms": []},
    "content_hash": "1f3a5c7d9e0f2a4c6e8b0d1f3a5c7e9f8c6f0e2f3b1d4c5a9e7f6b8a0d2c4e6f",
}
IMPORTED: dict[str, Any] = {
    "plan": {
        **PLAN,
        "fault_count": 1,
        "faults": [
            {
                "place": "forms[GD-THANG-01].indicators",
                "code": "unknown",
                "message": "GD09 is not in the catalogue",
                "detail": "“GD09” không có trong danh mục.",
                "at": "Chỉ tiêu của biểu!C7",
            }
        ],
    },
    "proposal": None,
}
COPIED: dict[str, Any] = {**PROPOSAL, "id": "GD-THANG-2027", "state": "draft"}
