"""The schemas, written from the packets' tables: `python -m shared.packets.schema` after a table or a Struct changed.

They are files because partners take them as they are; a test fails while one is not current.
"""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import msgspec

from shared.packets.datatypes import DATATYPES, DataType
from shared.packets.kind import Header, Kind, Part
from shared.packets.registry import KINDS

FOLDER = Path(__file__).parent / "schemas"
DATATYPES_FILE = "datatypes.xsd"
DATATYPES_NAMESPACE = "urn:laichau:qcvn125:1:datatypes"
DISCLAIMER = (
    "In the hub's own namespace. It carries what packet ({number}) of QCVN 125:2021/BTTTT is for; the official field "
    "tables were not available, so the names are ours and no conformity is claimed. Written from "
    "shared/packets/{module}.py by `python -m shared.packets.schema`."
)
_XSD = "http://www.w3.org/2001/XMLSchema"


def text_of(kind: Kind) -> str:
    """Return the schema of this kind."""
    structs = _structs(kind)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<xsd:schema xmlns:xsd="{_XSD}" xmlns:t="{DATATYPES_NAMESPACE}"',
        f'            xmlns="{kind.namespace}" targetNamespace="{kind.namespace}"',
        f'            elementFormDefault="qualified" version="{kind.version}">',
        f'  <xsd:import namespace="{DATATYPES_NAMESPACE}" schemaLocation="{DATATYPES_FILE}"/>',
        "",
        "  <xsd:annotation>",
        f'    <xsd:documentation xml:lang="vi">{escape(kind.title)}</xsd:documentation>',
        f'    <xsd:documentation xml:lang="en">{escape(_disclaimer(kind))}</xsd:documentation>',
        "  </xsd:annotation>",
        "",
        *_root(kind),
    ]
    for struct in structs:
        lines += ["", *_complex_type(kind, struct)]
    return "\n".join([*lines, "</xsd:schema>", ""])


def datatypes_text() -> str:
    """Return the schema of the simple types that all kinds use."""
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<xsd:schema xmlns:xsd="{_XSD}" targetNamespace="{DATATYPES_NAMESPACE}" version="1">',
    ]
    for datatype in DATATYPES:
        lines += ["", *_simple_type(datatype)]
    return "\n".join([*lines, "</xsd:schema>", ""])


def texts() -> dict[str, str]:
    """Return all schemas by the names of their files."""
    return {f"{kind.module}.xsd": text_of(kind) for kind in KINDS} | {DATATYPES_FILE: datatypes_text()}


def _disclaimer(kind: Kind) -> str:
    told = DISCLAIMER.format(number=kind.number, module=kind.module)
    return f"{kind.told[0].upper()}{kind.told[1:]}. {told}"


def _structs(kind: Kind) -> list[type[msgspec.Struct]]:
    """Return the Structs below the root, each before those it holds."""
    found: list[type[msgspec.Struct]] = []

    def visit(struct: type[msgspec.Struct]) -> None:
        for part in kind.shape(struct):
            if part.struct is not None and part.struct not in found:
                found.append(part.struct)
                visit(part.struct)

    visit(kind.content)
    return [Header, *found]


def _root(kind: Kind) -> list[str]:
    parts = kind.shape(kind.content)
    return [
        f'  <xsd:element name="{kind.root}">',
        "    <xsd:complexType>",
        "      <xsd:sequence>",
        f'        <xsd:element name="{kind.header}" type="{Header.__name__}"/>',
        *(line for part in parts if not part.attribute for line in _element(part, 8)),
        "        <!-- A signature, if there is one: XAdES, enveloped. -->",
        '        <xsd:any namespace="http://www.w3.org/2000/09/xmldsig#" processContents="skip" minOccurs="0"/>',
        "      </xsd:sequence>",
        *(line for part in parts if part.attribute for line in _attribute(part, 6)),
        "    </xsd:complexType>",
        *(line for name, fields in kind.unique.items() for line in _unique(kind, name, fields)),
        "  </xsd:element>",
    ]


def _unique(kind: Kind, name: str, fields: tuple[str, ...]) -> list[str]:
    part = next(part for part in kind.shape(kind.content) if part.field == name)
    path = f"p:{part.wrapper}/p:{part.element}" if part.wrapper else f"p:{part.element}"
    told = {item.field: item for item in kind.shape(part.struct)} if part.struct is not None else {}
    return [
        f'    <xsd:unique name="one_{part.element}" xmlns:p="{kind.namespace}">',
        f'      <xsd:selector xpath="{path}"/>',
        *(f'      <xsd:field xpath="{_field_path(told[field])}"/>' for field in fields),
        "    </xsd:unique>",
    ]


