"""The header of X-Road's message protocol 4.0, as the provider of a service reads it and repeats it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lxml import etree

from gateway.soap.envelope import Message
from shared.errors import Invalid, NotFound
from shared.xroad import IDENTIFIERS, REPRESENTATION, XROAD, Member, checked_code

_X, _I = f"{{{XROAD}}}", f"{{{IDENTIFIERS}}}"
_MANDATORY = ("client", "service", "id", "protocolVersion")
_KNOWN = {*_MANDATORY, "centralService", "userId", "issue", "requestHash", "securityServer"}
_CODES = ("xRoadInstance", "memberClass", "memberCode", "subsystemCode", "serviceCode", "serviceVersion")
_VERSION = re.compile(r"4\.\d{1,3}")
"""Any protocol of the same major number is compatible (section 2.2); what the hub itself sends is 4.0."""


@dataclass(frozen=True, slots=True)
class Header:
    """Who asks, by X-Road's word, under which message id; `fields` are to be repeated as they came."""

    client: Member
    id: str
    user: str | None
    fields: Sequence[Any]


def header_of(message: Message, ours: Member | None) -> Header | None:
    """Return the header's X-Road fields, None if it has none; `ours` is who we are as a provider.

    Raises Invalid("soap.xroad_header") for what is not by the protocol, Invalid("xroad.bad_identifier"),
    NotFound("soap.xroad_service") for a service that is not ours.
    """
    fields = [item for item in message.header if _namespace(item) in (XROAD, REPRESENTATION)]
    own = [item for item in fields if _namespace(item) == XROAD]
    if not own:
        return None
    names = [etree.QName(item).localname for item in own]
    if len(set(names)) != len(names) or set(names) - _KNOWN:
        raise _bad("a header field is unknown or stands twice")
    if missing := [name for name in _MANDATORY if name not in names]:
        raise _bad(f"header fields are missing: {', '.join(missing)}")
    by_name = dict(zip(names, own, strict=True))
    texts = {name: (by_name[name].text or "").strip() for name in ("id", "protocolVersion")}
    if not _VERSION.fullmatch(texts["protocolVersion"]):
        raise _bad(f"protocolVersion is {texts['protocolVersion'][:20]!r}, not 4.0")
    if not 0 < len(texts["id"]) <= 255:
        raise _bad("id is empty or too long")
    client, _ = _identified(by_name["client"], ("MEMBER", "SUBSYSTEM"), service=False)
    provider, code = _identified(by_name["service"], ("SERVICE",), service=True)
    if code != message.operation:
        raise _bad(f"the wrapper element is {message.operation}, the service's code {code}")
    if ours is None or provider != ours:
        raise NotFound("soap.xroad_service", f"{provider} is not offered here", "Dịch vụ không có tại hệ thống này.")
    user = by_name.get("userId")
    repeated = [item for item in fields if etree.QName(item).localname != "requestHash"]
    return Header(client, texts["id"], None if user is None else user.text, repeated)


def _identified(element: Any, kinds: tuple[str, ...], *, service: bool) -> tuple[Member, str | None]:
    """Return the member that an identifier names, and a service's code. The parts stand in the schema's order."""
    parts = [(etree.QName(item).localname, (item.text or "").strip(), item) for item in element]
    names = [name for name, _, _ in parts]
    allowed = _CODES if service else _CODES[:4]
    in_order = names == [name for name in allowed if name in names]
    if not in_order or any(_namespace(item) != IDENTIFIERS or len(item) for _, _, item in parts):
        raise _bad("an identifier is not by the schema of identifiers")
    kind = element.get(f"{_I}objectType")
    found = {name: checked_code(text) for name, text, _ in parts}
    needed = [*_CODES[:3], *(["serviceCode"] if service else []), *(["subsystemCode"] if kind == "SUBSYSTEM" else [])]
    if kind not in kinds or any(name not in found for name in needed):
        raise _bad(f"an identifier of type {kind} is incomplete or does not belong here")
    if kind == "MEMBER" and "subsystemCode" in found:
        raise _bad("a member's identifier names a subsystem")
    return Member(*(found[name] for name in _CODES[:4] if name in found)), found.get("serviceCode")


def _namespace(item: Any) -> str | None:
    return etree.QName(item).namespace


def _bad(why: str) -> Invalid:
    return Invalid("soap.xroad_header", f"X-Road: {why}", "Phần đầu X-Road của bản tin không đúng giao thức 4.0.")
