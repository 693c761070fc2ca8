"""SOAP 1.1 envelopes in and out, contract first: what comes in is checked against `shared/schemas/reporting.xsd`, and
so is what goes out.

Hardened: UTF-8 only, no document type, no entities, no network, bounded depth; the size is bounded by the edge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from lxml import etree
from starlette.responses import Response

import shared
from shared.errors import Conflict, HubError, Internal, Invalid, TooMany

SCHEMAS = Path(shared.__file__).parent / "schemas"
ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
NAMESPACE = "urn:laichau:reporting:1"
MEDIA_TYPE = "text/xml; charset=utf-8"
E, R = f"{{{ENVELOPE}}}", f"{{{NAMESPACE}}}"
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_MAX_HEADER_ENTRIES = 32
_MAX_HEADER_DEPTH = 8


@dataclass(frozen=True, slots=True)
class Message:
    """A request: its operation's element, and the entries of its header."""

    body: Any
    header: Sequence[Any]

    @property
    def operation(self) -> str:
        """The name of the operation."""
        return etree.QName(self.body).localname

    def fields(self) -> dict[str, str]:
        """Return the texts of the operation's plain elements by name."""
        return {etree.QName(child).localname: (child.text or "").strip() for child in self.body if not len(child)}

    def names(self) -> set[str]:
        """Return the names of all elements of the operation."""
        return {etree.QName(child).localname for child in self.body}

    def all(self, name: str) -> list[Any]:
        """Return all elements of this name of the operation."""
        return list(self.body.findall(f"{R}{name}"))

    def texts(self, name: str) -> list[str]:
        """Return the texts of all elements of this name."""
        return [(item.text or "").strip() for item in self.all(name)]

    def token(self) -> str | None:
        """Return the secret in the Token entry of the header, None without one."""
        found = next((item for item in self.header if item.tag == f"{R}Token"), None)
        return None if found is None else (found.text or "").strip()


def opened(raw: bytes) -> Message:
    """Return the request, whose operation is yet to be checked. Raises Invalid with a `soap.…` code for what is no
    SOAP 1.1 message."""
    root = _parsed(raw)
    if root.tag != f"{E}Envelope":
        raise _invalid("soap.version_mismatch", "the root is no SOAP 1.1 envelope", "Chỉ nhận bản tin SOAP 1.1.")
    bodies, headers = root.findall(f"{E}Body"), root.findall(f"{E}Header")
    operations = [item for body in bodies for item in body if isinstance(item.tag, str)]
    if len(bodies) != 1 or len(headers) > 1 or len(operations) != 1:
        raise _invalid("soap.no_operation", "the body must hold one operation", "Bản tin phải có đúng một thao tác.")
    return Message(operations[0], _checked_header(headers[0] if headers else ()))


def check(message: Message) -> None:
    """Raise Invalid("soap.invalid"), naming the places, unless the operation is by the contract."""
    schema = _schema()
    if not schema.validate(message.body):
        raise _against_schema(schema)


def _parsed(raw: bytes) -> Any:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _invalid("soap.not_utf8", "the message is not UTF-8", "Bản tin phải dùng mã UTF-8.") from error
    if b"<!DOCTYPE" in raw or b"<!ENTITY" in raw:
        raise _invalid(
            "soap.doctype", "a document type is not accepted", "Bản tin không được khai báo kiểu tài liệu (DTD)."
        )
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        return etree.fromstring(raw, parser)
    except etree.XMLSyntaxError as error:
        raise _invalid("soap.not_xml", f"not XML: {error.msg}", "Nội dung không phải là XML hợp lệ.") from error


def _checked_header(header: Sequence[Any]) -> list[Any]:
    entries = list(header)
    if len(entries) > _MAX_HEADER_ENTRIES or any(_deeper(entry, _MAX_HEADER_DEPTH) for entry in entries):
        raise _invalid("soap.header_too_large", "the header is too large", "Phần đầu của bản tin quá lớn.")
    for entry in entries:
        known = entry.tag == f"{R}Token" or etree.QName(entry).namespace.startswith("http://x-road.eu/")
        if entry.get(f"{E}mustUnderstand") in ("1", "true") and not known:
            raise _invalid(
                "soap.must_understand", f"{entry.tag} is not understood", "Phần đầu có mục bắt buộc không hỗ trợ."
            )
    return entries


