"""Exports: texts streamed page by page, sheets whole, and the structures of SDMX."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Query
from starlette.responses import Response, StreamingResponse

from gateway.auth import Caller, requires
from gateway.documentation import documented
from gateway.routes import AsOf, Id
from gateway.routes.comparing import Ids, OptionalIds, PeriodKind
from shared.contracts.views.exports import ExportFile, ExportPage

router = APIRouter(tags=["observations"])
Reader = Annotated[Caller, requires("observations.read")]
Bom = Annotated[bool, Query(description="begin CSV with the mark that makes a spreadsheet read UTF-8")]
EXPORT_TIMEOUT_SECONDS = 60.0
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_TYPES = {
    "csv": ("text/csv; charset=utf-8", "csv"),
    "sdmx-csv": ("application/vnd.sdmx.data+csv; version=2.0.0; charset=utf-8", "sdmx.csv"),
    "sdmx-ml": ("application/vnd.sdmx.data+xml; version=3.0.0", "xml"),
    "xlsx": (_XLSX, "xlsx"),
    "structures": ("application/vnd.sdmx.structure+xml; version=3.0.0", "xml"),
}
_page = msgspec.json.Decoder(ExportPage).decode
_whole = msgspec.json.Decoder(ExportFile).decode


def _documented(summary: str, example: str, *formats: str) -> dict[str, Any]:
    told = documented(summary, None, example)
    told["responses"][200]["content"] = {
        _TYPES[name][0].partition(";")[0]: {"schema": {"type": "string"}, "example": example} for name in formats
    }
    return {**told, "response_class": Response}


@router.get(
    "/v1/exports/observations",
    **_documented("Export values", "indicator,unit,period,value\r\n…", "csv", "xlsx", "sdmx-csv", "sdmx-ml"),
)
async def export_observations(
    caller: Reader,
    format: Literal["csv", "xlsx", "sdmx-csv", "sdmx-ml"] = "csv",
    form: Id | None = None,
    unit: Id | None = None,
    indicator: Id | None = None,
    period_from: Id | None = None,
    period_to: Id | None = None,
    as_of: AsOf = None,
    bom: Bom = False,
) -> Response:
    """Export any selection of values, as of one moment however long it takes: CSV (RFC 4180; texts that a spreadsheet
    would run get an apostrophe), SDMX-CSV 2.0, SDMX-ML 3.0 (structures: /v1/exports/structures), or a workbook
    of at most 50,000 rows. `X-As-Of` has the batch."""
    asked: dict[str, Any] = {
        "form": form,
        "unit": unit,
        "indicator": indicator,
        "period_from": period_from,
        "period_to": period_to,
        "as_of": as_of,
    }
    if format == "xlsx":
        return await _file(caller, "export_list", "so-lieu", "xlsx", **asked)
    # The first page is asked for before anything is answered: a refusal is still a problem.
    first = _page(await caller.ask("indicators", "export_page", format=format, bom=bom, **asked))
    return StreamingResponse(
        _pages(caller, first, {**asked, "format": format}),
        headers=_headers("so-lieu", _TYPES[format][1], first.as_of),
        media_type=_TYPES[format][0],
    )


async def _pages(caller: Caller, page: ExportPage, asked: dict[str, Any]) -> AsyncIterator[bytes]:
    while True:
        yield page.content.encode()
        if page.next is None:
            return
        asked |= {"as_of": page.as_of, "after": page.next}
        # A page that fails cuts the answer off: nobody takes a part of it for the whole.
        page = _page(await caller.ask("indicators", "export_page", **asked))


@router.get("/v1/exports/grid", **_documented("Export the grid of comparisons", "Đơn vị,Chỉ tiêu\r\n…", "csv", "xlsx"))
async def export_grid(
    caller: Reader,
    period: Id,
    format: Literal["csv", "xlsx"] = "xlsx",
    form: Id | None = None,
    indicator: OptionalIds = None,
    unit: OptionalIds = None,
    under: Id | None = None,
    totals_only: bool = False,
    as_of: AsOf = None,
    bom: Bom = False,
) -> Response:
    """Export the grid (/v1/grid) as a sheet with Vietnamese headings and a note wherever a figure rests on others."""
    return await _file(
        caller,
        "export_grid",
        f"so-sanh-{period}",
        format,
        format=format,
        period=period,
        form=form,
        indicators=indicator,
        units=unit,
        under=under,
        totals_only=totals_only,
        as_of=as_of,
        bom=bom,
    )


@router.get("/v1/exports/series", **_documented("Export series", "Mã chỉ tiêu,Chỉ tiêu\r\n…", "csv", "xlsx"))
async def export_series(
    caller: Reader,
    indicator: Ids,
    unit: Ids,
    period_from: Id,
    period_to: Id,
    format: Literal["csv", "xlsx"] = "xlsx",
    kind: PeriodKind | None = None,
    as_of: AsOf = None,
    bom: Bom = False,
) -> Response:
    """Export series (/v1/series) as a sheet: a row for each, a column for each period."""
    return await _file(
        caller,
        "export_series",
        "chuoi-so-lieu",
        format,
        format=format,
        indicators=indicator,
        units=unit,
        period_from=period_from,
        period_to=period_to,
        kind=kind,
        as_of=as_of,
        bom=bom,
    )


@router.get(
    "/v1/exports/structures", **_documented("Read the structures of SDMX exports", "<mes:Structure>…", "structures")
)
async def export_structures(caller: Reader) -> Response:
    """Read concepts, code lists (indicators, units, …), data structure and dataflow as SDMX-ML 3.0, generated from the
    catalogue."""
    page = _page(await caller.ask("indicators", "export_structures", timeout_seconds=EXPORT_TIMEOUT_SECONDS))
    media_type, ending = _TYPES["structures"]
    return Response(page.content, 200, _headers("cau-truc", ending, page.as_of), media_type)


async def _file(caller: Caller, method: str, name: str, ending: str, /, **asked: Any) -> Response:
    raw = await caller.ask("indicators", method, timeout_seconds=EXPORT_TIMEOUT_SECONDS, **asked)
    made = _whole(raw)
    return Response(base64.b64decode(made.content), 200, _headers(name, ending, made.as_of), _TYPES[ending][0])


def _headers(name: str, ending: str, as_of: int) -> dict[str, str]:
    safe = "".join(letter for letter in name if letter.isascii() and (letter.isalnum() or letter in "-_"))
    return {"Content-Disposition": f'attachment; filename="{safe}.{ending}"', "X-As-Of": str(as_of)}
