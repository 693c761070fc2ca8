"""Reports of reconciliations: JSON for portals, a page, a workbook or a paper for people."""

from __future__ import annotations

import base64
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Header
from starlette.responses import Response

from gateway.auth import Caller, requires
from gateway.documentation import documented
from gateway.examples import reports as examples
from gateway.routes import Id, reply
from shared.contracts.views.reports import ReportFile, ReportView
from shared.errors import Invalid

router = APIRouter(tags=["federation"])
ReportReader = Annotated[Caller, requires("reconciliations.read")]
Format = Literal["json", "html", "xlsx", "pdf"]
MEDIA_TYPES: dict[Format, str] = {
    "json": "application/json",
    "html": "text/html",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}
REPORT_TIMEOUT_SECONDS = 60.0
# Its styles stand in the page itself; nothing else may be loaded or run.
_PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
_file = msgspec.json.Decoder(ReportFile).decode


@router.get(
    "/v1/reconciliations/{reconciliation_id}/report",
    **documented("Read a reconciliation's report", ReportView, examples.REPORT, files=tuple(MEDIA_TYPES.values())[1:]),
)
async def read_report(
    reconciliation_id: Id,
    caller: ReportReader,
    format: Format | None = None,
    accept: Annotated[str, Header(description="the formats you read, if `format` names none")] = "*/*",
) -> Response:
    """Read what a leader needs of a comparison in a minute: a sentence of verdict, what matches by form and period,
    differences with cause, age, owner and state, the trend, and what the proof rests on. As JSON, a page that needs
    nothing else (html), a workbook (xlsx) or a paper (pdf): named by `format` or by `Accept`."""
    wanted = format or accepted(accept)
    if wanted == "json":
        return reply(await caller.ask("integration", "read_report", reconciliation_id=reconciliation_id))
    raw = await caller.ask(
        "integration",
        "export_report",
        timeout_seconds=REPORT_TIMEOUT_SECONDS,
        reconciliation_id=reconciliation_id,
        format=wanted,
    )
    made = _file(raw)
    shown = "inline" if wanted == "html" else "attachment"
    headers = {"Content-Disposition": f'{shown}; filename="{made.name}.{wanted}"', "Vary": "Accept"}
    if wanted == "html":
        headers["Content-Security-Policy"] = _PAGE_POLICY
    return Response(base64.b64decode(made.content), 200, headers, MEDIA_TYPES[wanted])


def accepted(header: str) -> Format:
    """Return the format that an Accept header likes best; among equals the first one it names, JSON if it takes
    anything. Raises Invalid("gateway.no_such_format") if it takes none of ours."""
    formats = {media: name for name, media in MEDIA_TYPES.items()}
    formats |= {"*/*": "json", "application/*": "json", "text/*": "html"}
    best: tuple[float, Format] | None = None
    for part in header.split(","):
        media, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = next((_quality(item[2:]) for item in parameters if item.startswith("q=")), 1.0)
        found = formats.get(media)
        if found is not None and quality > 0 and (best is None or quality > best[0]):
            best = quality, found
    if best is None:
        raise Invalid(
            "gateway.no_such_format",
            f"the report is {', '.join(MEDIA_TYPES.values())}; {header[:200]!r} takes none of them",
            "Báo cáo không có ở định dạng này.",
        )
    return best[1]


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
