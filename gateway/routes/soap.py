"""The SOAP door `/soap/v1/reporting`: its contract, and the one address that all operations are posted to.

The route itself is public because only the message tells which operation is asked for; every operation names its right
(gateway/soap/operations.py), and nothing is told before it is held.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from fastapi import APIRouter
from lxml import etree
from starlette.requests import Request
from starlette.responses import Response

from gateway.auth import Caller, Door, bearer_of, public
from gateway.exchanges import exchange_of
from gateway.problems import correlation_of
from gateway.routes.data import Intake
from gateway.soap import envelope, xroad
from gateway.soap.envelope import MEDIA_TYPE, SCHEMAS, Message
from gateway.soap.operations import OPERATIONS
from gateway.xroad import SecurityServers
from shared.errors import HubError, Internal, Invalid, NotFound, Unauthenticated
from shared.logs import logger

router = APIRouter(tags=["soap"])
log = logger(__name__)
A = TypeVar("A")
T = TypeVar("T")
ADDRESS = "/soap/v1/reporting"
_LARGE_BYTES = 128 * 1024
"""Larger messages are parsed and checked in a thread: others need not wait for them."""


@router.post(ADDRESS, include_in_schema=False, dependencies=[public])
async def call(request: Request) -> Response:
    """Perform one operation. Every refusal is a SOAP fault (HTTP 500, as SOAP 1.1 asks) with the code that REST has."""
    correlation_id = correlation_of(request.scope)
    try:
        message = await _opened(request)
        caller, header = await _admitted(request, message)
        await _aside(envelope.check, message, large=len(await request.body()) > _LARGE_BYTES)
        content = await OPERATIONS[message.operation].perform(caller, message, _intake(request))
        return Response(envelope.answered(message.operation, content, header), 200, media_type=MEDIA_TYPE)
    except HubError as error:
        request.scope["meant_status"] = error.status
        exchange = exchange_of(request.scope)
        if exchange is not None:
            exchange.refused(error)
        return envelope.fault_response(error, correlation_id)
    except Exception as error:
        log.error("soap.failed", correlation_id=correlation_id, exc_info=error)
        fault = Internal("hub.internal", "a fault of the hub's own", "Hệ thống gặp lỗi; vui lòng báo mã yêu cầu.")
        return envelope.fault_response(fault, correlation_id)


@router.get(ADDRESS, include_in_schema=False, dependencies=[public])
async def read_contract(request: Request) -> Response:
    """The contract: `?wsdl`."""
    if "wsdl" not in {name.lower() for name in request.query_params}:
        raise NotFound("gateway.no_such_route", "the contract is at ?wsdl", "Không tìm thấy địa chỉ này.")
    settings = request.app.state.settings
    address = settings.public_url.rstrip("/") + ADDRESS if settings.public_url else str(request.url.replace(query=""))
    return Response(_contract(address), media_type=MEDIA_TYPE)


@router.get(ADDRESS + ".xsd", include_in_schema=False, dependencies=[public])
async def read_types() -> Response:
    """The types that the contract imports."""
    return Response((SCHEMAS / "reporting.xsd").read_bytes(), media_type=MEDIA_TYPE)


async def _opened(request: Request) -> Message:
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media == "application/soap+xml":
        raise Invalid(
            "soap.version_mismatch", "SOAP 1.2 is not spoken here; send SOAP 1.1", "Chỉ nhận bản tin SOAP 1.1."
        )
    if media not in ("text/xml", "application/xml"):
        raise Invalid("soap.media_type", "send text/xml", "Bản tin phải có kiểu nội dung text/xml.")
    raw = await request.body()
    message = await _aside(envelope.opened, raw, large=len(raw) > _LARGE_BYTES)
    exchange = exchange_of(request.scope)
    if exchange is not None:
        exchange.road = "soap"
    if message.operation not in OPERATIONS:
        raise Invalid(
            "soap.unknown_operation", f"{message.operation} is no operation of this door", "Thao tác không được hỗ trợ."
        )
    if exchange is not None:
        exchange.kind = OPERATIONS[message.operation].kind
    return message


async def _aside(do: Callable[[A], T], about: A, *, large: bool) -> T:
    return await asyncio.to_thread(do, about) if large else do(about)


async def _admitted(request: Request, message: Message) -> tuple[Caller, Any]:
    """Return the caller, and the header fields that the answer repeats."""
    door: Door = request.app.state.door
    servers: SecurityServers = request.app.state.security_servers
    right = OPERATIONS[message.operation].right
    header = xroad.header_of(message, None if servers.service is None else servers.service.provider)
    exchange = exchange_of(request.scope)
    if header is None:
        return await door.admit_token(request, _token(request, message), right), ()
    servers.require_trust(request.scope)
    if exchange is not None:
        exchange.road, exchange.message_id = "xroad-soap", header.id
    token = await servers.token_of(header.client, correlation_of(request.scope))
    caller = await door.admit_token(request, token, right)
    told = {"message": header.id, "user": header.user, "correlation_id": caller.correlation_id}
    log.info("soap.xroad", client=str(header.client), **told)
    return caller, header.fields


def _token(request: Request, message: Message) -> str:
    by_http, by_header = bearer_of(request), message.token()
    if by_http and by_header and by_http != by_header:
        raise Unauthenticated(
            "gateway.token_invalid", "two tokens that differ", "Phiên đăng nhập không hợp lệ hoặc đã hết hạn."
        )
    return by_http or by_header or ""


def _intake(request: Request) -> Intake:
    intake: Intake = request.app.state.intake
    return intake


def _contract(address: str) -> bytes:
    root = etree.parse(SCHEMAS / "reporting.wsdl").getroot()
    for place in root.iter("{http://schemas.xmlsoap.org/wsdl/soap/}address"):
        place.set("location", address)
    for found in root.iter("{http://www.w3.org/2001/XMLSchema}import"):
        found.set("schemaLocation", address + ".xsd")
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")
