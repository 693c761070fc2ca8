"""A source system: rows that change, and pages of those that changed since a moment. Misbehaves on command.

It pages by cursor (`/api/source/cursor`), by number (`/api/source/pages`) and by next links (`/api/source/links`); each
takes `since` and `limit`. Its clock is a count of microseconds that only rises, so that tests do not wait for one.

- `repeat_rows`   a page begins with the last rows of the page before
- `lose_page`     a page comes without its rows, and the next one follows as if nothing were missing
- `out_of_order`  the rows of a page come backwards
- `duplicate`     each row of a page comes twice
- `malformed`     the page is cut off in the middle
- `endless`       the page leads to itself
- and as in `simulators.faults`: `unavailable`, `error`, `refuse`, `delay`
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from simulators.faults import Fault, Faults

KINDS = ("repeat_rows", "lose_page", "out_of_order", "duplicate", "malformed", "endless",
         "unavailable", "error", "refuse", "delay")  # fmt: skip
_BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
_REPEATED = 2

Place = tuple[str, str, str]  # unit, period, indicator


class Change(BaseModel):
    """A row as it is from now on; `deleted`: it is gone."""

    unit: str
    period: str
    indicator: str
    value: str | int | float | None = None
    status: str = "official"
    deleted: bool = False


class Trouble(BaseModel):
    """One fault to arm."""

    kind: str
    times: int = 1
    seconds: float = 1.0
    retry_after: int = 0


@dataclass(slots=True)
class SourceSystem:
    """Rows by place, each with the moment of its last change."""

    rows: dict[Place, dict[str, Any]] = field(default_factory=dict)
    faults: Faults = field(default_factory=lambda: Faults(kinds=KINDS))
    ticks: int = 0
    asked: int = 0

    def change(self, changes: list[Change]) -> str:
        """Take these changes over, each later than all before; return the moment of the last one."""
        for change in changes:
            self.ticks += 1
            row = {**change.model_dump(), "changed_at": self.now()}
            self.rows[change.unit, change.period, change.indicator] = row
        return self.now()

    def now(self) -> str:
        """Return the moment of the last change."""
        return (_BEGINNING + timedelta(milliseconds=self.ticks)).isoformat()

    def changed(self, since: str | None) -> list[dict[str, Any]]:
        """Return the rows that changed at this moment or later, by the moment of their change."""
        first = _BEGINNING if since is None else datetime.fromisoformat(since)
        found = [row for row in self.rows.values() if datetime.fromisoformat(row["changed_at"]) >= first]
        return sorted(found, key=lambda row: str(row["changed_at"]))


def add_source(app: FastAPI, source: SourceSystem) -> None:
    """Add the source's pages and its control routes to `app`, which asks for the token under `/api/`."""

    @app.get("/api/source/cursor")
    async def by_cursor(since: str | None = None, limit: int = 100, cursor: str = "0") -> Response:
        return await _page(source, since, limit, int(cursor), lambda start: {"next": str(start)})

    @app.get("/api/source/pages")
    async def by_number(since: str | None = None, limit: int = 100, page: int = 1) -> Response:
        return await _page(source, since, limit, (page - 1) * limit, lambda start: {})

    @app.get("/api/source/links")
    async def by_link(request: Request, since: str | None = None, limit: int = 100, start: int = 0) -> Response:
        def link(following: int) -> dict[str, Any]:
            return {"next": str(request.url.include_query_params(start=following))}

        return await _page(source, since, limit, start, link)

    @app.post("/control/source/rows")
    async def change(changes: list[Change]) -> dict[str, Any]:
        return {"changed_at": source.change(changes)}

    @app.get("/control/source/rows")
    async def rows() -> list[dict[str, Any]]:
        return source.changed(None)

    @app.post("/control/source/faults")
    async def arm(troubles: list[Trouble]) -> Response:
        try:
            source.faults.arm([Fault(operation="page", **trouble.model_dump()) for trouble in troubles])
        except ValueError as error:
            return JSONResponse({"code": "control.unknown_fault", "message": str(error)}, 422)
        return JSONResponse({"armed": len(troubles)})

    @app.get("/control/source/faults")
    async def struck() -> dict[str, Any]:
        return {"struck": dict(source.faults.struck), "asked": source.asked}

    @app.delete("/control/source")
    async def reset() -> dict[str, Any]:
        source.rows.clear()
        source.ticks = 0
        source.faults.arm([])
        source.faults.struck.clear()
        source.asked = 0
        return {"done": "reset"}


async def _page(source: SourceSystem, since: str | None, limit: int, start: int, leads: Any) -> Response:
    source.asked += 1
    fault = source.faults.take("page")
    kind = fault.kind if fault is not None else ""
    if fault is not None and kind == "delay":
        await asyncio.sleep(fault.seconds)
    if fault is not None and kind in ("unavailable", "error", "refuse"):
        status = {"unavailable": 503, "refuse": 403}.get(kind, 500)
        return JSONResponse({"code": kind}, status, headers={"Retry-After": str(fault.retry_after)})
    found = source.changed(since)
    rows = found[max(0, start - _REPEATED) if kind == "repeat_rows" else start : start + limit]
    if kind == "lose_page":
        rows = []
    if kind == "out_of_order":
        rows = rows[::-1]
    if kind == "duplicate":
        rows = [row for row in rows for _ in range(2)]
    following = start if kind == "endless" else start + limit
    more = leads(following) if following < len(found) or kind == "endless" else {}
    answer = JSONResponse({"rows": rows, "total": len(found), **more})
    if kind == "malformed":
        return Response(bytes(answer.body)[: len(answer.body) // 2], media_type="application/json")
    return answer
