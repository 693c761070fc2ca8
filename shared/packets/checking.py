"""Whether a document is a packet that may leave or come in: all that is wrong with it, told at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from shared.errors import Invalid, Unavailable
from shared.packets import xml
from shared.packets.findings import Finding
from shared.packets.kind import Kind
from shared.packets.report_data import ReportData, hash_of

if TYPE_CHECKING:
    from shared.packets.trust import Trust


@dataclass(frozen=True, slots=True)
class Checked:
    """What a document was found to be. `holds`: whether its signature holds; None: it was not looked at."""

    kind: Kind
    signed: bool
    findings: tuple[Finding, ...]
    holds: bool | None = None


def check(raw: bytes, trust: Trust | None = None) -> Checked:
    """Return what this document is and all that is wrong with it; with `trust` its signature is verified, too.

    Raises what `xml.parsed` and `xml.kind_of` do for what is no packet at all.
    """
    root = xml.parsed(raw)
    kind = xml.kind_of(root)
    findings: list[Finding] = []
    try:
        findings += _about(kind, xml.packet_of(root, kind).content)
    except Invalid as error:
        findings += msgspec.convert(error.context["errors"], list[Finding])
    holds = None
    if trust is not None:
        from shared.packets import signing  # the library is for those who ask

        try:
            signing.verified(raw, trust)
            holds = True
        except (Invalid, Unavailable) as error:
            holds = False
            findings += msgspec.convert(error.context["errors"], list[Finding])
    return Checked(kind, xml.is_signed(root), tuple(findings), holds)


def require_hash(data: ReportData) -> None:
    """Raise Invalid("packets.hash_differs") if the packet names another hash than that of its content."""
    if data.content_hash is not None and data.content_hash != (found := hash_of(data)):
        raise Invalid(
            "packets.hash_differs",
            f"the figures hash to {found}, the packet says {data.content_hash}",
            "Số liệu không khớp với mã băm ghi trong gói tin.",
        )


def _about(kind: Kind, content: msgspec.Struct) -> list[Finding]:
    if not isinstance(content, ReportData):
        return []
    try:
        require_hash(content)
    except Invalid as error:
        return [_finding(kind, error)]
    return []


def _finding(kind: Kind, error: Invalid) -> Finding:
    return Finding(
        place=kind.root, line=0, code=error.code, message=error.message, detail=error.detail or error.message
    )
