"""Packets of QCVN 125 as callers of the gateway see them (their contents are in shared/packets)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketKindView:
    """One of the thirteen. `read_at` is the address that fills it from the hub's data, None: the hub has nothing to
    fill it with yet; `sent_to` the address that takes it in, if one does."""

    number: int
    id: str
    title: str
    namespace: str
    root: str
    schema_at: str
    read_at: str | None
    sent_to: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketFinding:
    """One thing that is wrong with a packet: element (`ReportData/figure[5]/value`), line (0: of the whole), stable
    code, and words in English and Vietnamese."""

    place: str
    line: int
    code: str
    message: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketCheckView:
    """What a document was found to be, and all that is wrong with it. `signed`: it bears a signature; whether that one
    holds is not asked here."""

    kind: str
    number: int
    title: str
    signed: bool
    valid: bool
    findings: list[PacketFinding]
