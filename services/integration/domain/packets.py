"""Partners that take report data as packet (4) of QCVN 125, and the packet that a delivery becomes. Pure.

A partner's dialect says `{"packets": {"signed": true}}`; everything else it speaks as our own protocol does.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from services.integration.domain.ledger import Packet
from services.integration.domain.partners import Partner
from shared.errors import Invalid
from shared.packets.kind import Header
from shared.packets.report_data import Figure, ReportData, hash_of


class PacketDialect(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`signed`: packets bear the hub's signature; `path`: where they are posted, after the partner's address."""

    signed: bool = False
    path: str = "/packets"


def packet_dialect(partner: Partner) -> PacketDialect:
    """Return how this partner takes packets. Raises Invalid("integration.bad_dialect")."""
    told: Mapping[str, Any] = partner.dialect
    try:
        if partner.protocol != "rest" or set(told) != {"packets"}:
            raise ValueError("packets are posted by REST, and no other dialect stands beside them")
        return msgspec.convert(told["packets"], PacketDialect)
    except ValueError as error:
        raise Invalid(
            "integration.bad_dialect", f"{partner.id}: {error}", "Mô tả giao thức của hệ thống không hợp lệ."
        ) from error


def header_of(packet: Packet, receiver: str, at: datetime) -> Header:
    """Return the header under which a delivery leaves."""
    return Header(message_id=packet.message_id, sender=packet.sender, receiver=receiver, created_at=at)


def data_of(packet: Packet) -> ReportData:
    """Return a delivery's content as report data, in the partner's codes."""
    data = ReportData(
        form=packet.form,
        unit=packet.unit,
        period=packet.period,
        version=packet.version,
        figures=tuple(
            Figure(indicator=name, value=value, status=status)  # type: ignore[arg-type]  # the ledger has these three
            for name, value, status in packet.values
        ),
    )
    return replace(data, content_hash=hash_of(data))
