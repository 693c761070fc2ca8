"""Packets of QCVN 125 at the gateway: contents that services answer become documents, documents become pushes."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime
from typing import Any

import msgspec
from starlette.responses import Response

from gateway.auth import Caller
from shared.contracts.push import PushBody, PushFigure
from shared.errors import Invalid
from shared.packets.checking import require_hash
from shared.packets.findings import unsigned
from shared.packets.kind import Header, Kind
from shared.packets.registry import kind_of_content
from shared.packets.report_data import ReportData
from shared.packets.report_list import ReportList
from shared.packets.xml import Packet, build, is_signed, parsed, read

MEDIA_TYPE = "application/xml"
SENDER = "lai-chau"
"""Under this name the hub presents itself."""

SOURCE_TIMEOUT_SECONDS = 60.0


async def document(caller: Caller, kind: Kind, service: str, method: str, signed: bool, **asked: Any) -> Response:
    """Ask a service for a packet's content and answer with the document, signed by the hub if that is wanted."""
    told = await caller.ask(service, method, timeout_seconds=SOURCE_TIMEOUT_SECONDS, **asked)
    content = msgspec.json.decode(told, type=kind.content)
    header = Header(
        message_id=str(uuid.uuid4()),
        sender=SENDER,
        receiver=caller.actor.partner or caller.actor.id,
        created_at=datetime.now(UTC).replace(microsecond=0),
    )
    made = await asyncio.to_thread(build, Packet(header, content))
    if signed:
        told = await caller.ask("integration", "sign_packet", document=made.decode())
        made = msgspec.json.decode(told, type=str).encode()
    name = f'inline; filename="{kind.id}.xml"'
    return Response(made, 200, {"Content-Disposition": name}, MEDIA_TYPE)


async def push_of(caller: Caller, raw: bytes) -> tuple[bytes, bool]:
    """Return the push that this packet (4) or (5) is, and whether it was signed; a signature must be the caller's own.

    Raises what `xml.read` does, Invalid("packets.unsigned") where the caller's permission demands a signature,
    Invalid("packets.not_taken") for other kinds, Invalid("packets.hash_differs"), and what `integration.verify_packet`
    does.
    """
    root = await asyncio.to_thread(parsed, raw)
    signed = is_signed(root)
    if signed:
        told = await caller.ask("integration", "verify_packet", document=raw.decode("utf-8-sig"))
        raw = msgspec.json.decode(told, type=str).encode()
    packet: Packet[Any] = await asyncio.to_thread(read, raw)
    if caller.actor.signs and not signed:
        raise unsigned(kind_of_content(type(packet.content)).root)
    if isinstance(packet.content, ReportData):
        require_hash(packet.content)
        body = _of_data(packet.content)
    elif isinstance(packet.content, ReportList):
        body = _of_list(packet.content)
    else:
        raise Invalid(
            "packets.not_taken",
            "only report-data (4) and report-list (5) are taken in",
            "Chỉ tiếp nhận gói dữ liệu báo cáo (4) và (5).",
        )
    return msgspec.json.encode(body), signed


def _of_data(data: ReportData) -> PushBody:
    return PushBody(
        form=data.form,
        unit=data.unit,
        period=data.period,
        form_version=data.form_version,
        figures=[
            _figure(item.indicator, item.value, item.status, measure=item.measure, label=item.label)
            for item in data.figures
        ],
    )


def _of_list(data: ReportList) -> PushBody:
    measures = {column.indicator: column.measure for item in data.lists for column in item.columns}
    return PushBody(
        form=data.form,
        unit=data.unit,
        period=data.period,
        form_version=data.form_version,
        figures=[
            _figure(
                f"{cell.column}.R{row.number}",
                cell.value,
                cell.status,
                measure=measures.get(cell.column),
                label=row.label,
            )
            for item in data.lists
            for row in item.rows
            for cell in row.cells
        ],
    )


def _figure(indicator: str, value: str | None, status: str, *, measure: str | None, label: str | None) -> PushFigure:
    # A JSON number: the text "3.507" would be asked back, because a person might mean a thousand times as much.
    number = None if value is None else msgspec.Raw(value.encode())
    return PushFigure(
        indicator=indicator,
        value=number,
        status=status,
        nothing_occurred=value is None,
        measure=measure,
        label=label,
    )
