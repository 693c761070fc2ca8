"""Packets as the documentation shows them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from shared.packets.kind import Header, Kind
from shared.packets.report_data import Figure, ReportData
from shared.packets.xml import Packet, build

_HEADER = Header(
    message_id="0f6c9d3c-7b0e-4a0f-8a3b-5f1f2f1d9c11",
    sender="csdl-giao-duc",
    created_at=datetime(2016, 12, 1, 1, 30, tzinfo=UTC),
)
DATA = build(
    Packet(
        _HEADER,
        ReportData(
            form="GD-NAM",
            unit="LC",
            period="2016",
            figures=(
                Figure(indicator="GD01.TH", value="2143", status="official"),
                Figure(indicator="GD02", value=None, status="official"),
            ),
        ),
    )
).decode()


def opening(kind: Kind) -> str:
    """Return how a document of this kind begins."""
    return f'<{kind.root} xmlns="{kind.namespace}"><{kind.header}>…</{kind.header}>…</{kind.root}>'


KINDS_SHOWN: list[dict[str, Any]] = [
    {
        "number": 4,
        "id": "report-data",
        "title": "Dữ liệu báo cáo",
        "namespace": "urn:laichau:qcvn125:1:report-data",
        "root": "ReportData",
        "schema_at": "/v1/packets/schemas/report_data.xsd",
        "read_at": "/v1/packets/report-data",
        "sent_to": "/v1/packets",
    }
]
CHECKED: dict[str, Any] = {
    "kind": "report-data",
    "number": 4,
    "title": "Dữ liệu báo cáo",
    "signed": False,
    "valid": False,
    "findings": [
        {
            "place": "ReportData/figure[1]/value",
            "line": 13,
            "code": "packets.schema",
            "message": "Element 'value': '3.507,6' is not a valid value of the atomic type 'Decimal'.",
            "detail": "giá trị không đúng kiểu.",
        }
    ],
}