def _field_path(part: Part) -> str:
    return f"@{part.element}" if part.attribute else f"p:{part.element}"


def _complex_type(kind: Kind, struct: type[msgspec.Struct]) -> list[str]:
    parts = kind.shape(struct)
    told = " ".join((struct.__doc__ or "").split())
    return [
        f'  <xsd:complexType name="{struct.__name__}">',
        f"    <xsd:annotation><xsd:documentation>{escape(told)}</xsd:documentation></xsd:annotation>",
        "    <xsd:sequence>",
        *(line for part in parts if not part.attribute for line in _element(part, 6)),
        "    </xsd:sequence>",
        *(line for part in parts if part.attribute for line in _attribute(part, 4)),
        "  </xsd:complexType>",
    ]


def _element(part: Part, indent: int) -> list[str]:
    pad = " " * indent
    if part.nothing:
        return [
            f"{pad}<xsd:choice>",
            *_one(part, part.element, "", indent + 2),
            f"{pad}  <!-- Không phát sinh: nothing occurred, which is neither zero nor missing. -->",
            f'{pad}  <xsd:element name="{part.nothing}"><xsd:complexType/></xsd:element>',
            f"{pad}</xsd:choice>",
        ]
    if part.wrapper:
        return [
            f'{pad}<xsd:element name="{part.wrapper}"{_least(part)}>',
            f"{pad}  <xsd:complexType><xsd:sequence>",
            *_one(part, part.element, ' maxOccurs="unbounded"', indent + 4),
            f"{pad}  </xsd:sequence></xsd:complexType>",
            f"{pad}</xsd:element>",
        ]
    return _one(part, part.element, _least(part) + (' maxOccurs="unbounded"' if part.many else ""), indent)


def _least(part: Part) -> str:
    return ' minOccurs="0"' if part.optional else ""


def _one(part: Part, name: str, occurs: str, indent: int) -> list[str]:
    pad = " " * indent
    told = f"<xsd:annotation><xsd:documentation>{escape(_told(part))}</xsd:documentation></xsd:annotation>"
    if part.choices:
        return [
            f'{pad}<xsd:element name="{name}"{occurs}>',
            f"{pad}  {told}",
            *_enumeration(part, indent + 2),
            f"{pad}</xsd:element>",
        ]
    return [f'{pad}<xsd:element name="{name}" type="{_type(part)}"{occurs}>', f"{pad}  {told}", f"{pad}</xsd:element>"]


def _attribute(part: Part, indent: int) -> list[str]:
    pad = " " * indent
    use = "" if part.optional else ' use="required"'
    if part.choices:
        return [
            f'{pad}<xsd:attribute name="{part.element}"{use}>',
            *_enumeration(part, indent + 2),
            f"{pad}</xsd:attribute>",
        ]
    return [f'{pad}<xsd:attribute name="{part.element}" type="{_type(part)}"{use}/>']


def _enumeration(part: Part, indent: int) -> list[str]:
    pad = " " * indent
    values = "".join(f'<xsd:enumeration value="{choice}"/>' for choice in part.choices)
    return [f'{pad}<xsd:simpleType><xsd:restriction base="xsd:token">', f"{pad}  {values}",
            f"{pad}</xsd:restriction></xsd:simpleType>"]  # fmt: skip


def _type(part: Part) -> str:
    if part.datatype is not None:
        return f"t:{part.datatype.name}"
    assert part.struct is not None  # noqa: S101 - `Part` says so
    return part.struct.__name__


def _told(part: Part) -> str:
    if part.optional and part.default not in (None, ()):
        return f"{part.told}; absent: {str(part.default).lower()}"
    return part.told


def _simple_type(datatype: DataType) -> list[str]:
    facets = [f"      <xsd:{name} value={quoteattr(value)}/>" for name, value in datatype.facets]
    return [
        f'  <xsd:simpleType name="{datatype.name}">',
        f"    <xsd:annotation><xsd:documentation>{escape(datatype.told)}</xsd:documentation></xsd:annotation>",
        f'    <xsd:restriction base="{datatype.base}">',
        *facets,
        "    </xsd:restriction>",
        "  </xsd:simpleType>",
    ]


def main() -> None:
    """Write all schemas."""
    for name, text in texts().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
