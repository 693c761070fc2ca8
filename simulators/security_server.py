"""A stand-in X-Road: the client's and the provider's security server in one process, by the text of message protocol
4.0 and of the message protocol for REST r1. It carries requests to services behind it and tells errors of its own.

It signs nothing, keeps no message log and knows no certificates: what is shown with it is the protocol between an
information system and a security server, on either side.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from lxml import etree

from shared.xroad import IDENTIFIERS, XROAD

_E, _X, _I = "{http://schemas.xmlsoap.org/soap/envelope/}", f"{{{XROAD}}}", f"{{{IDENTIFIERS}}}"
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
FAULTS = ("fail", "fail_after", "forget_header")
"""How it misbehaves on command: attributes of `Server`."""

_PASSED = ("authorization", "content-type", "accept", "idempotency-key")


@dataclass(slots=True)
class Server:
    """What it knows: addresses by service (`INSTANCE/CLASS/CODE/SUBSYSTEM[/SERVICE]`, for SOAP without the service),
    who may call, what it adds so that services know it, an error to answer with next, and what passed through."""

    services: dict[str, str]
    clients: tuple[str, ...]
    added: Mapping[str, str] = field(default_factory=dict)
    fail: str | None = None
    fail_after: str | None = None
    forget_header: bool = False
    passed: list[dict[str, Any]] = field(default_factory=list)


class _Failed(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


def create_app(server: Server) -> FastAPI:
    """Return the application: `/r1/…` for REST, `/` for SOAP."""
    app = FastAPI(docs_url=None, redoc_url=None)
    app.state.server = server

    @app.api_route("/r1/{instance}/{of}/{member}/{subsystem}/{service}{path:path}", methods=_METHODS)
    async def rest(request: Request) -> Response:
        try:
            return await _rest(server, request)
        except _Failed as error:
            status = 400 if error.code.startswith("Client.") else 500
            told = {"type": error.code, "message": error.message, "detail": str(uuid4())}
            return JSONResponse(told, status, headers={"X-Road-Error": error.code})

    @app.post("/")
    async def soap(request: Request) -> Response:
        try:
            return await _soap(server, request)
        except _Failed as error:
            return _fault(error)

    return app


async def _rest(server: Server, request: Request) -> Response:
    raw_path = request.scope["raw_path"].decode().split("?")[0]
    parts = raw_path.removeprefix("/r1/").split("/")
    service, path = "/".join(parts[:5]), "/" + "/".join(parts[5:])
    client = request.headers.get("x-road-client")
    if client is None:
        raise _Failed("Client.BadRequest", "X-Road-Client is missing")
    _gate(server, client, service)
    number = request.headers.get("x-road-id") or str(uuid4())
    headers = {name: value for name, value in request.headers.items() if name in _PASSED or name.startswith("x-road-")}
    told = {"x-road-client": client, "x-road-service": service, "x-road-id": number, "x-road-request-id": str(uuid4())}
    body = await request.body()
    server.passed.append({"path": path, "headers": dict(request.headers)})
    url = httpx.URL(server.services[service] + path, query=request.scope["query_string"])
    answer = await _carried(server, request.method, url, body, headers | told | dict(server.added))
    heads = "".join(f"{name}:{value}\n" for name, value in sorted(headers.items())).encode()
    digest = hashlib.sha512(heads).digest()
    if body:
        digest = hashlib.sha512(digest + hashlib.sha512(body).digest()).digest()
    told["x-road-request-hash"] = base64.b64encode(digest).decode()
    if server.forget_header:
        told["x-road-id"] = str(uuid4())
    kept = {name: answer.headers[name] for name in ("content-type", "retry-after") if name in answer.headers}
    return Response(answer.content, answer.status_code, kept | told)


async def _soap(server: Server, request: Request) -> Response:
    raw = await request.body()
    try:
        root = etree.fromstring(raw, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))
    except etree.XMLSyntaxError as error:
        raise _Failed("Client.InvalidXml", str(error)) from error
    header, wrapper = root.find(f"{_E}Header"), root.find(f"{_E}Body/*")
    if header is None or wrapper is None:
        raise _Failed("Client.MissingHeader", "no header or body")
    fields = [item for item in header if isinstance(item.tag, str) and item.tag.startswith(_X)]
    by_name = {etree.QName(item).localname: item for item in fields}
    for name in ("client", "service", "id", "protocolVersion"):
        if name not in by_name:
            raise _Failed("Client.MissingHeaderField", f"{name} is missing")
    if (by_name["protocolVersion"].text or "") != "4.0":
        raise _Failed("Client.InvalidProtocolVersion", "not 4.0")
    code = by_name["service"].findtext(f"{_I}serviceCode")
    if code != etree.QName(wrapper).localname:
        raise _Failed("Client.InvalidBody", "the wrapper is not named as the service's code")
    codes = ("xRoadInstance", "memberClass", "memberCode", "subsystemCode")
    client, provider = (
        "/".join(filter(None, (by_name[name].findtext(f"{_I}{part}") for part in codes)))
        for name in ("client", "service")
    )
    _gate(server, client, provider)
    server.passed.append({"names": [etree.QName(item).localname for item in fields], "body": raw})
    # Of the HTTP headers these two alone are carried on; the service knows its security server by what that adds.
    kept = {name: request.headers[name] for name in ("content-type", "soapaction") if name in request.headers}
    answer = await _carried(server, "POST", httpx.URL(server.services[provider]), raw, kept | dict(server.added))
    return Response(
        _hashed(server, answer.content, fields, raw), answer.status_code, media_type="text/xml; charset=utf-8"
    )


def _hashed(server: Server, content: bytes, fields: list[Any], request: bytes) -> bytes:
    """Return the service's answer with the hash of the request, once its header is seen to repeat the request's."""
    try:
        root = etree.fromstring(content)
    except etree.XMLSyntaxError as error:
        raise _Failed("Server.ServerProxy.ServiceFailed.InvalidXml", str(error)) from error
    if root.find(f"{_E}Body/{_E}Fault") is not None:
        return content
    found = root.find(f"{_E}Header")
    header = etree.SubElement(root, f"{_E}Header") if found is None else found
    theirs = [item for item in header if isinstance(item.tag, str) and item.tag.startswith(_X)]
    if [etree.tostring(item, method="c14n", exclusive=True) for item in theirs] != [
        etree.tostring(item, method="c14n", exclusive=True) for item in fields
    ]:
        raise _Failed("Server.ServerProxy.ServiceFailed.InconsistentHeaders", "header fields were not copied")
    if server.forget_header:
        header.remove(theirs[-1])
    digest = etree.SubElement(header, f"{_X}requestHash", algorithmId="http://www.w3.org/2001/04/xmlenc#sha512")
    digest.text = base64.b64encode(hashlib.sha512(request).digest()).decode()
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def _gate(server: Server, client: str, service: str) -> None:
    if server.fail is not None:
        raise _Failed(server.fail, "told to")
    if client not in server.clients:
        raise _Failed("Server.ServerProxy.AccessDenied", f"{client} may not call {service}")
    if service not in server.services:
        raise _Failed("Server.ClientProxy.UnknownMember", f"nobody offers {service}")


async def _carried(
    server: Server, method: str, url: httpx.URL, body: bytes, headers: Mapping[str, str]
) -> httpx.Response:
    try:
        async with httpx.AsyncClient(timeout=10, trust_env=False) as http:
            answer = await http.request(method, url, content=body, headers=headers)
    except httpx.HTTPError as error:
        raise _Failed("Server.ServerProxy.ServiceFailed.NetworkError", str(error)) from error
    if server.fail_after is not None:
        raise _Failed(server.fail_after, "the service was called")
    return answer


def _fault(error: _Failed) -> Response:
    root = etree.Element(f"{_E}Envelope", nsmap={"s": _E.strip("{}")})
    fault = etree.SubElement(etree.SubElement(root, f"{_E}Body"), f"{_E}Fault")
    etree.SubElement(fault, "faultcode").text = error.code
    etree.SubElement(fault, "faultstring").text = error.message
    etree.SubElement(etree.SubElement(fault, "detail"), "faultDetail").text = str(uuid4())
    return Response(etree.tostring(root, xml_declaration=True, encoding="UTF-8"), 500, media_type="text/xml")
