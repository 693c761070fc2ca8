"""The far side's SOAP protocol, contract first: what comes in is checked against `shared/schemas/reporting.xsd`,
what goes out is built from it."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from lxml import etree

import shared
from shared.canonical import decimal_text
from simulators.behaviour import Broken, FarSide
from simulators.rest import told_values
from simulators.store import Packet, Question, Refused, Value

SCHEMAS = Path(shared.__file__).parent / "schemas"
ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
NAMESPACE = "urn:laichau:reporting:1"
_E, _R = f"{{{ENVELOPE}}}", f"{{{NAMESPACE}}}"
_MAX_BYTES = 4 * 1024 * 1024


def add_soap(app: FastAPI, far: FarSide, token: str) -> None:
    """Add `/soap` to `app`, for callers whose Token header is `token`."""
    schema = etree.XMLSchema(etree.parse(SCHEMAS / "reporting.xsd"))

    @app.get("/soap")
    async def description(request: Request) -> Response:
        text = (SCHEMAS / "reporting.wsdl").read_text()
        text = text.replace("http://127.0.0.1:8090/soap", str(request.url.replace(query="")))
        return Response(text.replace('"reporting.xsd"', '"/soap/reporting.xsd"'), media_type="text/xml")

    @app.get("/soap/reporting.xsd")
    async def types() -> Response:
        return Response((SCHEMAS / "reporting.xsd").read_bytes(), media_type="text/xml")

    @app.post("/soap")
    async def call(request: Request) -> Response:
        try:
            root, body = _opened(await request.body(), schema, token)
            return _envelope(await _perform(far, body), header=_of_xroad(root))
        except Refused as error:
            return _fault("Client", error.code, error.message)
        except Broken as error:
            return _broken(error)


def _opened(raw: bytes, schema: etree.XMLSchema, token: str) -> tuple[Any, Any]:
    """Return envelope and operation, once parsed without entities or network, authorised and valid."""
    if len(raw) > _MAX_BYTES:
        raise Refused("soap.too_large", f"more than {_MAX_BYTES} bytes")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(raw, parser)
    except etree.XMLSyntaxError as error:
        raise Refused("soap.not_xml", str(error)) from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise Refused("soap.doctype", "a document type declaration is not accepted")
    if not hmac.compare_digest((root.findtext(f"{_E}Header/{_R}Token") or "").encode(), token.encode()):
        raise Refused("soap.unauthorised", "unknown token")
    body = root.find(f"{_E}Body")
    if body is None or len(body) != 1:
        raise Refused("soap.no_operation", "the body must hold one operation")
    if not schema.validate(body[0]):
        raise Refused("soap.invalid", str(schema.error_log))
    return root, body[0]


def _of_xroad(root: Any) -> list[Any]:
    """Return the header fields of X-Road, which the answer repeats as they are (message protocol 4.0, section 2.2)."""
    header = root.find(f"{_E}Header")
    return [item for item in header if isinstance(item.tag, str) and item.tag.startswith("{http://x-road.eu/")]


async def _perform(far: FarSide, element: Any) -> Any:
    operation = etree.QName(element).localname
    field = {etree.QName(child).localname: child.text for child in element}
    if operation == "SubmitReportData":
        return _answer(operation, await far.submit(_packet(element, field)))
    if operation == "GetReportStatus":
        return _answer(operation, await far.status(field["message_id"] or ""))
    if operation == "GetDigests":
        asked = _asked(element, field)
        rows = await far.read("digests", lambda store: store.digests(field["level"] or "", asked))
        return _answer(operation, {"entry": rows})
    if operation == "ListValues":
        asked = _asked(element, field)
        limit = int(field.get("limit") or 1_000)
        page, cursor = await far.read("values", lambda store: store.values(asked, field.get("after"), limit))
        return _answer(operation, {"value": [_listed(row) for row in told_values(page, asked)], "next": cursor})
    raise Refused("soap.unknown_operation", operation)


def _asked(element: Any, field: dict[str, str | None]) -> Question:
    def number(name: str) -> int | None:
        return int(field[name] or 0) if name in field else None

    return Question(
        period=field.get("period"),
        form=field.get("form"),
        units=tuple(item.text for item in element.findall(f"{_R}unit")),
        parts=number("parts"),
        chosen=tuple(int(item.text) for item in element.findall(f"{_R}part")),
        groups=number("groups"),
        of=tuple((item.findtext(f"{_R}unit"), int(item.findtext(f"{_R}group"))) for item in element.findall(f"{_R}of")),
    )


def _listed(row: dict[str, Any]) -> dict[str, Any]:
    order = ("indicator", "amount", "status", "version", "period", "form", "unit")
    return {name: row["value" if name == "amount" else name] for name in order}


def _packet(element: Any, field: dict[str, str | None]) -> Packet:
    values: dict[str, Value] = {}
    for item in element.findall(f"{_R}value"):
        amount = item.findtext(f"{_R}amount")
        try:
            value = None if amount is None else decimal_text(Decimal(amount))
        except InvalidOperation as error:
            raise Refused("packet.bad_value", str(amount)) from error
        values[item.findtext(f"{_R}indicator")] = Value(value, item.findtext(f"{_R}status"))
    return Packet(
        field["message_id"] or "",
        field["form"] or "",
        field["unit"] or "",
        field["period"] or "",
        int(field["version"] or 0),
        field["content_hash"] or "",
        values,
    )


def _answer(operation: str, content: dict[str, Any]) -> Any:
    element = etree.Element(f"{_R}{operation}Response", nsmap={"r": NAMESPACE})
    _fill(element, content)
    return element


def _fill(element: Any, content: dict[str, Any]) -> None:
    for name, item in content.items():
        for one in item if isinstance(item, list) else [item]:
            if one is None:
                continue
            child = etree.SubElement(element, f"{_R}{name}")
            if isinstance(one, dict):
                _fill(child, one)
            else:
                child.text = str(one)


def _envelope(content: Any, status: int = 200, header: Sequence[Any] = ()) -> Response:
    root = etree.Element(f"{_E}Envelope", nsmap={"s": ENVELOPE})
    if header:
        etree.SubElement(root, f"{_E}Header").extend(header)
    etree.SubElement(root, f"{_E}Body").append(content)
    raw = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    return Response(raw, status, media_type="text/xml; charset=utf-8")


def _fault(side: str, code: str, message: str) -> Response:
    fault = etree.Element(f"{_E}Fault", nsmap={"s": ENVELOPE})
    etree.SubElement(fault, "faultcode").text = f"s:{side}"
    etree.SubElement(fault, "faultstring").text = message
    detail = etree.SubElement(etree.SubElement(fault, "detail"), f"{_R}ReportingFault", nsmap={"r": NAMESPACE})
    _fill(detail, {"code": code, "message": message})
    return _envelope(fault, 500)


def _broken(error: Broken) -> Response:
    if error.kind == "soap_fault":
        return _fault("Server", "far_side.failed", "the receiver failed")
    if error.kind == "malformed":
        return Response("<<<%% not an answer", 200, media_type="text/xml")
    if error.kind == "unavailable":
        return Response("", 503, headers={"Retry-After": str(error.retry_after)})
    return Response("", 500)