def _deeper(entry: Any, most: int) -> bool:
    level = [entry]
    for _ in range(most):
        level = [child for item in level for child in item]
    return bool(level)


def _against_schema(schema: etree.XMLSchema) -> Invalid:
    log: Any = schema.error_log
    places = [{"place": f"line {one.line}", "code": "soap.invalid", "message": one.message} for one in list(log)[:20]]
    first = places[0]["message"] if places else "not by the contract"
    return Invalid(
        "soap.invalid", f"against the contract: {first}", "Bản tin không đúng cấu trúc (XSD) đã công bố.",
        {"errors": places},
    )  # fmt: skip


def _invalid(code: str, message: str, detail: str) -> Invalid:
    return Invalid(code, message, detail)


@cache
def _schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(SCHEMAS / "reporting.xsd"))


def answered(operation: str, content: Mapping[str, Any], header: Sequence[Any] = ()) -> bytes:
    """Return the envelope of this operation's response; `header` entries are repeated as they are.

    Raises Internal("soap.bad_answer") if the response is not by the contract: a fault of the hub's own.
    """
    element = etree.Element(f"{R}{operation}Response", nsmap={"r": NAMESPACE})
    _fill(element, content)
    schema = _schema()
    if not schema.validate(element):
        raise Internal("soap.bad_answer", f"the answer is against the contract: {_against_schema(schema).message}")
    return _enveloped(element, header)


def faulted(error: HubError, correlation_id: str) -> bytes:
    """Return the envelope of a fault. `Client`: the message must change; `Server`: the same message may succeed later.

    The faultstring is English, for developers; the detail has the stable code and the Vietnamese text for people.
    """
    fault = etree.Element(f"{E}Fault", nsmap={"s": ENVELOPE})
    etree.SubElement(fault, "faultcode").text = f"s:{_side(error)}"
    told = etree.SubElement(fault, "faultstring")
    told.set(XML_LANG, "en")
    told.text = _clean(error.message)
    detail = etree.SubElement(etree.SubElement(fault, "detail"), f"{R}ReportingFault", nsmap={"r": NAMESPACE})
    errors = error.context.get("errors")
    _fill(
        detail,
        {
            "code": error.code,
            "message": _clean(error.message),
            "detail": _clean(error.detail) if error.detail else None,
            "correlation_id": correlation_id or None,
            "error": [
                {"place": str(item.get("place", "")), "message": _clean(str(item.get("message", "")))}
                for item in (errors if isinstance(errors, list) else [])
            ],
        },
    )
    return _enveloped(fault)


def fault_response(error: HubError, correlation_id: str, headers: dict[str, str] | None = None) -> Response:
    """Return the answer that tells this error as a fault: HTTP 500, as SOAP 1.1 asks, and when to come back."""
    headers = dict(headers or {})
    if may_succeed_later(error):
        headers.setdefault("Retry-After", str(error.context.get("retry_after", 1)))
    return Response(faulted(error, correlation_id), 500, headers, media_type=MEDIA_TYPE)


def may_succeed_later(error: HubError) -> bool:
    """Tell whether the same message may be taken a little later."""
    return error.retryable or isinstance(error, TooMany) or (isinstance(error, Conflict) and "in_flight" in error.code)


def _side(error: HubError) -> str:
    if error.code == "soap.version_mismatch":
        return "VersionMismatch"
    if error.code == "soap.must_understand":
        return "MustUnderstand"
    return "Server" if may_succeed_later(error) or error.status >= 500 else "Client"


def _clean(text: str) -> str:
    """Return `text` without what XML cannot hold."""
    return "".join(letter for letter in text[:2_000] if letter >= " " or letter in "\t\n")


def _fill(element: Any, content: Mapping[str, Any]) -> None:
    for name, item in content.items():
        for one in item if isinstance(item, list) else [item]:
            if one is None:
                continue
            child = etree.SubElement(element, f"{R}{name}")
            if isinstance(one, Mapping):
                _fill(child, one)
            else:
                child.text = str(one)


def _enveloped(content: Any, header: Sequence[Any] = ()) -> bytes:
    root = etree.Element(f"{E}Envelope", nsmap={"s": ENVELOPE})
    if header:
        etree.SubElement(root, f"{E}Header").extend(header)
    etree.SubElement(root, f"{E}Body").append(content)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")
