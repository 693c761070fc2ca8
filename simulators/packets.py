"""The far side takes packets (4) of QCVN 125: it knows the hub's schema and certificate, and none of the hub's code.

What is stored is what the verifier returns as signed; a far side that was given a certificate takes nothing unsigned.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from cryptography import x509
from fastapi import FastAPI, Request
from lxml import etree
from signxml.exceptions import SignXMLException
from signxml.xades.xades import XAdESSignatureConfiguration, XAdESVerifier

from simulators.behaviour import FarSide
from simulators.store import Packet, Refused, Value

_P = "{urn:laichau:qcvn125:1:report-data}"
_PARSER: dict[str, Any] = {"resolve_entities": False, "no_network": True, "load_dtd": False}


def add_packets(app: FastAPI, far: FarSide, certificate: bytes | None) -> None:
    """Add `POST /packets` to `app`; with a certificate (PEM) only what it signed is taken."""
    schema_file = str(files("shared.packets") / "schemas" / "report_data.xsd")
    schema = etree.XMLSchema(etree.parse(schema_file, etree.XMLParser(no_network=True)))
    pinned = None if certificate is None else x509.load_pem_x509_certificate(certificate)

    @app.post("/packets")
    async def take(request: Request) -> dict[str, Any]:
        root = _checked(await request.body(), schema, pinned)
        return await far.submit(_packet(root))


def _checked(raw: bytes, schema: etree.XMLSchema, pinned: x509.Certificate | None) -> etree._Element:
    if b"<!DOCTYPE" in raw:
        raise Refused("packet.doctype", "document types are not taken")
    try:
        root = etree.fromstring(raw, etree.XMLParser(**_PARSER))
        if pinned is not None:
            config = XAdESSignatureConfiguration(location="./")
            results = XAdESVerifier().verify(raw, x509_cert=pinned, expect_config=config)
            root = etree.fromstring(results[0].signed_data, etree.XMLParser(**_PARSER))
    except etree.XMLSyntaxError as error:
        raise Refused("packet.malformed", str(error)) from error
    except (SignXMLException, ValueError) as error:
        raise Refused("packet.bad_signature", str(error)) from error
    if not schema.validate(root):
        log: Any = schema.error_log
        raise Refused("packet.schema", str(log.last_error))
    return root


def _packet(root: etree._Element) -> Packet:
    def text(path: str) -> str:
        return (root.findtext(path) or "").strip()

    figures = root.findall(f"{_P}figure")
    return Packet(
        message_id=text(f"{_P}header/{_P}message_id"),
        form=text(f"{_P}form"),
        unit=text(f"{_P}unit"),
        period=text(f"{_P}period"),
        version=int(text(f"{_P}version") or 1),
        content_hash=text(f"{_P}content_hash"),
        values={
            figure.findtext(f"{_P}indicator", ""): Value(
                None if figure.find(f"{_P}nothing_occurred") is not None else figure.findtext(f"{_P}value"),
                figure.findtext(f"{_P}status", ""),
            )
            for figure in figures
        },
    )
