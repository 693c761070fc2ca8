"""The shape of a dialect, read and checked: every fault is told with its place, before anything is sent."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, Literal, TypeVar

import msgspec

from services.integration.domain.dialects import answers, listings, templates
from services.integration.domain.dialects.answers import Reading
from services.integration.domain.dialects.listings import Fields, Pages, Values
from services.integration.domain.dialects.templates import KEY, PACKET, PAGE, ROW
from shared.errors import Invalid

C = TypeVar("C")

_ELEMENT = re.compile(r"\{[^{}\s]+\}[A-Za-z_][\w.-]*")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OURS = {"host", "content-length", "content-type", "transfer-encoding", "connection", "authorization"}
"""Headers that are not a dialect's to say: they are the road's, the body's, and secrets are named, not written."""
_HTTP_AUTH = {"bearer", "basic", "header", "none"}
_AUTH = {"rest": _HTTP_AUTH, "soap": _HTTP_AUTH | {"token", "element"}}
_DIGEST_LEVELS = frozenset({"level", "form", "period"})
OPERATIONS = ("submit", "status", "delete", "list", "digests")
MAX_FAULTS = 50


class Doubt(StrEnum):
    """How to learn what became of a packet that may have arrived."""

    ASK = "ask"  # the status operation tells
    REPEAT = "repeat"  # the same version may be sent again: it is applied once
    READ = "read"  # what the partner lists under the key is compared with what was sent
    PERSON = "person"  # nobody but a person can find out


