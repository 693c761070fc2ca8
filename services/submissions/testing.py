"""A small catalogue and pushes for tests and benchmarks: forms of a province and of communes that a reform changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec

from services.submissions.domain.catalogue import Bodies
from shared.contracts.events import CatalogueChanged, CatalogueEntry, PushAccepted
from shared.entrypoints import Received

LEVELS = ("TH", "THCS", "THPT")


def bodies(communes: int = 2) -> Bodies:
    """Return the entries: forms GD-NAM and NN-NAM of the province, XA-NAM of each commune; code `gso:03388` was one
    commune's until 2025-07-01 and is another's since."""
    units: dict[str, dict[str, Any]] = {
        "LC": {"name": "Lai Châu", "kind": "province", "codes": [{"scheme": "gso", "code": "12"}]},
        "LC-SGDDT": {"name": "Sở Giáo dục và Đào tạo", "kind": "agency", "parent": "LC"},
        "X-CU": {
            "name": "Quyết Tiến",
            "kind": "commune",
            "valid_to": "2025-07-01",
            "codes": [{"scheme": "gso", "code": "03388", "valid_to": "2025-07-01"}],
        },
        "X-MOI": {
            "name": "Đoàn Kết",
            "kind": "commune",
            "valid_from": "2025-07-01",
            "codes": [{"scheme": "gso", "code": "03388", "valid_from": "2025-07-01"}],
        },
    }
    for number in range(communes):
        units[f"X{number:03d}"] = {"name": f"Xã {number}", "kind": "commune"}
    forms = {
        "GD-NAM": _form(["GD01", *(f"GD01.{level}" for level in LEVELS), "GD02"], ["GD01"], unit="LC"),
        "NN-NAM": {**_form(["NN01.DT", "NN01.SL", "NN02"], [], unit="LC"), "derived": ["NN01.NS"]},
        "XA-NAM": _form([f"XA{number:02d}" for number in range(1, 13)], [], each="commune"),
    }
    regime = {
        "name": "Kinh tế - xã hội năm",
        "decision": "NĐ 09/2019/NĐ-CP",
        "period_kind": "year",
        "level": "province",
    }
    return {
        "unit": units,
        "indicator": _indicators(),
        "form": forms,
        "regime": {"KTXH-NAM": {**regime, "deadline": {"month": 12, "day": 25, "hour": 17}}},
    }


def _form(
    indicators: list[str], required: list[str], unit: str | None = None, each: str | None = None
) -> dict[str, Any]:
    owed = {"each": each} if each else {"unit": unit, "agency": "LC-SGDDT"}
    return {
        "name": "Biểu năm",
        "regime": "KTXH-NAM",
        "period_kind": "year",
        "indicators": indicators,
        "required": required,
        "owed_by": owed,
        "periods": {"from": 2005, "to": 2026},
        "version": 1,
    }


def _indicators() -> dict[str, dict[str, Any]]:
    found = {"GD01": _indicator("Số lớp học", "lớp", "integer"), "GD02": _indicator("Số giáo viên", "người", "integer")}
    for level in LEVELS:
        found[f"GD01.{level}"] = {
            **_indicator("Số lớp học", "lớp", "integer"),
            "parent": "GD01",
            "breakdown": {"dimension": "cấp học", "item": level},
        }
    found["NN01.DT"] = _indicator("Diện tích lúa", "nghìn ha", "decimal")
    found["NN01.SL"] = _indicator("Sản lượng lúa", "nghìn tấn", "decimal")
    found["NN01.NS"] = {**_indicator("Năng suất lúa", "tạ/ha", "decimal"), "formula": "NN01.SL / NN01.DT * 10"}
    found["NN02"] = {**_indicator("Tỷ lệ", "%", "decimal"), "rollup": "none", "minimum": 0, "maximum": 100}
    for number in range(1, 13):
        found[f"XA{number:02d}"] = _indicator(f"Chỉ tiêu {number}", "người", "decimal")
    return found


def _indicator(name: str, measure: str, value_type: str) -> dict[str, Any]:
    return {"name": name, "measure": measure, "value_type": value_type, "rollup": "sum", "decimals": 1}


def catalogue_event(entries: Bodies, version: int = 1) -> Received[CatalogueChanged]:
    """Return the event that brings this catalogue."""
    delta = [CatalogueEntry(kind, key, body) for kind, kept in entries.items() for key, body in kept.items()]
    return received(CatalogueChanged(version=version, entries=delta))


def push_event(
    body: dict[str, Any] | bytes,
    *,
    receipt_id: str | None = None,
    accepted_at: datetime | None = None,
    tie_breaker: str = "t",
    fingerprint: str = "f",
    client_id: str = "csdl-giao-duc",
    units: Sequence[str] = ("*",),
    forms: Sequence[str] = ("*",),
    origin: str = "push",
) -> Received[PushAccepted]:
    """Return a push as the gateway would publish it."""
    return received(
        PushAccepted(
            receipt_id=receipt_id or f"r_{uuid4().hex}",
            client_id=client_id,
            partner="nguon-giao-duc",
            fingerprint=fingerprint,
            accepted_at=accepted_at or datetime(2016, 12, 1, tzinfo=UTC),
            tie_breaker=tie_breaker,
            units=list(units),
            forms=list(forms),
            body=msgspec.Raw(body if isinstance(body, bytes) else msgspec.json.encode(body)),
            origin=origin,
        )
    )


def received(event: Any) -> Received[Any]:
    """Return the event as a handler receives it."""
    return Received(event, uuid4(), uuid4().hex, datetime(2016, 12, 1, tzinfo=UTC))
