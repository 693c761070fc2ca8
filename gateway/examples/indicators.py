"""Examples of indicators, units of measure and dimensions."""

from __future__ import annotations

from typing import Any

INDICATOR: dict[str, Any] = {
    "id": "NN01.NS",
    "name": "Năng suất lúa cả năm",
    "measure": "tạ/ha",
    "value_type": "decimal",
    "rollup": "derived",
    "formula": "NN01.SL / NN01.DT * 10",
    "parent": None,
    "breakdown": None,
    "group": "Nông, lâm nghiệp và thủy sản",
    "lead_agency": "LC-SNNMT",
    "decimals": 1,
    "concept": "Sản lượng lúa bình quân trên một héc ta gieo trồng",
    "method": "Sản lượng chia diện tích gieo trồng",
    "over_time": "none",
    "minimum": "0",
    "maximum": None,
    "codes": [],
    "version": 1,
    "valid_from": None,
    "valid_to": None,
    "earlier": [],
}
INDICATORS: dict[str, Any] = {"indicators": [INDICATOR], "next": None}
MEASURES: dict[str, Any] = {
    "measures": [
        {"id": "HA", "name": "ha", "dimension": "diện tích", "factor": "1", "aliases": ["héc ta", "hecta"]},
        {"id": "NGHIN-HA", "name": "nghìn ha", "dimension": "diện tích", "factor": "1000", "aliases": ["ngàn ha"]},
    ],
    "next": None,
}
DIMENSIONS: dict[str, Any] = {
    "dimensions": [
        {
            "id": "GIOI-TINH",
            "name": "giới tính",
            "items": [
                {"code": "NAM", "name": "nam", "valid_from": None, "valid_to": None},
                {"code": "NU", "name": "nữ", "valid_from": None, "valid_to": None},
            ],
        }
    ],
    "next": None,
}
