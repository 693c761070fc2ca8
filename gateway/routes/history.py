"""Loading existing history: figures that were approved before the hub was there."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from gateway.auth import Caller, requires
from gateway.documentation import documented
from gateway.examples import warehouse as examples
from gateway.routes import Id, reply
from gateway.routes.bodies import checked_json
from shared.contracts.views.history import HistoryLoadView, HistoryResult
from shared.errors import Invalid

router = APIRouter(tags=["observations"])
Loader = Annotated[Caller, requires("observations.load")]
Short = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
LOAD_TIMEOUT_SECONDS = 120.0


class HistoryFigure(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """One figure of a load: `value` a decimal text, or null with `nothing_occurred`."""

    indicator: Short
    unit: Short
    period: Short
    value: str | None
    nothing_occurred: bool = False
    status: Short = "official"
    form: Short | None = None


class HistoryBody(msgspec.Struct, forbid_unknown_fields=True):
    """A load: where the figures come from, the decision to load them, and the figures."""

    source: Short
    decision: Short
    figures: list[HistoryFigure]
    dry_run: bool = False


@router.post(
    "/v1/history",
    **documented(
        "Load existing history",
        HistoryResult,
        examples.HISTORY,
        body=examples.HISTORY_BODY,
        body_schema={"type": "object", "required": ["source", "decision", "figures"]},
    ),
)
async def load_history(
    request: Request,
    caller: Loader,
    source: Annotated[Id | None, Query(description="with a CSV body")] = None,
    decision: Annotated[Id | None, Query(description="with a CSV body")] = None,
    dry_run: Annotated[bool, Query(description="with a CSV body")] = False,
) -> Response:
    """Record figures as approved, with their source and decision, as JSON or as CSV (`text/csv`, UTF-8; columns
    indicator, unit, period, value, and perhaps status and form; `source`, `decision` and `dry_run` as parameters).
    Refused whole with every fault by row and column in `errors`; the same load again changes nothing; figures
    that came through approval are never touched."""
    raw = await request.body()
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == "text/csv":
        asked: dict[str, Any] = {"source": source, "decision": decision, "csv": _text(raw), "dry_run": dry_run}
        if source is None or decision is None:
            raise Invalid(
                "gateway.source_missing",
                "name `source` and `decision` as parameters",
                "Hãy ghi nguồn số liệu và quyết định.",
            )
    else:
        asked = msgspec.structs.asdict(checked_json(raw, HistoryBody))
    return reply(await caller.ask("indicators", "load_history", timeout_seconds=LOAD_TIMEOUT_SECONDS, **asked))


@router.get("/v1/history", **documented("List loads of history", list[HistoryLoadView], examples.HISTORY_LOADS))
async def list_history_loads(caller: Loader, limit: Annotated[int, Query(ge=1, le=500)] = 50) -> Response:
    """List the newest loads: source, decision, and what became of them."""
    return reply(await caller.ask("indicators", "list_history_loads", limit=limit))


def _text(raw: bytes) -> str:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid(
            "gateway.not_utf8", f"the text is not UTF-8: byte {error.start}", "Tệp phải mã hóa UTF-8 (Unicode)."
        ) from error
    if "\x00" in text:
        raise Invalid(
            "gateway.nul_character", "texts may not hold the NUL character", "Nội dung chứa ký tự không hợp lệ."
        )
    return text
