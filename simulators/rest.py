"""The far side's REST protocol, and the control routes that tests and the demo switch faults with."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Iterator
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from simulators.behaviour import Broken, FarSide
from simulators.faults import Fault
from simulators.store import Key, Packet, Question, Refused, Value


class PacketValue(BaseModel):
    """One value of a packet."""

    indicator: str
    value: str | None
    status: str = "official"


class PacketBody(BaseModel):
    """The whole content of (form, unit, period) at one version."""

    message_id: str
    sender: str
    form: str
    unit: str
    period: str
    version: int = Field(ge=1)
    content_hash: str
    values: list[PacketValue]


class FaultBody(BaseModel):
    """One fault to arm; see simulators.faults."""

    kind: str
    operation: str = "submit"
    times: int = 1
    seconds: float = 10.0
    retry_after: int = 1


class TamperBody(BaseModel):
    """One piece of damage; see simulators.store.DAMAGE."""

    action: str
    form: str
    unit: str
    period: str
    indicator: str
    value: str | None = None
    status: str | None = None


Share = Annotated[int | None, Query(ge=1, le=100_000)]


def add_rest(app: FastAPI, far: FarSide, token: str) -> None:
    """Add the REST operations to `app`, for callers that present `token`."""

    @app.middleware("http")
    async def authorise(request: Request, proceed: Callable[[Request], Awaitable[Response]]) -> Response:
        if request.url.path.startswith(("/api/", "/packets")):
            given = request.headers.get("authorization", "")
            if not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
                return JSONResponse({"code": "unauthorised", "message": "unknown token"}, 401)
        return await proceed(request)

    @app.exception_handler(Refused)
    async def refused(_request: Request, error: Refused) -> Response:
        return JSONResponse({"code": error.code, "message": error.message}, 422)

    @app.exception_handler(Broken)
    async def broken(_request: Request, error: Broken) -> Response:
        if error.kind == "unavailable":
            return JSONResponse({"code": "unavailable"}, 503, headers={"Retry-After": str(error.retry_after)})
        if error.kind == "malformed":
            return Response("<<<%% not an answer", 200, media_type="application/json")
        return Response("", 500)

    @app.post("/api/v1/packets")
    async def submit(body: PacketBody) -> dict[str, Any]:
        values = {item.indicator: Value(item.value, item.status) for item in body.values}
        if len(values) != len(body.values):
            raise Refused("packet.repeated_indicator", "an indicator stands twice in the packet")
        return await far.submit(
            Packet(
                body.message_id,
                body.form,
                body.unit,
                body.period,
                body.version,
                body.content_hash,
                values,
            )
        )

    @app.get("/api/v1/packets/{message_id}")
    async def status(message_id: str) -> dict[str, Any]:
        return await far.status(message_id)

    @app.get("/api/v1/digests")
    async def digests(
        level: str = "root",
        period: str | None = None,
        form: str | None = None,
        parts: Share = None,
        part: Annotated[list[int] | None, Query()] = None,
        groups: Share = None,
        unit: Annotated[list[str] | None, Query()] = None,
    ) -> Response:
        asked = Question(
            period=period, form=form, parts=parts, chosen=tuple(part or ()), groups=groups, units=tuple(unit or ())
        )
        rows = await far.read("digests", lambda store: store.digests(level, asked))
        return JSONResponse({"digests": [_told(row) for row in rows]})

    @app.get("/api/v1/values")
    async def values(
        form: str | None = None,
        unit: str | None = None,
        period: str | None = None,
        groups: Share = None,
        of: Annotated[list[str] | None, Query()] = None,
        after: str | None = None,
        limit: int = 1_000,
    ) -> Response:
        wanted = [text.partition(":") for text in of or ()]
        asked = Question(
            period=period,
            form=form,
            units=() if unit is None else (unit,),
            groups=groups,
            of=tuple((theirs, int(group)) for group, _, theirs in wanted),
        )
        page, cursor = await far.read("values", lambda store: store.values(asked, after, limit))
        rows = [_told(row) for row in told_values(page, asked)]
        return JSONResponse({"values": rows} | ({} if cursor is None else {"next": cursor}))


def told_values(page: list[tuple[Key, str, Value, int]], asked: Question) -> Iterator[dict[str, Any]]:
    """Yield values as they are told: of their key only what the question did not name."""
    for (form, unit, period), name, held, version in page:
        yield {
            "period": period if asked.period is None else None,
            "form": form if asked.form is None else None,
            "unit": unit if len(asked.units) != 1 else None,
            "indicator": name,
            "value": held.value,
            "status": held.status,
            "version": version,
        }


def _told(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None or name == "value"}


def add_control(app: FastAPI, far: FarSide) -> None:
    """Add the routes that steer the simulator. The process listens on the loopback address only."""

    @app.post("/control/faults")
    async def arm(faults: list[FaultBody]) -> dict[str, Any]:
        try:
            far.faults.arm([Fault(**item.model_dump()) for item in faults])
        except ValueError as error:
            raise Refused("control.unknown_fault", str(error)) from error
        return {"armed": len(faults)}

    @app.get("/control/faults")
    async def struck() -> dict[str, Any]:
        return {"struck": dict(far.faults.struck), "armed": sum(fault.times for fault in far.faults.armed)}

    @app.post("/control/values")
    async def tamper(body: TamperBody) -> dict[str, Any]:
        try:
            key = (body.form, body.unit, body.period)
            far.store.tamper(body.action, key, body.indicator, body.value, body.status)
        except KeyError as error:
            raise Refused("control.no_such_value", f"{body.indicator} is not stored there") from error
        return {"done": body.action}

    @app.get("/control/journal")
    async def journal() -> list[dict[str, Any]]:
        return far.store.journal

    @app.get("/control/store")
    async def dump() -> list[dict[str, Any]]:
        return [
            {
                "form": form,
                "unit": unit,
                "period": period,
                "version": bucket.version,
                "values": {name: [item.value, item.status] for name, item in sorted(bucket.values.items())},
            }
            for (form, unit, period), bucket in sorted(far.store.buckets.items())
        ]

    @app.delete("/control/store")
    async def reset() -> dict[str, Any]:
        far.reset()
        return {"done": "reset"}

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}
