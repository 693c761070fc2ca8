"""Getting a token: OAuth 2.0 (RFC 6749) for systems and tools, a JSON sign-in for people."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any
from urllib.parse import parse_qsl, unquote_plus

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway import examples
from gateway.auth import Door, sign_in
from gateway.documentation import documented
from gateway.problems import correlation_of
from gateway.routes import plain_text, reply
from gateway.routes.bodies import Body
from shared.contracts.views.everyday import TokenView
from shared.errors import Forbidden, Invalid, Unauthenticated

router = APIRouter(tags=["tokens"])
MAX_FORM_BYTES = 8192
_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["grant_type"],
    "properties": {
        "grant_type": {"type": "string", "enum": ["client_credentials", "password"]},
        "client_id": {"type": "string", "description": "or by HTTP Basic"},
        "client_secret": {"type": "string", "format": "password"},
        "username": {"type": "string"},
        "password": {"type": "string", "format": "password"},
        "scope": {"type": "string", "description": "rights to narrow the token to, separated by spaces"},
    },
}


class SignIn(Body):
    """A person's name and password."""

    username: Annotated[str, plain_text(200)]
    password: Annotated[str, plain_text(1000)]


class _Refused(Exception):
    """A refusal in OAuth's words (RFC 6749 §5.2)."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(error, description)
        self.error = error
        self.description = description
        self.status = status


@router.post(
    "/oauth2/token",
    dependencies=[sign_in],
    **documented(
        "Get a token",
        TokenView,
        examples.TOKEN,
        body={"grant_type": "client_credentials", "client_id": "csdl-giao-duc", "client_secret": "…"},
        body_schema=_SCHEMA,
        body_type="application/x-www-form-urlencoded",
        refused={
            400: {"error": "unsupported_grant_type", "error_description": "client_credentials and password are taken"},
            401: {"error": "invalid_client", "error_description": "unknown account or wrong secret"},
        },
    ),
)
async def issue_token(request: Request) -> Response:
    """Exchange a client's secret or a person's password for an access token. Refusals have OAuth's shape
    (`error`, `error_description`)."""
    try:
        form = _read_form(await request.body())
        raw = await _granted(request, form)
    except _Refused as refused:
        headers = {"WWW-Authenticate": 'Basic realm="laichau-hub"'} if refused.status == 401 else {}
        return JSONResponse({"error": refused.error, "error_description": refused.description}, refused.status, headers)
    return reply(raw, headers={"Pragma": "no-cache"})


@router.post(
    "/v1/sign-in",
    dependencies=[sign_in],
    **documented("Sign in", TokenView, examples.TOKEN, body={"username": "sgddt.nhaplieu", "password": "…"}),
)
async def sign_in_person(credentials: SignIn, request: Request) -> Response:
    """Exchange a person's password for an access token."""
    return reply(await _ask(request, "sign_in", username=credentials.username, password=credentials.password))


async def _granted(request: Request, form: dict[str, str]) -> msgspec.Raw:
    match form.get("grant_type"):
        case "client_credentials":
            client_id, secret = _client_credentials(request, form)
            try:
                return await _ask(
                    request, "authenticate_client", client_id=client_id, secret=secret, scope=form.get("scope")
                )
            except Unauthenticated as error:
                raise _Refused("invalid_client", error.message, 401) from error
            except Invalid as error:
                raise _Refused("invalid_scope", error.message) from error
            except Forbidden as error:  # its partner may not connect (Đ14.4)
                raise _Refused("unauthorized_client", f"{error.code}: {error.message}") from error
        case "password":
            if "username" not in form or "password" not in form:
                raise _Refused("invalid_request", "username and password are required")
            try:
                return await _ask(request, "sign_in", username=form["username"], password=form["password"])
            except Unauthenticated as error:
                raise _Refused("invalid_grant", error.message) from error
        case None:
            raise _Refused("invalid_request", "grant_type is required")
        case _:
            raise _Refused("unsupported_grant_type", "client_credentials and password are taken")


async def _ask(request: Request, method: str, **arguments: Any) -> msgspec.Raw:
    door: Door = request.app.state.door
    return await door.broker.call("accounts", method, correlation_id=correlation_of(request.scope), **arguments)


def _read_form(body: bytes) -> dict[str, str]:
    if len(body) > MAX_FORM_BYTES:
        raise _Refused("invalid_request", f"the form is longer than {MAX_FORM_BYTES} bytes")
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=bool(body), max_num_fields=20)
    except ValueError as error:
        raise _Refused("invalid_request", "the body is not a form (application/x-www-form-urlencoded)") from error
    form = dict(pairs)
    if len(form) != len(pairs):
        raise _Refused("invalid_request", "a parameter may be given once")
    if any("\x00" in value for value in form.values()):
        raise _Refused("invalid_request", "texts may not hold the NUL character")
    return form


def _client_credentials(request: Request, form: dict[str, str]) -> tuple[str, str]:
    """Return (client id, secret) from HTTP Basic or, without it, from the form; never from both (RFC 6749 §2.3)."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        if "client_secret" in form:
            raise _Refused("invalid_request", "one way of authenticating at a time")
        try:
            name, separator, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, ValueError) as error:
            raise _Refused("invalid_client", "the Authorization header is malformed", 401) from error
        if not separator or "\x00" in unquote_plus(name + secret):
            raise _Refused("invalid_client", "the Authorization header is malformed", 401)
        return unquote_plus(name), unquote_plus(secret)
    if "client_id" not in form or "client_secret" not in form:
        raise _Refused("invalid_client", "client_id and client_secret are required", 401)
    return form["client_id"], form["client_secret"]
