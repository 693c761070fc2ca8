"""Every refusal as RFC 9457 problem details, one shape for all of them.

`code` is stable and for programs, `title` English for developers, `detail` Vietnamese for the person who reads it,
`errors` the single places where the content breaks a rule, `correlation_id` the word to look for in the logs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from shared.errors import Forbidden, HubError, Internal, Invalid, NotFound, TooLarge, Unauthenticated

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.types import Scope

MEDIA_TYPE = "application/problem+json"
_VIETNAMESE = {
    400: "Yêu cầu không đọc được.",
    404: "Không tìm thấy địa chỉ này.",
    405: "Địa chỉ này không nhận phương thức đó.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A refusal as it travels. `context` holds what else the error knows (retry_after, versions, states)."""

    type: str
    title: str
    status: int
    code: str
    correlation_id: str
    detail: str | None = None
    errors: list[dict[str, Any]] = field(default_factory=list)
    context: dict[str, Any] = field(default_factory=dict)


def correlation_of(scope: Scope) -> str:
    """Return the correlation id of the request in hand."""
    return str(scope.get("correlation_id", ""))


def problem_response(error: HubError, correlation_id: str, headers: dict[str, str] | None = None) -> Response:
    """Return the answer that tells this error; retryable ones and used-up budgets say when to come back."""
    return _response(error.status, error, correlation_id, headers or {})


def add_to(app: FastAPI) -> None:
    """Make `app` answer HubErrors, validation errors and the framework's own refusals as problems."""
    app.add_exception_handler(HubError, _on_hub_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_exception)


def _response(status: int, error: HubError, correlation_id: str, headers: dict[str, str]) -> Response:
    context = dict(error.context)
    errors = context.pop("errors", None) or context.pop("findings", None) or []
    problem = Problem(
        type=f"urn:laichau:hub:problem:{error.code}",
        title=error.message,
        status=status,
        code=error.code,
        correlation_id=correlation_id,
        detail=error.detail,
        errors=errors if isinstance(errors, list) else [],
        context=context,
    )
    if error.retryable or status == 429:
        headers.setdefault("Retry-After", str(context.get("retry_after", 1)))
    if isinstance(error, Unauthenticated):
        headers.setdefault("WWW-Authenticate", 'Bearer realm="laichau-hub"')
    return Response(msgspec.json.encode(problem), status, headers, media_type=MEDIA_TYPE)


def _methods(request: Request) -> set[str]:
    """Return what the address takes: each method is a route of its own, and the framework names one route's only."""
    path = {**request.scope, "method": ""}
    found = (route for route in request.app.routes if route.matches(path)[0] is not Match.NONE)
    return {method for route in found for method in getattr(route, "methods", None) or ()}


async def _on_hub_error(request: Request, error: Exception) -> Response:
    fault = error if isinstance(error, HubError) else Internal("hub.internal", "a fault of the hub's own")
    return problem_response(fault, correlation_of(request.scope))


async def _on_validation_error(request: Request, error: Exception) -> Response:
    places = error.errors() if isinstance(error, RequestValidationError) else []
    errors = [
        {"place": "/".join(str(part) for part in item["loc"]), "code": item["type"], "message": item["msg"]}
        for item in places
    ]
    invalid = Invalid(
        "gateway.invalid_request",
        "the request does not have the shape that the documentation names",
        "Yêu cầu không đúng định dạng; xem danh sách lỗi.",
        {"errors": errors},
    )
    return problem_response(invalid, correlation_of(request.scope))


async def _on_http_exception(request: Request, error: Exception) -> Response:
    cause = error.__cause__
    if isinstance(cause, HubError):  # raised while the body was read; FastAPI wraps whatever happens there
        return await _on_hub_error(request, cause)
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = dict(getattr(error, "headers", None) or {})
    if status == 405:
        headers["Allow"] = ", ".join(sorted(_methods(request)))
    kinds: dict[int, tuple[type[HubError], str, str]] = {
        403: (Forbidden, "gateway.forbidden", "not allowed"),
        404: (NotFound, "gateway.no_such_route", "there is nothing at this address"),
        405: (Invalid, "gateway.method_not_allowed", "this address does not take this method"),
        413: (TooLarge, "gateway.body_too_large", "the body is too large"),
    }
    kind, code, message = kinds.get(status, (Invalid, "gateway.bad_request", str(getattr(error, "detail", error))))
    return _response(status, kind(code, message, _VIETNAMESE.get(status)), correlation_of(request.scope), headers)