class Auth(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the partner knows us by the secret that `credential` names: `bearer`, `basic` (with `user`), in an HTTP
    `header` of that `name`; SOAP also a WS-Security `token` (UsernameToken of `user`, as digest if so said) or a header
    `element` of that `name`; or `none`."""

    kind: Literal["bearer", "basic", "header", "token", "element", "none"] = "bearer"
    user: str = ""
    name: str = ""
    digest: bool = False


class RestCall(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One HTTP request: `path` after the partner's address with names in braces, `query`, `headers`, JSON `body`."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    query: dict[str, Any] = {}
    headers: dict[str, Any] = {}
    body: Any = None


class SoapCall(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One operation of the contract, and its arguments by name."""

    operation: str
    arguments: dict[str, Any] = {}


class Contract(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The partner's WSDL: a file in the hub's folder of contracts; the service and port in it, if it has several."""

    wsdl: str
    service: str | None = None
    port: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a partner is spoken to, whatever is said: how it knows us, what goes with every request, and with SOAP the
    contract and the operations it must have, by what they are for. Without a contract it is spoken to by REST."""

    auth: Auth
    headers: Mapping[str, Any]
    contract: Contract | None = None
    operations: Mapping[str, str]


class Words(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The partner's words by ours, used both ways: forms, and the statuses official, preliminary, estimate."""

    form: dict[str, str] = {}
    status: dict[str, str] = {}


class Told(msgspec.Struct, Generic[C], frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A call whose answer is an outcome. `per`, of `delete`: a whole `key` at once, or each `value` that a key should
    not hold (for partners that add what is submitted to what they have)."""

    call: C
    answer: Reading = Reading()
    per: Literal["key", "value"] = "key"


class Listed(msgspec.Struct, Generic[C], frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A call whose answer lists values: `rows` points at them, `row` says where their parts stand. Whichever of form,
    unit and period the call does not name is picked out of the rows. `everything`: left without them it lists all.
    `empty`: HTTP statuses that say that nothing is held."""

    call: C
    rows: str
    row: Fields
    pages: Pages | None = None
    everything: bool = False
    empty: tuple[int, ...] = ()


class Digested(msgspec.Struct, Generic[C], frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A call that answers digests as shared/digest.py defines them. Each points at a part of a row."""

    call: C
    rows: str
    count: str
    digest: str
    period: str | None = None
    form: str | None = None
    unit: str | None = None


class Dialect(msgspec.Struct, Generic[C], frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A partner's protocol. `versions`: the partner keeps the version with each key, applies the same one once and
    refuses older ones. `headers` go with every request: HTTP headers, or SOAP header elements by "{namespace}name"."""

    submit: Told[C]
    status: Told[C] | None = None
    delete: Told[C] | None = None
    list: Listed[C] | None = None
    digests: Digested[C] | None = None
    auth: Auth = Auth()
    versions: bool = False
    values: Values = Values()
    words: Words = Words()
    headers: dict[str, Any] = {}
    contract: Contract | None = None

    @property
    def manner(self) -> Manner:
        """How the partner is spoken to."""
        calls = {name: getattr(self, name).call for name in OPERATIONS if getattr(self, name) is not None}
        operations = {name: call.operation for name, call in calls.items() if isinstance(call, SoapCall)}
        return Manner(auth=self.auth, headers=self.headers, contract=self.contract, operations=operations)

    @property
    def adds(self) -> bool:
        """Tell whether submitting leaves there what the packet no longer has."""
        return self.delete is not None and self.delete.per == "value"

    @property
    def doubt(self) -> Doubt:
        """How a doubt is settled with this partner. A status says nothing about values that are dropped one by one."""
        if self.status is not None and not self.adds:
            return Doubt.ASK
        if self.versions:
            return Doubt.REPEAT
        return Doubt.PERSON if self.list is None else Doubt.READ

    def theirs(self, kind: str, ours: str) -> str:
        """Return the partner's word for a form or status of ours."""
        found: dict[str, str] = getattr(self.words, kind)
        return found.get(ours, ours)

    @property
    def ours(self) -> dict[str, dict[str, str]]:
        """Our words by the partner's."""
        return {
            kind: {theirs: ours for ours, theirs in getattr(self.words, kind).items()} for kind in ("form", "status")
        }


def dialect_of(protocol: str, raw: Mapping[str, Any]) -> Dialect[Any]:
    """Return the dialect that this data describes.

    Raises Invalid("integration.bad_dialect"); `context["errors"]` has the place and reason of every fault.
    """
    shape: Any = {"rest": Dialect[RestCall], "soap": Dialect[SoapCall]}.get(protocol)
    if shape is None:
        raise _bad([f"protocol: {protocol!r} is neither rest nor soap"])
    try:
        found: Dialect[Any] = msgspec.convert(raw, shape)
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at `$")
        raise _bad([f"{place.strip('.`') or 'it'}: {reason}"]) from error
    if wrong := list(_faults(protocol, found)):
        raise _bad(wrong)
    return found


def _bad(wrong: list[str]) -> Invalid:
    code, pairs = "integration.bad_dialect", [text.partition(": ") for text in wrong[:MAX_FAULTS]]
    return Invalid(
        code,
        "; ".join(wrong[:3]) + (f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""),
        "Bản mô tả giao thức của hệ thống nhận không hợp lệ.",
        {
            "count": len(wrong),
            "errors": [{"place": f"dialect.{place}", "code": code, "message": told} for place, _, told in pairs],
        },
    )


def _faults(protocol: str, found: Dialect[Any]) -> Iterator[str]:
    yield from _head_faults(protocol, found)
    operations = {
        "submit": (found.submit, PACKET, False),
        "status": (found.status, PACKET, True),
        "delete": (found.delete, PACKET | ROW if found.adds else PACKET, False),
    }
    for name, (told, names, asking) in operations.items():
        if told is not None:
            yield from call_faults(told.call, names, f"{name}.call", rows=name == "submit")
            yield from answers.faults(told.answer, names, f"{name}.answer", asking=asking)
    if not {"indicator", "value"} <= named_in(found.submit.call):
        yield "submit.call: says no values: $rows with indicator and value is missing"
    if found.submit.per != "key" or (found.status is not None and found.status.per != "key"):
        yield "submit.per: belongs to delete"
    if found.delete is not None and found.adds:
        if found.list is None:
            yield "delete.per: value needs a list operation, to know what should not be there"
        if "indicator" not in named_in(found.delete.call):
            yield "delete.call: per value it has to name the indicator"
    if found.list is not None:
        yield from _list_faults(found.list)
    if found.digests is not None:
        yield from call_faults(found.digests.call, _DIGEST_LEVELS, "digests.call", rows=False)


def _head_faults(protocol: str, found: Dialect[Any]) -> Iterator[str]:
    if protocol == "soap" and found.contract is None:
        yield "contract: missing: SOAP is spoken by a WSDL"
    if protocol == "rest" and found.contract is not None:
        yield "contract: REST has none"
    if found.values.kind == "number" and found.values.comma:
        yield "values.comma: a number has none, only a text"
    yield from _word_faults(found.words)
    yield from manner_faults(protocol, found.manner, PACKET | PAGE)


def manner_faults(protocol: str, manner: Manner, names: frozenset[str]) -> Iterator[str]:
    """Yield what is wrong with how a partner is spoken to, each with its place; `names` may stand in headers."""
    if manner.contract is not None and not re.fullmatch(r"[\w-][\w.-]*", manner.contract.wsdl):
        yield f"contract.wsdl: {manner.contract.wsdl!r} is no plain name of a file"
    auth = manner.auth
    if auth.kind not in _AUTH[protocol]:
        yield f"auth.kind: {protocol} has no {auth.kind}"
    if auth.kind in ("basic", "token") and (not auth.user or ":" in auth.user):
        yield "auth.user: missing, or with a colon"
    if auth.kind == "header" and not _HEADER.fullmatch(auth.name):
        yield f"auth.name: {auth.name!r} is no name of a header"
    if auth.kind == "element" and not _ELEMENT.fullmatch(auth.name):
        yield f"auth.name: {auth.name!r} is no {{namespace}}name of an element"
    if protocol == "rest":
        yield from _header_faults(manner.headers, names, "headers")
        return
    for name, template in manner.headers.items():
        if not _ELEMENT.fullmatch(name):
            yield f"headers: {name!r} is no {{namespace}}name of an element"
        yield from templates.faults(template, names, f"headers.{name}")


def _word_faults(words: Words) -> Iterator[str]:
    for kind, found in msgspec.structs.asdict(words).items():
        twice = {word for word in found.values() if list(found.values()).count(word) > 1}
        if twice:
            yield f"words.{kind}: no way back from {', '.join(sorted(twice))}: it stands for several"


def _header_faults(headers: Mapping[str, Any], names: frozenset[str], place: str) -> Iterator[str]:
    for name, template in headers.items():
        if not _HEADER.fullmatch(name) or name.lower() in _OURS:
            yield f"{place}: {name!r} is no header that a dialect may say"
        yield from templates.faults(template, names, f"{place}.{name}")


def call_faults(call: RestCall | SoapCall, names: frozenset[str], place: str, *, rows: bool) -> Iterator[str]:
    """Yield what is wrong with a call in which `names` may stand; `rows` tells whether `$rows` may."""
    if isinstance(call, SoapCall):
        yield from templates.faults(call.arguments, names, f"{place}.arguments", rows=rows)
        return
    yield from templates.text_faults(call.path, names, f"{place}.path")
    if call.path and (not call.path.startswith("/") or set(call.path) & set("?#\\ ") or ".." in call.path):
        yield f"{place}.path: starts with /, without query, fragment, blanks or steps up"
    yield from templates.faults(call.query, names, f"{place}.query")
    yield from _header_faults(call.headers, names, f"{place}.headers")
    yield from templates.faults(call.body, names, f"{place}.body", rows=rows)
    if call.body is not None and call.method == "GET":
        yield f"{place}.body: a GET has none"


def _list_faults(found: Listed[Any]) -> Iterator[str]:
    yield from call_faults(found.call, frozenset(KEY) | PAGE, "list.call", rows=False)
    yield from listings.faults(found.row, found.pages, found.rows, "list")
    named = named_in(found.call)
    for name in KEY:
        if getattr(found.row, name) is None and (name not in named or found.everything):
            yield f"list.row.{name}: missing: neither the request nor the row says it"
    if found.everything and isinstance(found.call, RestCall) and templates.names_in(found.call.path) & set(KEY):
        yield "list.everything: a path that names the key cannot leave it out"
    if found.pages is not None and found.pages.kind != "link" and found.pages.kind not in named:
        yield f"list.call: pages follow each other by {found.pages.kind}, which it does not say"


def named_in(call: RestCall | SoapCall) -> set[str]:
    """Return the names that a call says."""
    if isinstance(call, SoapCall):
        return templates.named(call.arguments)
    return templates.names_in(call.path) | templates.named([call.query, call.headers, call.body])
