"""The gateway put together: `create_app()` for uvicorn (`uvicorn gateway.app:create_app --factory`)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse

from gateway import documentation, problems
from gateway.auth import Door, Tokens, check_rights, public
from gateway.broker import Broker, BrokerPort
from gateway.edge import Edge
from gateway.exchanges import Exchanges, Notes
from gateway.limits import Budget
from gateway.platform import Platform
from gateway.receipts import ReceiptIds
from gateway.routes import (
    calendar,
    cases,
    catalogue,
    comparing,
    data,
    dead_letter_jobs,
    dead_letters,
    deliveries,
    differences,
    digests,
    exports,
    history,
    inbox,
    indicators,
    messages,
    obligations,
    observations,
    organisation,
    packets,
    partners,
    previews,
    proposals,
    publications,
    pulls,
    reconciliations,
    regimes,
    reports,
    security_servers,
    soap,
    sources,
    status,
    submissions,
    tokens,
)
from gateway.routes.data import Intake
from gateway.settings import GatewaySettings
from gateway.xroad import SecurityServers
from shared.health import Standing
from shared.logs import configure

VERSION = "0.1.0"
# Routes are matched in this order: what is called most comes first.
_ROUTERS = (
    observations.router,
    data.router,
    submissions.router,
    obligations.router,
    cases.router,
    partners.router,
    security_servers.router,
    deliveries.router,
    pulls.router,
    reconciliations.router,
    reports.router,
    digests.router,
    sources.router,
    messages.router,
    differences.router,
    previews.router,
    catalogue.router,
    indicators.router,
    organisation.router,
    calendar.router,
    comparing.router,
    exports.router,
    publications.router,
    history.router,
    proposals.router,
    regimes.router,
    dead_letter_jobs.router,  # before what takes any id
    dead_letters.router,
    inbox.router,
    tokens.router,
    soap.router,
    status.router,
    packets.router,
    documentation.router,
)


def create_app(settings: GatewaySettings | None = None, broker: BrokerPort | None = None) -> FastAPI:
    """Return the application; settings come from the environment and the broker from them unless given.

    Raises RuntimeError if a route names no right.
    """
    if settings is None:
        configure("gateway", os.environ.get("HUB_LOG_LEVEL", "info"))
        settings = GatewaySettings.read()
    line = broker or Broker(settings.amqp_url, rpc_timeout_seconds=settings.rpc_timeout_seconds)

    notes = Notes(line)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await line.start()
        try:
            yield
        finally:
            await notes.stop()
            await line.stop()

    app = FastAPI(
        title="Lai Châu reporting hub",
        version=VERSION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # shared.traces and gateway.metrics tell of it
    )
    app.state.settings = settings
    app.state.standing = Standing("serving")
    app.state.intake = Intake(line, ReceiptIds(settings.receipt_key), settings.receipt_timeout_seconds)
    app.state.door = Door(
        line,
        Tokens(line, settings.token_issuer, settings.token_audience),
        calls=Budget(settings.calls_per_second, settings.calls_burst),
        sign_ins=Budget(settings.sign_ins_per_second, settings.sign_ins_burst),
        public_reads=Budget(settings.public_reads_per_second, settings.public_reads_burst),
    )
    servers = SecurityServers(line, settings.xroad_service, settings.xroad_secrets)
    app.state.security_servers = servers
    for router in _ROUTERS:
        # Taken over as they are: FastAPI's include_router would resolve every route anew at each request.
        app.router.routes.extend(router.routes)
    _add_openapi(app)
    problems.add_to(app)
    app.add_middleware(Exchanges, notes=notes)
    app.add_middleware(Platform, servers=servers)
    app.add_middleware(Edge, max_body_bytes=settings.max_body_bytes, standing=app.state.standing)
    check_rights(app.routes)
    return app


def _add_openapi(app: FastAPI) -> None:
    document: dict[str, object] = {}

    async def read_openapi(_request: Request) -> JSONResponse:
        """The description of this API (OpenAPI 3.1)."""
        if not document:
            document.update(await asyncio.to_thread(documentation.openapi_of, app))
        return JSONResponse(document)

    app.add_api_route("/openapi.json", read_openapi, include_in_schema=False, dependencies=[public])
