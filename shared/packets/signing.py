"""Signatures over packets: XAdES (baseline B), enveloped, over the whole document.

What counts as signed is what the verifier returns, and nothing else is read: a document that carries signed content
somewhere beside other content (signature wrapping) gains nothing. Whose signature counts is `trust`'s matter.
"""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature as BrokenSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from lxml import etree
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureConstructionMethod, SignatureMethod
from signxml.exceptions import SignXMLException
from signxml.xades.xades import XAdESDataObjectFormat, XAdESSignatureConfiguration, XAdESSigner, XAdESVerifier

from shared.errors import HubError, Internal, Invalid
from shared.packets import xml
from shared.packets.findings import Finding, unsigned
from shared.packets.trust import Trust, judge
from shared.packets.xml import SIGNATURE, Packet

C = TypeVar("C", bound=msgspec.Struct)

_CANONICAL = CanonicalizationMethod.CANONICAL_XML_1_0
"""What a reference without transforms means by XML Signature, so that verifiers other than this library agree."""

_METHODS = frozenset(
    {
        SignatureMethod.RSA_SHA256,
        SignatureMethod.RSA_SHA384,
        SignatureMethod.RSA_SHA512,
        SignatureMethod.SHA256_RSA_MGF1,
        SignatureMethod.ECDSA_SHA256,
        SignatureMethod.ECDSA_SHA384,
        SignatureMethod.ECDSA_SHA512,
    }
)
_DIGESTS = frozenset({DigestAlgorithm.SHA256, DigestAlgorithm.SHA384, DigestAlgorithm.SHA512})
_MISFORMED = (TypeError, AttributeError, AssertionError)
"""What the library makes of a signature that is not formed like one."""

_DSIG = "{http://www.w3.org/2000/09/xmldsig#}"
_CERTIFICATE = f"{_DSIG}KeyInfo/{_DSIG}X509Data/{_DSIG}X509Certificate"
_MOST_CERTIFICATES = 6

_MADE_FOR = timedelta(days=5 * 365)


