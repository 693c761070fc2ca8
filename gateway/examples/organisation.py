"""Examples of units and reforms: Lai Châu's, of resolution 1670/NQ-UBTVQH15."""

from __future__ import annotations

from typing import Any

_MADE: dict[str, Any] = {
    "id": "LC-X03618-2025",
    "name": "Xã Mường Than",
    "kind": "commune",
    "type_vi": "xã",
    "parent": "LC",
    "valid_from": "2025-07-01",
    "valid_to": None,
    "codes": [{"scheme": "gso", "code": "03618", "valid_from": "2025-07-01", "valid_to": None}],
    "successors": [],
}
_MERGED: list[dict[str, Any]] = [
    {
        "before": before,
        "before_name": name,
        "after": "LC-X03618-2025",
        "after_name": "Xã Mường Than",
        "how": "merged",
        "on": "2025-07-01",
        "share": "1",
    }
    for before, name in (("LC-X03618-2004", "Xã Phúc Than"), ("LC-X03625-2004", "Xã Mường Mít"))
]
UNITS: dict[str, Any] = {"units": [_MADE], "next": None}
UNIT: dict[str, Any] = {
    "unit": _MADE,
    "names": [{"name": "Xã Mường Than", "type_vi": "xã", "valid_from": "2025-07-01", "valid_to": None}],
    "parents": [{"parent": "LC", "valid_from": "2025-07-01", "valid_to": None}],
    "codes": _MADE["codes"],
    "predecessors": _MERGED,
    "successors": [],
}
LINEAGE: dict[str, Any] = {
    "unit": "LC-X03618-2025",
    "earlier": "2024-12-31",
    "parts": [{"unit": edge["before"], "name": edge["before_name"], "share": "1"} for edge in _MERGED],
    "itself": False,
    "exact": True,
    "through": ["2025-07-01"],
}
REFORM: dict[str, Any] = {
    "id": "NQ-1670-2025",
    "name": "Sắp xếp các đơn vị hành chính cấp xã của tỉnh Lai Châu năm 2025",
    "decision": "Nghị quyết số 1670/NQ-UBTVQH15",
    "on": "2025-07-01",
    "changes": [
        {
            "how": "merge",
            "units": ["LC-X03618-2004", "LC-X03625-2004"],
            "into": "LC-X03618-2025",
            "name": "Xã Mường Than",
            "type_vi": "xã",
            "kind": "commune",
            "parent": "LC",
            "codes": [{"scheme": "gso", "code": "03618"}],
        }
    ],
}
REFORMS: dict[str, Any] = {"reforms": [REFORM], "next": None}
REFORM_PREVIEW: dict[str, Any] = {
    **{field: REFORM[field] for field in ("id", "name", "decision", "on")},
    "version": 1,
    "applied": False,
    "units": [
        {
            "id": "LC-X03618-2004",
            "kind": "commune",
            "what": ["ended"],
            "name_before": "Xã Phúc Than",
            "name_since": None,
            "type_before": "xã",
            "type_since": None,
            "parent_before": "LC-H110",
            "parent_since": None,
            "codes_before": ["gso:03618"],
            "codes_since": [],
            "successors": _MERGED[:1],
        }
    ],
    "codes": [
        {
            "code": "gso:03618",
            "before": "LC-X03618-2004",
            "before_name": "Xã Phúc Than",
            "since": "LC-X03618-2025",
            "since_name": "Xã Mường Than",
        }
    ],
    "counts": {"commune": {"before": 106, "since": 105}},
    "forms": ["XA-NAM"],
}
