"""Calls of a dialect over SOAP, by the partner's own WSDL. zeep writes the envelopes, by the contract's types and
names; answers are read as they are: what is looked for is described by its place, whatever else stands there.

An answer becomes a document of plain things: an element with children is an object by their local names, several of
one name a list, one without children its text (nil or empty: null), attributes are "@name".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import zeep
from lxml import etree
from zeep.exceptions import Error as ZeepError
from zeep.transports import Transport
from zeep.wsse.username import UsernameToken

from services.integration.clients.contracts import contract_of, operations_of, settings
from services.integration.clients.mapped_rest import http_auth
from services.integration.clients.rest import retry_after
from services.integration.clients.transport import Reply, Road
from services.integration.domain.dialects import Auth, Contract, Heard, Manner, SoapCall, Unsayable, rendered
from services.integration.domain.dialects.answers import Fault
from services.integration.domain.dialects.pointers import MISSING, at, spelled
from services.integration.settings import IntegrationSettings
from shared.errors import Invalid

_ENVELOPES = ("http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope")
_INSTANCE = "{http://www.w3.org/2001/XMLSchema-instance}"
_SHOWN = 300
Names = Mapping[str, Any]


class _Unreadable(Exception):
    pass


class _OverRoad(Transport):
    """Lets zeep post over a road; what came back is ours to read."""

    def __init__(self, road: Road, headers: Mapping[str, str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # zeep
        self._road = road
        self._headers = headers

    def post(self, address: str, message: bytes, headers: dict[str, str]) -> Reply:
        """Called by zeep with an envelope; where to is the road's matter. Raises Unreached, Lost."""
        return self._road.send("POST", body=message, headers={**headers, **self._headers})


class SoapSpeaker:
    """Says calls in this `manner` over `road`, where we are known by `secret`.

    Raises Invalid("integration.bad_contract") if the contract cannot be read or lacks an operation.
    """

    def __init__(self, manner: Manner, road: Road, secret: str, options: IntegrationSettings) -> None:
        contract = manner.contract or Contract(wsdl="")
        document, binding = contract_of(options.contracts, contract)
        _check_operations(manner.operations, operations_of(binding), contract)
        auth = manner.auth
        token = _token(auth, secret) if auth.kind == "token" else None
        client = zeep.Client(  # type: ignore[no-untyped-call]  # zeep
            document,
            wsse=token,
            transport=_OverRoad(road, http_auth(auth, secret)),
            settings=settings(raw_response=True),
        )
        self._service: Any = client.create_service(str(binding.name), "")  # type: ignore[no-untyped-call]  # zeep
        self._headers = manner.headers
        self._secret = (auth.name, secret) if auth.kind == "element" else None
        self._road = road

    def say(self, call: SoapCall, names: Names, rows: Sequence[Names] = (), link: str | None = None) -> Heard:
        """Say a call. Raises Unreached, Lost, Unsayable."""
        arguments = rendered(call.arguments, names, rows)
        elements = [_element(name, value) for name, value in rendered(self._headers, names).items()]
        if self._secret is not None:
            elements.append(_element(*self._secret))
        try:
            reply = self._service[call.operation](**arguments, _soapheaders=elements)
        except (ZeepError, TypeError, ValueError, LookupError, AttributeError, ArithmeticError) as error:
            # Roads raise errors of their own: this one arose while the envelope was written.
            raise Unsayable(f"{call.operation}: {error}") from error
        return _heard(reply)

    def close(self) -> None:
        """Give connections back."""
        self._road.close()


def _token(auth: Auth, secret: str) -> Any:
    return UsernameToken(auth.user, secret, use_digest=auth.digest)  # type: ignore[no-untyped-call]  # zeep


def _check_operations(described: Mapping[str, str], known: Sequence[str], contract: Contract) -> None:
    lacking = {name: operation for name, operation in described.items() if operation not in known}
    if lacking:
        told = ", ".join(f"{name} ({operation})" for name, operation in lacking.items())
        raise Invalid(
            "integration.bad_contract",
            f"{contract.wsdl} has no operation for {told}; it has {', '.join(known)}",
            "Tệp WSDL không có thao tác đã khai báo.",
        )


def _element(name: str, value: Any) -> Any:
    element = etree.Element(name)
    if isinstance(value, dict):
        namespace = name[: name.index("}") + 1]
        element.extend(_element(f"{namespace}{child}", found) for child, found in value.items())
    elif value is not None:
        element.text = str(value)
    return element


def _heard(reply: Reply) -> Heard:
    document, trouble, fault = MISSING, None, None
    try:
        body = _body(reply.body)
        if etree.QName(body).localname == "Fault":
            fault = _fault(body)
        else:
            document = _plain(body)
    except (etree.Error, _Unreadable, ValueError) as error:
        trouble = str(error)
    return Heard(
        status=reply.status,
        document=document,
        trouble=trouble,
        fault=fault,
        retry_after=retry_after(reply.headers.get("retry-after")),
        beginning=reply.body[:_SHOWN].decode(errors="replace"),
        body_hash=sha256(reply.body).digest(),
        size=len(reply.body),
    )


def _body(raw: bytes) -> Any:
    """Return the one element in the envelope's body. Raises _Unreadable, etree.Error."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    root: Any = etree.fromstring(raw, parser)
    if root.getroottree().docinfo.doctype:
        raise _Unreadable("the answer declares a document type")
    for envelope in _ENVELOPES:
        body = root.find(f"{{{envelope}}}Body")
        if root.tag == f"{{{envelope}}}Envelope" and body is not None and len(body) > 0:
            return body[0]
    raise _Unreadable("no SOAP envelope with a body")


def _plain(element: Any) -> Any:
    found: dict[str, Any] = {
        f"@{etree.QName(name).localname}": value
        for name, value in element.attrib.items()
        if not name.startswith(_INSTANCE)
    }
    for child in element:
        if not isinstance(child.tag, str):
            continue
        name, value = etree.QName(child).localname, _plain(child)
        if name not in found:
            found[name] = value
        elif isinstance(found[name], list):
            found[name].append(value)
        else:
            found[name] = [found[name], value]
    if len(element) == 0:
        text = None if element.get(f"{_INSTANCE}nil") in ("true", "1") else (element.text or "").strip() or None
        return found | {"#text": text} if found else text
    return found


def _fault(element: Any) -> Fault:
    told = _plain(element)
    if at(told, "/faultcode") is not MISSING:
        code, text, detail = (at(told, f"/{name}") for name in ("faultcode", "faultstring", "detail"))
    else:
        places = ("/Code/Subcode/Value", "/Code/Value")
        code = next((found for place in places if (found := at(told, place)) is not MISSING), None)
        text, detail = at(told, "/Reason/Text"), at(told, "/Detail")
    return Fault((_text(code) or "").rpartition(":")[2], _text(text) or "", detail)


def _text(found: Any) -> str | None:
    return spelled(found.get("#text") if isinstance(found, dict) else found)
