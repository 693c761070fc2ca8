"""The road over X-Road: the same requests, wrapped as our security server wants them, and answers checked to be the
answers to them. The partner's `endpoint` is our security server; the platform carries on from there, as the
partner's terms say (domain/xroad.py).

A failure of the platform tells nothing of the partner. Only where its code says that the service was not called is the
request `Unreached`; everything else is `Lost`, and the partner is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

from lxml import etree

from services.integration.clients.transport import Lost, Reply, Road, Unreached
from services.integration.domain.partners import Partner
from services.integration.domain.xroad import Terms
from shared.errors import Invalid
from shared.xroad import (
    IDENTIFIERS,
    PROTOCOL_VERSION,
    REPRESENTATION,
    XROAD,
    Member,
    Service,
    checked_code,
    of_platform,
    surely_not_done,
)

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
_E, _X, _I, _P = f"{{{ENVELOPE}}}", f"{{{XROAD}}}", f"{{{IDENTIFIERS}}}", f"{{{REPRESENTATION}}}"
_CODES = ("xRoadInstance", "memberClass", "memberCode", "subsystemCode")


def over_xroad(road: Road, partner: Partner) -> Road:
    """Return the road to this partner through the security server at the end of `road`. Raises as `Terms.read` does."""
    terms = Terms.read(partner)
    return XRoadSoap(road, terms) if terms.service is None else XRoadRest(road, terms.service, terms)


class XRoadRest:
    """Requests by the message protocol for REST, r1."""

    def __init__(self, road: Road, service: Service, terms: Terms) -> None:
        self._road = road
        self._prefix = f"/r1/{service}"
        self._client, self._service = terms.client, service
        names = {
            "user": "X-Road-UserId",
            "issue": "X-Road-Issue",
            "represented_party": "X-Road-Represented-Party",
            "security_server": "X-Road-Security-Server",
        }
        self._headers = {"X-Road-Client": str(terms.client)}
        self._headers |= {names[name]: text for name, text in terms.optional.items()}

    def send(
        self,
        method: str,
        path: str = "",
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Reply:
        """Exchange one request for the service's reply. Raises Unreached or Lost."""
        number = str(uuid4())
        own = {"Accept": "application/json", **(headers or {}), **self._headers, "X-Road-Id": number}
        reply = self._road.send(method, self._prefix + path, body=body, headers=own, params=params)
        error = reply.headers.get("X-Road-Error")
        if error is not None:
            raise failure_of_platform(error, reply.body[:300].decode(errors="replace"))
        if reply.headers.get("X-Road-Id") != number:
            raise Lost(f"the answer names X-Road-Id {reply.headers.get('X-Road-Id')}, not {number}")
        _check_named(reply, "X-Road-Client", Member.read, self._client)
        _check_named(reply, "X-Road-Service", Service.read, self._service)
        if not reply.headers.get("X-Road-Request-Id"):
            raise Lost("the answer names no X-Road-Request-Id: it did not come by X-Road")
        return reply

    def close(self) -> None:
        """Give connections back."""
        self._road.close()


