"""Signatures over packets: XAdES (baseline B), enveloped, over the whole document; verified with pinned certificates.

What counts as signed is what the verifier returns, and nothing else is read: a document that carries signed content
somewhere beside other content (signature wrapping) gains nothing. Trust is pinned: a certificate is taken because it is
named, not because somebody issued it; its days are checked, revocation and time stamps are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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

from shared.errors import Internal, Invalid
from shared.packets import xml
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

_MADE_FOR = timedelta(days=5 * 365)


@dataclass(frozen=True, slots=True)
class Seal:
    """A private key and the certificate that others know it by."""

    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def read(cls, key: Path, certificate: Path) -> Seal:
        """Read both from PEM files, the key without a passphrase. Raises Internal("packets.unusable_key")."""
        try:
            private = serialization.load_pem_private_key(key.read_bytes(), None)
            public = x509.load_pem_x509_certificate(certificate.read_bytes())
        except (OSError, ValueError, TypeError) as error:
            raise Internal("packets.unusable_key", f"{key.name}, {certificate.name}: {error}") from error
        if not isinstance(private, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            raise Internal("packets.unusable_key", f"{key.name} is neither an RSA nor an EC key")
        if private.public_key() != public.public_key():
            raise Internal("packets.unusable_key", f"{certificate.name} is not the certificate of {key.name}")
        return cls(private, public)


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
    return xml.serialised(signer.sign(root, key=seal.key, cert=[seal.certificate], always_add_key_value=False))


def read_signed(raw: bytes, certificates: Sequence[x509.Certificate], expected: type[C] | None = None) -> Packet[C]:
    """Return the packet that this document holds, signed by the holder of one of these certificates.

    Raises Invalid("packets.unsigned", "packets.bad_signature") and what `xml.read` does.
    """
    return xml.read(verified(raw, certificates), expected)


def verified(raw: bytes, certificates: Sequence[x509.Certificate]) -> bytes:
    """Return what the holder of one of these certificates signed: a whole packet, without the signature.

    Raises Invalid("packets.unsigned", "packets.bad_signature").
    """
    root = xml.parsed(raw)
    found = list(root.iter(SIGNATURE))
    if not found:
        raise Invalid("packets.unsigned", "the packet bears no signature", "Gói tin chưa được ký số.")
    if len(found) > 1 or found[0].getparent() is not root:
        raise _broken("there is one signature, and it is the root's own")
    document = etree.tostring(root)  # as the hardened parser read it: without comments and instructions
    story = "no certificate is known for this sender"
    for certificate in certificates:
        try:
            return _verified(document, root.tag, certificate)
        except (SignXMLException, BrokenSignature, etree.LxmlError, ValueError, LookupError, *_MISFORMED) as error:
            story = f"{type(error).__name__}: {error}"[:300]
    raise _broken(story)


def _verified(document: bytes, root: Any, certificate: x509.Certificate) -> bytes:
    config = XAdESSignatureConfiguration(
        location="./",
        expect_references=True,  # any number: the document, the signed properties, and for some signers the key
        signature_methods=_METHODS,
        digest_algorithms=_DIGESTS,
        default_reference_c14n_method=_CANONICAL,
    )
    parser: Any = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    results = XAdESVerifier().verify(document, x509_cert=certificate, expect_config=config, parser=parser)
    contents = [item.signed_data for item in results if item.signed_xml is not None and item.signed_xml.tag == root]
    if len(contents) != 1:
        raise ValueError("what is signed is not the packet")
    return contents[0]


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
