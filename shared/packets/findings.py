"""What is wrong with a packet, told so that its sender finds the place: line, element, and words in two languages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from shared.errors import Invalid

MAX_TOLD = 200
"""So many findings are told; a packet that is wrong throughout is known to be so by then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong. `place` is the element's path (`ReportData/figure[5]/value`), `line` counts from 1 (0:
    unknown), `code` is stable."""

    place: str
    line: int
    code: str
    message: str
    detail: str


def refused(findings: Sequence[Finding]) -> Invalid:
    """Return the refusal that these findings make, at least one: all are in its context, the first in its words."""
    first = findings[0]
    return Invalid(
        "packets.invalid",
        f"line {first.line}, {first.place}: {first.message}{_more(len(findings), 'and {} more')}",
        f"Dòng {first.line}, {first.place}: {first.detail}{_more(len(findings), 'và {} lỗi khác')}",
        {"errors": [asdict(finding) for finding in findings[:MAX_TOLD]]},
    )


def unsigned(root: str) -> Invalid:
    """Return the refusal of a packet, whose root has this name, without a signature."""
    finding = Finding(
        place=f"{root}/Signature",
        line=0,
        code="packets.unsigned",
        message=f"{root} bears no signature, and one is demanded",
        detail="Gói tin chưa được ký số.",
    )
    return Invalid("packets.unsigned", finding.message, finding.detail, {"errors": [asdict(finding)]})


def _more(count: int, words: str) -> str:
    return f" ({words.format(count - 1)})" if count > 1 else ""