@dataclass(frozen=True, slots=True)
class Seal:
    """A private key, the certificate that others know it by, and those between it and its authority, which go along."""

    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...] = ()

    @classmethod
    def read(cls, key: Path, certificate: Path) -> Seal:
        """Read them from PEM files, the key without a passphrase, its own certificate first.

        Raises Internal("packets.unusable_key").
        """
        try:
            private = serialization.load_pem_private_key(key.read_bytes(), None)
            public, *chain = x509.load_pem_x509_certificates(certificate.read_bytes())
        except (OSError, ValueError, TypeError) as error:
            raise Internal("packets.unusable_key", f"{key.name}, {certificate.name}: {error}") from error
        if not isinstance(private, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            raise Internal("packets.unusable_key", f"{key.name} is neither an RSA nor an EC key")
        if private.public_key() != public.public_key():
            raise Internal("packets.unusable_key", f"{certificate.name} is not the certificate of {key.name}")
        return cls(private, public, tuple(chain))


def certificate_of(pem: bytes) -> x509.Certificate:
    """Return this certificate. Raises Internal("packets.unusable_certificate")."""
    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError as error:
        raise Internal("packets.unusable_certificate", str(error)) from error


def signed(packet: Packet[Any], seal: Seal) -> bytes:
    """Return the packet as a signed document. Raises Invalid("packets.invalid") for what its schema refuses."""
    return _signed(xml.tree_of(packet), seal)


def sign(raw: bytes, seal: Seal) -> bytes:
    """Return this document signed; it must be a packet without a signature.

    Raises what `xml.read` does, Invalid("packets.signed_already").
    """
    root = xml.parsed(raw)
    xml.packet_of(root, xml.kind_of(root))
    if xml.is_signed(root):
        raise Invalid("packets.signed_already", "the packet bears a signature", "Gói tin đã được ký số.")
    return _signed(root, seal)


def _signed(root: etree._Element, seal: Seal) -> bytes:
    rsa_key = isinstance(seal.key, rsa.RSAPrivateKey)
    signer = XAdESSigner(
        method=SignatureConstructionMethod.enveloped,
        signature_algorithm=SignatureMethod.RSA_SHA256 if rsa_key else SignatureMethod.ECDSA_SHA256,
        digest_algorithm=DigestAlgorithm.SHA256,
        c14n_algorithm=_CANONICAL,
        data_object_format=XAdESDataObjectFormat(Description="QCVN 125", MimeType="text/xml"),
    )
    certificates = [seal.certificate, *seal.chain]
    return xml.serialised(signer.sign(root, key=seal.key, cert=certificates, always_add_key_value=False))


def read_signed(raw: bytes, certificates: Sequence[x509.Certificate], expected: type[C] | None = None) -> Packet[C]:
    """Return the packet that this document holds, signed by the holder of one of these certificates.

    Raises what `verified` and `xml.read` do.
    """
    return xml.read(verified(raw, Trust(pinned=tuple(certificates))), expected)


def verified(raw: bytes, trust: Trust, now: datetime | None = None) -> bytes:
    """Return what somebody signed whose signature counts (`trust.judge`): a whole packet, without the signature.

    Raises Invalid("packets.unsigned", "packets.bad_signature"), and what `trust.judge` does, each with its place.
    """
    root = xml.parsed(raw)
    found: list[Any] = list(root.iter(SIGNATURE))
    if not found:
        raise unsigned(etree.QName(root).localname)
    place = f"{etree.QName(root).localname}/Signature"
    try:
        return _judged(root, found, trust, now or datetime.now(UTC))
    except HubError as error:
        told = Finding(
            place=place,
            line=int(found[0].sourceline or 0),
            code=error.code,
            message=error.message,
            detail=error.detail or error.message,
        )
        raise type(error)(
            error.code, f"line {told.line}, {place}: {error.message}", error.detail, {"errors": [asdict(told)]}
        ) from error


def _judged(root: Any, found: Sequence[Any], trust: Trust, now: datetime) -> bytes:
    if len(found) > 1 or found[0].getparent() is not root:
        raise _broken("there is one signature, and it is the root's own")
    document = etree.tostring(root)  # as the hardened parser read it: without comments and instructions
    came = _certificates_in(found[0])
    candidates = [*trust.pinned, *(certificate for certificate in came if certificate not in trust.pinned)]
    story = "no certificate is known for this sender, and none came along"
    for certificate in candidates:
        try:
            content, signed_at = _verified(document, root.tag, certificate)
        except (SignXMLException, BrokenSignature, etree.LxmlError, ValueError, LookupError, *_MISFORMED) as error:
            story = f"{type(error).__name__}: {error}"[:300]
        else:
            judge(trust, certificate, came, signed_at, now)
            return content
    raise _broken(story)


def _certificates_in(signature: Any) -> list[x509.Certificate]:
    """Return the certificates that came along: nothing yet says that they are worth anything."""
    found = []
    for element in signature.findall(_CERTIFICATE)[:_MOST_CERTIFICATES]:
        with contextlib.suppress(ValueError):
            found.append(x509.load_der_x509_certificate(base64.b64decode("".join((element.text or "").split()))))
    return found


def _verified(document: bytes, root: Any, certificate: x509.Certificate) -> tuple[bytes, datetime]:
    config = XAdESSignatureConfiguration(
        location="./",
        expect_references=True,  # any number: the document, the signed properties, and for some signers the key
        signature_methods=_METHODS,
        digest_algorithms=_DIGESTS,
        default_reference_c14n_method=_CANONICAL,
        verification_time=certificate.not_valid_before_utc,  # its days are judged afterwards, in words of their own
    )
    parser: Any = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    results = XAdESVerifier().verify(document, x509_cert=certificate, expect_config=config, parser=parser)
    contents = [item.signed_data for item in results if item.signed_xml is not None and item.signed_xml.tag == root]
    if len(contents) != 1:
        raise ValueError("what is signed is not the packet")
    return contents[0], _signed_at(results)


def _signed_at(results: Sequence[Any]) -> datetime:
    """Return when it was signed, by the signed properties' own word. Raises ValueError."""
    told = [
        text
        for item in results
        if item.signed_xml is not None and item.signed_xml.tag.endswith("}SignedProperties")
        for text in item.signed_xml.itertext("{*}SigningTime")
    ]
    if len(told) != 1:
        raise ValueError("the signature does not say when it was made")
    moment = datetime.fromisoformat(told[0].strip())
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _broken(message: str) -> Invalid:
    return Invalid("packets.bad_signature", f"the signature does not hold: {message}", "Chữ ký số không hợp lệ.")


def made(name: str, at: datetime | None = None, days: timedelta = _MADE_FOR) -> tuple[bytes, bytes]:
    """Return a new key and its self-signed certificate as PEM, for where no authority has issued one (development)."""
    now = at or datetime.now(UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + days)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private, certificate.public_bytes(serialization.Encoding.PEM)