class XRoadSoap:
    """Envelopes by message protocol 4.0. Any document/literal wrapped call may pass: the service's code is taken from
    its wrapper element."""

    def __init__(self, road: Road, terms: Terms) -> None:
        self._road = road
        self._terms = terms

    def send(
        self,
        method: str,
        path: str = "",
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Reply:
        """Exchange one envelope for the service's. Raises Unreached or Lost."""
        if body is None:
            raise Unreached("over X-Road only SOAP messages pass here")
        envelope, ours = self._dressed(body)
        typed = dict(headers or {})
        typed.setdefault("Content-Type", "text/xml; charset=utf-8")
        reply = self._road.send(method, path, body=envelope, headers=typed, params=params)
        _check_answer(reply, ours)
        return reply

    def close(self) -> None:
        """Give connections back."""
        self._road.close()

    def _dressed(self, message: bytes) -> tuple[bytes, list[Any]]:
        root = etree.fromstring(message, _parser())
        wrapper = root.find(f"{_E}Body/*")
        if wrapper is None:
            raise Unreached("the message has no wrapper element")
        header = root.find(f"{_E}Header")
        if header is None:
            header = etree.Element(f"{_E}Header")
            root.insert(0, header)
        ours = self._header(checked_code(etree.QName(wrapper).localname))
        header.extend(ours)
        return etree.tostring(root, xml_declaration=True, encoding="UTF-8"), ours

    def _header(self, service_code: str) -> list[Any]:
        terms = self._terms
        service = _identifier("service", "SERVICE", terms.provider)
        etree.SubElement(service, f"{_I}serviceCode").text = service_code
        if terms.version is not None:
            etree.SubElement(service, f"{_I}serviceVersion").text = terms.version
        found = [_identifier("client", terms.client.kind, terms.client), service, _field("id", str(uuid4()))]
        found += [_field(name, terms.optional[key]) for name, key in (("userId", "user"), ("issue", "issue"))
                  if key in terms.optional]  # fmt: skip
        if terms.party is not None:
            of, code = terms.party
            party = etree.Element(f"{_P}representedParty", nsmap={"repr": REPRESENTATION})
            if of is not None:
                etree.SubElement(party, f"{_P}partyClass").text = of
            etree.SubElement(party, f"{_P}partyCode").text = code
            found.append(party)
        return [*found, _field("protocolVersion", PROTOCOL_VERSION)]


def _check_named(reply: Reply, name: str, read: Callable[[str], Member | Service], ours: Member | Service) -> None:
    """Raise Lost if the answer names another than `ours`. Compared as identifiers: a security server may spell what is
    percent-encoded in its own way."""
    told = reply.headers.get(name)
    if told is None:
        return
    try:
        same = read(told) == ours
    except Invalid:
        same = False
    if not same:
        raise Lost(f"the answer names {name} {told}, not {ours}")


def failure_of_platform(code: str, story: str) -> Unreached | Lost:
    """Return what this error of a security server means for the request."""
    kind = Unreached if surely_not_done(code) else Lost
    return kind(f"X-Road failed: {code}: {story}")


def _check_answer(reply: Reply, ours: list[Any]) -> None:
    if b"<!DOCTYPE" in reply.body[:4096]:
        raise Lost("the answer declares a document type")
    try:
        root = etree.fromstring(reply.body, _parser())
    except etree.XMLSyntaxError as error:
        if reply.status == 200:
            raise Lost(f"not XML: {error}") from error
        return  # what the client makes of an HTTP status alone is its matter
    fault = root.find(f"{_E}Body/{_E}Fault")
    if fault is not None:
        code = (fault.findtext("faultcode") or "").strip().rpartition(":")[2]
        if of_platform(code):
            raise failure_of_platform(code, fault.findtext("faultstring") or "")
        return  # the service's own; it may come without header fields
    theirs = [item for item in root.iterfind(f"{_E}Header/*") if _ours(item)]
    if [_shape(item) for item in theirs] != [_shape(item) for item in ours]:
        raise Lost("the answer does not repeat the header fields of the request in their order")


def _ours(item: Any) -> bool:
    if not isinstance(item.tag, str):
        return False
    name = etree.QName(item)
    return name.namespace in (XROAD, REPRESENTATION) and name.localname != "requestHash"


def _shape(item: Any) -> tuple[Any, ...]:
    children = tuple(_shape(child) for child in item if isinstance(child.tag, str))
    return item.tag, tuple(sorted(item.attrib.items())), (item.text or "").strip(), children


def _identifier(name: str, kind: str, member: Member) -> Any:
    element = etree.Element(f"{_X}{name}", {f"{_I}objectType": kind}, nsmap={"xrd": XROAD, "id": IDENTIFIERS})
    for tag, code in zip(_CODES, member.parts, strict=False):
        etree.SubElement(element, f"{_I}{tag}").text = code
    return element


def _field(name: str, text: str) -> Any:
    element = etree.Element(f"{_X}{name}", nsmap={"xrd": XROAD})
    element.text = text
    return element


def _parser() -> etree.XMLParser:
    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
