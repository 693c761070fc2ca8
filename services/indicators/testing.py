"""A small catalogue for tests: a monthly regime with a form in two columns, of two agencies and three communes."""

from __future__ import annotations

from typing import Any

AGENCY = "LC-SGDDT"


def small_load() -> dict[str, Any]:
    """Return a load that is whole by itself: regime GD-THANG and form GD-THANG-01, owed by the agency about the
    province, with a layout, an open list (columns DA01, DA02) and help."""
    return {
        "measures": [
            {"id": "LOP", "name": "lớp", "dimension": "lớp"},
            {"id": "TRIEU-DONG", "name": "triệu đồng", "dimension": "tiền"},
        ],
        "units": [
            {"id": "LC", "name": "Lai Châu", "kind": "province"},
            {"id": AGENCY, "name": "Sở Giáo dục và Đào tạo", "kind": "agency", "parent": "LC"},
            {"id": "LC-SGDDT-KHTC", "name": "Phòng Kế hoạch - Tài chính", "kind": "department", "parent": AGENCY},
            {"id": "LC-SYT", "name": "Sở Y tế", "kind": "agency", "parent": "LC"},
            *({"id": f"X{n}", "name": f"Xã {n}", "kind": "commune", "parent": "LC"} for n in (1, 2, 3)),
        ],
        "indicators": [
            _indicator("GD01", "Số lớp học", "lớp", "integer"),
            _indicator("GD02", "Số phòng học", "lớp", "integer"),
            _indicator("DA01", "Vốn của dự án", "triệu đồng", "decimal"),
            _indicator("DA02", "Vốn đã giải ngân", "triệu đồng", "decimal"),
        ],
        "regimes": [
            {
                "id": "GD-THANG",
                "name": "Báo cáo giáo dục hằng tháng",
                "decision": "Quyết định 15/2025/QĐ-UBND",
                "period_kind": "month",
                "deadline": {"day": 20},
                "level": "province",
            }
        ],
        "forms": [
            {
                "id": "GD-THANG-01",
                "name": "Trường, lớp hằng tháng",
                "regime": "GD-THANG",
                "period_kind": "month",
                "indicators": ["GD01", "GD02"],
                "required": ["GD01"],
                "owed_by": [{"unit": "LC", "agency": AGENCY}],
                "periods": {"from": "2026-01"},
                "layout": {
                    "rows": [{"label": "Toàn tỉnh"}],
                    "columns": [{"label": "Lớp"}, {"label": "Phòng"}],
                    "cells": [["GD01", "GD02"]],
                },
                "open_lists": [{"id": "DU-AN", "label": "Dự án", "columns": ["DA01", "DA02"], "max_rows": 5}],
                "help": {"GD01": "Số lớp đang học đến ngày cuối tháng."},
            }
        ],
    }


def _indicator(code: str, name: str, measure: str, value_type: str) -> dict[str, Any]:
    return {"id": code, "name": name, "measure": measure, "value_type": value_type, "rollup": "sum"}
