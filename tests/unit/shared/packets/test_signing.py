"""Signed packets: what was signed verifies, and nothing else does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from signxml.exceptions import SignXMLException
from signxml.xades import XAdESSignatureConfiguration, XAdESVerifier

from shared.errors import HubError, Internal, Invalid
from shared.packets import signing, xml
from shared.packets.report_data import ReportData
from shared.packets.signing import Seal, read_signed, signed
from shared.packets.xml import SIGNATURE, Packet
from tests.unit.shared.packets.test_packets import DATA, HEADER

PACKET = Packet(HEADER, DATA)
NAMESPACE = "urn:laichau:qcvn125:1:report-data"


def seal_in(folder: Path, name: str = "hub", at: datetime | None = None) -> Seal:
    """Return a seal as a bootstrap makes one."""
    key, certificate = signing.made(name, at, timedelta(days=30))
    (folder / f"{name}.key").write_bytes(key)
    (folder / f"{name}.crt").write_bytes(certificate)
    return Seal.read(folder / f"{name}.key", folder / f"{name}.crt")


@pytest.fixture(scope="module")
def seal(tmp_path_factory: pytest.TempPathFactory) -> Seal:
    return seal_in(tmp_path_factory.mktemp("seal"))


@pytest.fixture(scope="module")
def document(seal: Seal) -> bytes:
    return signed(PACKET, seal)


def refusal(raw: bytes, *certificates: x509.Certificate) -> str:
    """Return the code with which this document is refused."""
    with pytest.raises(Invalid) as caught:
        read_signed(raw, certificates)
    return caught.value.code


def test_a_signed_packet_verifies_and_is_read_as_it_was(document: bytes, seal: Seal) -> None:
    assert read_signed(document, [seal.certificate], ReportData) == PACKET
    assert xml.read(document, ReportData) == PACKET
    assert xml.is_signed(xml.parsed(document))
    assert b"SigningCertificateV2" in document and b"SigningTime" in document


def test_others_verify_it_with_the_library_and_the_certificate_alone(document: bytes, seal: Seal) -> None:
    config = XAdESSignatureConfiguration(location="./")
    found = XAdESVerifier().verify(document, x509_cert=seal.certificate, expect_config=config)
    assert etree.QName(found[0].signed_xml).localname == "ReportData"  # type: ignore[arg-type]
    with pytest.raises(SignXMLException):
        XAdESVerifier().verify(document.replace(b"GD01", b"GD09"), x509_cert=seal.certificate, expect_config=config)


def test_an_rsa_key_of_an_authority_signs_as_well(tmp_path: Path) -> None:
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "Ủy ban nhân dân tỉnh Lai Châu")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 7, now, now + timedelta(days=1))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    (tmp_path / "key").write_bytes(private)
    (tmp_path / "crt").write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    own = Seal.read(tmp_path / "key", tmp_path / "crt")
    assert read_signed(signed(PACKET, own), [own.certificate]) == PACKET


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_changed_byte_fails_or_changes_nothing_that_is_read(document: bytes, seal: Seal, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(document) - 1))
    other = data.draw(st.integers(33, 126).filter(lambda byte: byte != document[place]))
    changed = document[:place] + bytes([other]) + document[place + 1 :]
    try:
        assert read_signed(changed, [seal.certificate]) == PACKET
    except HubError as error:
        assert isinstance(error, Invalid)


def test_a_changed_or_a_moved_value_fails(document: bytes, seal: Seal) -> None:
    root = etree.fromstring(document)
    first, second = root.findall(f"{{{NAMESPACE}}}figure")
    second.addnext(first)
    assert refusal(etree.tostring(root), seal.certificate) == "packets.bad_signature"
    assert refusal(document.replace(b"3507.6", b"3507.7"), seal.certificate) == "packets.bad_signature"
    assert refusal(document.replace(b"<period>2026<", b"<period>2027<"), seal.certificate) == "packets.bad_signature"


def test_another_signers_certificate_fails_and_one_of_several_is_enough(
    document: bytes, seal: Seal, tmp_path: Path
) -> None:
    other = seal_in(tmp_path, "other")
    assert refusal(document, other.certificate) == "packets.untrusted_signer"
    assert refusal(document) == "packets.untrusted_signer"
    assert refusal(signed(PACKET, other), seal.certificate) == "packets.untrusted_signer"
    assert read_signed(document, [other.certificate, seal.certificate]) == PACKET


def test_a_certificate_whose_days_are_over_fails(tmp_path: Path) -> None:
    old = seal_in(tmp_path, "old", datetime.now(UTC) - timedelta(days=60))
    assert refusal(signed(PACKET, old), old.certificate) == "packets.signer_out_of_days"


def test_an_unsigned_packet_is_refused_where_a_signature_is_asked_for(seal: Seal) -> None:
    assert refusal(xml.build(PACKET), seal.certificate) == "packets.unsigned"


def forged() -> etree._Element:
    """Return a packet of an attacker."""
    return etree.fromstring(xml.build(PACKET).replace(b"3507.6", b"999999"))


def test_wrapping_a_signed_packet_into_another_is_refused(document: bytes, seal: Seal) -> None:
    original = etree.fromstring(document)
    [signature] = original.findall(SIGNATURE)

    moved = forged()  # the signature alone, under other content
    moved.append(etree.fromstring(etree.tostring(signature)))
    inside = forged()  # the signed packet whole, inside another
    inside.append(etree.fromstring(document))
    within = forged()  # the signed packet hidden in the signature's own object
    within.append(etree.fromstring(etree.tostring(signature)))
    etree.SubElement(within[-1], "{http://www.w3.org/2000/09/xmldsig#}Object").append(etree.fromstring(document))
    by_id = forged()  # the reference turned to an id
    by_id.append(etree.fromstring(etree.tostring(signature)))
    reference = next(by_id.iter("{http://www.w3.org/2000/09/xmldsig#}Reference"))
    reference.set("URI", "#signed")
    hidden = etree.SubElement(by_id[-1], "{http://www.w3.org/2000/09/xmldsig#}Object")
    hidden.append(etree.fromstring(xml.build(PACKET)))
    hidden[0].set("Id", "signed")

    for attack in (moved, inside, within, by_id):
        assert refusal(etree.tostring(attack), seal.certificate) == "packets.bad_signature"


def test_a_signature_that_covers_only_its_own_properties_is_refused(seal: Seal, document: bytes) -> None:
    root = etree.fromstring(document)
    [signature] = root.findall(SIGNATURE)
    references = list(signature.iter("{http://www.w3.org/2000/09/xmldsig#}Reference"))
    references[0].getparent().remove(references[0])  # type: ignore[union-attr]
    assert refusal(etree.tostring(root), seal.certificate) == "packets.bad_signature"


def test_what_is_signed_already_is_not_signed_again(document: bytes, seal: Seal) -> None:
    assert read_signed(signing.sign(xml.build(PACKET), seal), [seal.certificate]) == PACKET
    with pytest.raises(Invalid, match=r"packets\.signed_already"):
        signing.sign(document, seal)


def test_a_key_that_is_not_the_certificates_is_told_at_once(tmp_path: Path) -> None:
    seal_in(tmp_path, "one")
    seal_in(tmp_path, "two")
    with pytest.raises(Internal, match="is not the certificate of"):
        Seal.read(tmp_path / "one.key", tmp_path / "two.crt")
    with pytest.raises(Internal, match=r"packets\.unusable_key"):
        Seal.read(tmp_path / "none.key", tmp_path / "two.crt")
