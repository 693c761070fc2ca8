"""The API described: OpenAPI with examples and rights, and a page to read it that needs no network.

`documented()` is what every route passes to its decorator; `openapi_of()` completes what FastAPI writes; the reader's
page serves Swagger UI from the package fastapi-offline, which ships its files.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

import msgspec
from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.responses import HTMLResponse, Response

from gateway.auth import PUBLIC, public, right_of
from gateway.problems import MEDIA_TYPE, Problem
from shared.contracts.actor import RIGHTS
from shared.errors import NotFound

if TYPE_CHECKING:
    from fastapi import FastAPI

router = APIRouter()
_OWN = files("gateway") / "static"
_BUNDLED = files("fastapi_offline") / "static"
_ASSETS = {
    "swagger-ui-bundle.js": (_BUNDLED, "text/javascript"),
    "swagger-ui.css": (_BUNDLED, "text/css"),
    "start.js": (_OWN, "text/javascript"),
}
_PAGE = """<!doctype html>
<html lang="vi"><head><meta charset="utf-8"><title>Lai Châu reporting hub: API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css"></head>
<body><div id="api"></div><script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script></body>
</html>
"""
PROBLEM_EXAMPLE = {
    "type": "urn:laichau:hub:problem:approval.other_content",
    "title": "the submission has moved on to round 2",
    "status": 409,
    "code": "approval.other_content",
    "correlation_id": "0f6c9d3c7b0e4a0f8a3b5f1f2f1d9c11",
    "detail": "Số liệu đã thay đổi sau khi bạn xem; hãy mở lại để xem bản mới.",
    "errors": [],
    "context": {},
}
DESCRIPTION = """The reporting hub of Lai Châu province. Ask a token at `/oauth2/token`, send it as
`Authorization: Bearer …`. Values are decimal texts (`"3507.6"`); `null` means *không phát sinh* (nothing occurred).
Refusals are problem details (RFC 9457): `code` is stable, `detail` is Vietnamese. A 503 may be repeated unchanged after
`Retry-After` seconds. Lists are paged: pass `next` as `after`."""


def documented(
    summary: str,
    answer: Any,
    example: Any,
    *,
    status: int = 200,
    others: dict[int, str] | None = None,
    refused: dict[int, Any] | None = None,
    body: Any = None,
    body_schema: dict[str, Any] | None = None,
    body_type: str = "application/json",
    files: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Return the keyword arguments of a route's decorator that document it.

    `answer` is the type of its answer, `example` one answer as JSON; `others` are further good statuses and what they
    mean, `refused` examples of refusals that are no problem details, by status; `body` is an example of the request's
    body, `body_schema` its schema where the route reads the raw body; `files` are media types of files that it
    may answer with instead.
    """
    content: dict[str, dict[str, Any]] = {"application/json": {"example": example}}
    content |= {media: {"schema": {"type": "string", "format": "binary"}} for media in files}
    responses: dict[int | str, dict[str, Any]] = {status: {"description": "Done", "content": content}}
    for code, meaning in (others or {}).items():
        responses[code] = {"description": meaning, "content": content}
    for code, told in (refused or {}).items():
        responses[code] = {"description": "Refused", "content": {"application/json": {"example": told}}}
    responses["default"] = {
        "description": "Refused",
        "content": {
            MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": PROBLEM_EXAMPLE},
        },
    }
    extra: dict[str, Any] = {}
    if body is not None:
        told_body: dict[str, Any] = {"example": body}
        if body_schema is not None:
            told_body["schema"] = body_schema
        extra = {"openapi_extra": {"requestBody": {"required": True, "content": {body_type: told_body}}}}
    return {"summary": summary, "response_model": answer, "status_code": status, "responses": responses, **extra}


_TAGS = [
    {"name": name, "description": told}
    for name, told in {
        "tokens": "Who asks: every other call carries a token.",
        "data": "Figures pushed by systems, and the receipts that tell what became of them.",
        "submissions": "What is owed: drafts, hand entries, submitting.",
        "obligations": "Following what is owed: completeness, extensions, waivers, opening and closing, urging.",
        "cases": "What waits for a leader: approve exactly what was read, or return it with reasons.",
        "observations": "Approved figures in the warehouse, also as of an earlier batch.",
        "catalogue": "Units, indicators, forms and regimes, with the time they are valid.",
        "proposals": "Changes of the catalogue on their way from a draft over reviews to publication.",
        "inbox": "What a person or agency was told.",
        "packets": "The packets of QCVN 125:2021, in the hub's own namespace, read, taken in and checked.",
        "federation": "Partners, deliveries to them, reconciliations with them.",
        "dead letters": "Messages that no retry can help.",
        "status": "Whether everything answers.",
    }.items()
]
"""In the order in which a reader needs them."""


def openapi_of(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document: FastAPI's, with each route's right, the token scheme and the shape of problems."""
    document = get_openapi(title=app.title, version=app.version, description=DESCRIPTION, routes=app.routes, tags=_TAGS)
    components = document.setdefault("components", {}).setdefault("schemas", {})
    _, schemas = msgspec.json.schema_components((Problem,), ref_template="#/components/schemas/{name}")
    components.update(schemas)
    components.pop("HTTPValidationError", None)
    components.pop("ValidationError", None)
    flows = {"tokenUrl": "/oauth2/token", "scopes": dict(RIGHTS)}
    document["components"]["securitySchemes"] = {
        "token": {"type": "oauth2", "flows": {"clientCredentials": flows, "password": flows}}
    }
    for route in app.routes:
        if not isinstance(route, APIRoute) or not route.include_in_schema:
            continue
        right = right_of(route)
        for method in route.methods or ():
            operation = document["paths"][route.path_format][method.lower()]
            operation["responses"].pop("422", None)  # told by `default`: every refusal is a problem
            if right not in (None, PUBLIC):
                operation["security"] = [{"token": [right]}]
                operation["description"] = f"{operation.get('description', '')}\n\nRight: `{right}`.".strip()
    return document


@router.get("/docs", include_in_schema=False, dependencies=[public])
async def read_page() -> HTMLResponse:
    """The reader's page."""
    return HTMLResponse(_PAGE)


@router.get("/docs/{name}", include_in_schema=False, dependencies=[public])
async def read_asset(name: str) -> Response:
    """One file of the reader's page."""
    if name not in _ASSETS:
        raise NotFound("gateway.no_such_route", "there is nothing at this address", "Không tìm thấy địa chỉ này.")
    folder, media_type = _ASSETS[name]
    return Response((folder / name).read_bytes(), 200, {"Cache-Control": "max-age=86400"}, media_type)
