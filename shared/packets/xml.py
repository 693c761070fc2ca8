"""Packets as XML, both ways: validated before they leave, parsed by a hardened parser and validated as they come.

What is read is UTF-8 without document type, so that it has no entities, and nothing is ever fetched. Size, depth and
the number of elements are bounded. A signature is no part of the content: see `signing`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from threading import Lock
from typing import Any, Generic, TypeVar

import msgspec
from lxml import etree

from shared.errors import HubError, Invalid, TooLarge
from shared.packets.findings import MAX_TOLD, Finding, refused
from shared.packets.kind import Header, Kind, Part
from shared.packets.registry import kind_of_content, kind_of_root

MAX_BYTES = 16 * 1024 * 1024
MAX_DEPTH = 32
MAX_ELEMENTS = 500_000
SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}Signature"

C = TypeVar("C", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Packet(Generic[C]):
    """A packet: who sends it, and what it holds."""

    header: Header
    content: C


# -- building --------------------------------------------------------------------------------------------------------


def build(packet: Packet[Any]) -> bytes:
    """Return the packet as an XML document, UTF-8. Raises Invalid("packets.invalid") for what its schema refuses."""
    return serialised(tree_of(packet))


def tree_of(packet: Packet[Any], kind: Kind | None = None) -> etree._Element:
    """Return the packet as a tree that its schema has accepted. Raises Invalid("packets.invalid")."""
    kind = kind or kind_of_content(type(packet.content))
    namespaces: Any = {None: kind.namespace}
    root = etree.Element(_tag(kind, kind.root), nsmap=namespaces)
    _write(kind, packet.header, etree.SubElement(root, _tag(kind, kind.header)))
    _write(kind, packet.content, root)
    etree.indent(root)
    if findings := _against_schema(kind, root):
        raise refused(findings)
    return root


def serialised(root: etree._Element) -> bytes:
    """Return the document of this tree."""
    return (
        b'<?xml version="1.0" encoding="UTF-8"?>\n'
        + etree.tostring(root, encoding="UTF-8", xml_declaration=False)
        + b"\n"
    )


def _write(kind: Kind, struct: msgspec.Struct, into: etree._Element) -> None:
    for part in kind.shape(type(struct)):
        value = getattr(struct, part.field)
        if part.optional and value == part.default:
            continue
        if value is None:
            etree.SubElement(into, _tag(kind, part.nothing))
        elif part.attribute:
            into.set(part.element, _written(part, value, into))
        elif not part.many:
            _put(kind, part, value, into)
        else:
            around = etree.SubElement(into, _tag(kind, part.wrapper)) if part.wrapper else into
            for item in value:
                _put(kind, part, item, around)


def _put(kind: Kind, part: Part, value: Any, into: etree._Element) -> None:
    element = etree.SubElement(into, _tag(kind, part.element))
    if part.struct is not None:
        _write(kind, value, element)
    else:
        element.text = _written(part, value, element)


def _written(part: Part, value: Any, at: etree._Element) -> str:
    try:
        return str(value) if part.datatype is None else part.datatype.write(value)
    except HubError as error:
        raise refused([_finding(at, error)]) from error


# -- reading ---------------------------------------------------------------------------------------------------------


def read(raw: bytes, expected: type[C] | None = None) -> Packet[C]:
    """Return the packet that this document holds; its signature, if it has one, is not looked at.

    Raises TooLarge("packets.too_large"), Invalid("packets.unreadable", "packets.unknown_kind", "packets.other_kind")
    and Invalid("packets.invalid") with every finding: line, element, code and words.
    """
    root = parsed(raw)
    kind = kind_of(root)
    if expected is not None and kind.content is not expected:
        wanted = kind_of_content(expected)
        raise Invalid(
            "packets.other_kind",
            f"is a packet {kind.id}, wanted is {wanted.id}",
            f"Đây là gói “{kind.title}”, cần gói “{wanted.title}”.",
        )
    return packet_of(root, kind)


def kind_of(root: etree._Element) -> Kind:
    """Return the kind that this root names. Raises Invalid("packets.unknown_kind")."""
    name = etree.QName(root)
    kind = kind_of_root(name.namespace or "", name.localname)
    if kind is None:
        raise Invalid(
            "packets.unknown_kind",
            f"{{{name.namespace}}}{name.localname} is the root of none of the thirteen packets",
            "Không phải một trong mười ba loại gói tin.",
        )
    return kind


def packet_of(root: etree._Element, kind: Kind) -> Packet[Any]:
    """Return the packet that this tree holds. Raises Invalid("packets.invalid")."""
    if findings := _against_schema(kind, root):
        raise refused(findings)
    findings = []
    [header] = root.iterchildren(_tag(kind, kind.header))
    packet = Packet(_read(kind, Header, header, findings), _read(kind, kind.content, root, findings))
    if findings:
        raise refused(findings)
    return packet


def parsed(raw: bytes) -> etree._Element:
    """Return the root of this document. Raises TooLarge("packets.too_large"), Invalid("packets.unreadable")."""
    if len(raw) > MAX_BYTES:
        raise TooLarge("packets.too_large", f"more than {MAX_BYTES} bytes", f"Gói tin vượt quá {MAX_BYTES} byte.")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _unreadable(f"is not UTF-8: {error}", "Gói tin không ở bảng mã UTF-8.") from error
    if "<!DOCTYPE" in text:  # in UTF-8, which it is, it cannot hide
        raise _unreadable("declares a document type", "Gói tin không được khai báo DOCTYPE.")
    parser = etree.XMLParser(
        encoding="utf-8",  # whatever the declaration says
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(text.encode(), parser)
    except etree.XMLSyntaxError as error:
        raise _unreadable(str(error), f"Gói tin không phải XML hợp lệ (dòng {error.lineno}).") from error
    _bound(root)
    return root


def is_signed(root: etree._Element) -> bool:
    """Tell whether there is a signature anywhere in the document."""
    return next(root.iter(SIGNATURE), None) is not None


def _bound(root: etree._Element) -> None:
    depth = count = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        count += event == "start"
        if depth > MAX_DEPTH or count > MAX_ELEMENTS:
            message = f"more than {MAX_ELEMENTS} elements, or nested more than {MAX_DEPTH} deep"
            raise TooLarge("packets.too_large", message, "Gói tin có quá nhiều phần tử.")


def _unreadable(message: str, detail: str) -> Invalid:
    return Invalid("packets.unreadable", message, detail)


def _read(kind: Kind, of: type[C], element: etree._Element, findings: list[Finding]) -> C:
    found: dict[str, Any] = {}
    for part in kind.shape(of):
        if part.attribute:
            given = element.get(part.element)
            if given is not None:
                found[part.field] = _value(part, given, element, findings)
            continue
        around = element.find(_tag(kind, part.wrapper)) if part.wrapper else element
        children = [] if around is None else around.findall(_tag(kind, part.element))
        items = [
            _value(part, child.text or "", child, findings)
            if part.struct is None
            else _read(kind, part.struct, child, findings)
            for child in children
        ]
        if part.many:
            found[part.field] = tuple(items)
        elif items:
            found[part.field] = items[0]
        elif part.nothing:
            found[part.field] = None
    return of(**found)


def _value(part: Part, text: str, element: etree._Element, findings: list[Finding]) -> Any:
    if part.datatype is None:
        return text.strip()
    try:
        return part.datatype.read(text)
    except HubError as error:
        findings.append(_finding(element, error))
        return None


# -- schemas ---------------------------------------------------------------------------------------------------------

_validating = Lock()
"""A schema keeps the errors of its last validation to itself."""


@lru_cache(maxsize=32)
def schema_of(kind: Kind) -> etree.XMLSchema:
    """Return the schema of this kind, compiled."""
    path = files("shared.packets") / "schemas" / f"{kind.module}.xsd"
    return etree.XMLSchema(etree.parse(str(path), etree.XMLParser(no_network=True, resolve_entities=False)))


def _against_schema(kind: Kind, root: etree._Element) -> list[Finding]:
    schema = schema_of(kind)
    with _validating:
        if schema.validate(root):
            return []
        log: list[Any] = [*schema.error_log][:MAX_TOLD]  # type: ignore[misc]  # an iterable that lxml's stubs do not know
    return [_told(kind, root, entry) for entry in log]


def _told(kind: Kind, root: etree._Element, entry: Any) -> Finding:
    found: Any = root.getroottree().xpath(entry.path) if entry.path else [root]
    place = place_of(found[0]) if found else kind.root
    message = entry.message.replace(f"{{{kind.namespace}}}", "").replace(f"{{{_DATATYPES}}}", "")
    detail = next((words for name, words in _DETAILS if name in entry.type_name), "không đúng lược đồ")
    return Finding(place=place, line=entry.line, code="packets.schema", message=message, detail=f"{detail}.")


_DATATYPES = "urn:laichau:qcvn125:1:datatypes"
_DETAILS = (
    ("ELEMENT_CONTENT", "phần tử sai thứ tự, thừa hoặc thiếu"),
    ("COMPLEX_TYPE_2_4", "phần tử sai thứ tự, thừa hoặc thiếu"),
    ("COMPLEX_TYPE_4", "thiếu thuộc tính bắt buộc"),
    ("COMPLEX_TYPE", "thừa thuộc tính hoặc nội dung"),
    ("ENUMERATION", "giá trị ngoài danh mục cho phép"),
    ("LENGTH", "giá trị quá dài hoặc quá ngắn"),
    ("DATATYPE", "giá trị không đúng kiểu"),
    ("PATTERN", "giá trị không đúng mẫu"),
    ("INCLUSIVE", "giá trị ngoài khoảng cho phép"),
    ("IDC", "trùng với một phần tử trước đó"),
)


def _finding(element: etree._Element, error: HubError) -> Finding:
    return Finding(
        place=place_of(element),
        line=element.sourceline or 0,  # type: ignore[arg-type]  # lxml's stubs leave its type out
        code=error.code,
        message=error.message,
        detail=error.detail or error.message,
    )


def place_of(element: etree._Element) -> str:
    """Return the element's path as people read it: `ReportData/figure[5]/value`."""
    steps = []
    current: etree._Element | None = element
    while current is not None:
        parent = current.getparent()
        twins = [] if parent is None else [child for child in parent if child.tag == current.tag]
        number = f"[{twins.index(current) + 1}]" if len(twins) > 1 else ""
        steps.append(etree.QName(current).localname + number)
        current = parent
    return "/".join(reversed(steps))


def _tag(kind: Kind, name: str) -> str:
    return f"{{{kind.namespace}}}{name}"
