"""Whose signature counts: chains to named authorities, days, usage, revocations; each refusal names itself."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from shared.errors import HubError
from shared.packets import xml
from shared.packets.checking import check
from shared.packets.signing import Seal, signed, verified
from shared.packets.trust import Trust, judge
from tests.unit.shared.packets.test_signing import PACKET

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
NAME = x509.Name.from_rfc4514_string("CN=CSDL ngành giáo dục,O=Sở Giáo dục và Đào tạo,C=VN")
FOR_SIGNING = {"digital_signature": True}
FOR_ISSUING = {"key_cert_sign": True, "crl_sign": True}


@dataclass(frozen=True)
class Holder:
    """A key and its certificate."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def seal(self) -> Seal:
        return Seal(self.key, self.certificate)


def usage(**named: bool) -> x509.KeyUsage:
    every = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
             "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")  # fmt: skip
    return x509.KeyUsage(**{name: named.get(name, False) for name in every})


def issued(
    name: x509.Name | str,
    by: Holder | None = None,
    *,
    authority: bool = False,
    begins: datetime = NOW - 30 * DAY,
    ends: datetime = NOW + 30 * DAY,
    purpose: x509.KeyUsage | None = None,
) -> Holder:
    """Return a new holder, with a certificate issued by another, or by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name.from_rfc4514_string(name) if isinstance(name, str) else name
    issuer, issuing = (subject, key) if by is None else (by.certificate.subject, by.key)
    serial = x509.random_serial_number()
    builder = x509.CertificateBuilder(issuer, subject, key.public_key(), serial, begins, ends)
    if purpose is None:
        purpose = usage(**(FOR_ISSUING if authority else FOR_SIGNING))
    builder = builder.add_extension(x509.BasicConstraints(authority, None), critical=True)
    builder = builder.add_extension(purpose, critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuing.public_key())
    builder = builder.add_extension(identifier, critical=False)
    return Holder(key, builder.sign(issuing, hashes.SHA256()))


def revocations(
    by: Holder, *gone: Holder, next_update: datetime = NOW + DAY, extension: Any = None
) -> x509.CertificateRevocationList:
    builder = x509.CertificateRevocationListBuilder(by.certificate.subject, NOW - DAY, next_update)
    for holder in gone:
        serial = holder.certificate.serial_number
        builder = builder.add_revoked_certificate(x509.RevokedCertificateBuilder(serial, NOW - DAY).build())
    if extension is not None:
        builder = builder.add_extension(extension, critical=True)
    return builder.sign(by.key, hashes.SHA256())


ROOT = issued("CN=Chứng thực gốc", authority=True)
OFFICE = issued("CN=Chứng thực cơ quan nhà nước", ROOT, authority=True)
SENDER = issued(NAME, OFFICE)
TRUST = Trust(authorities=(ROOT.certificate,), holder=NAME)


def refusal(trust: Trust, signer: Holder, *others: Holder, at: datetime = NOW, now: datetime = NOW) -> str:
    """Return the code with which this signer is refused, "" if it is not."""
    try:
        judge(trust, signer.certificate, [other.certificate for other in others], at, now)
    except HubError as error:
        return error.code
    return ""


def test_what_a_named_authority_issued_counts_by_way_of_those_between() -> None:
    assert refusal(TRUST, SENDER, OFFICE) == ""
    assert refusal(replace(TRUST, authorities=(OFFICE.certificate,)), SENDER) == ""
    assert refusal(TRUST, SENDER) == "packets.untrusted_signer"  # what lies between did not come along
    stranger = issued("CN=Chứng thực gốc", authority=True)  # the same name, another key
    assert refusal(replace(TRUST, authorities=(stranger.certificate,)), SENDER, OFFICE) == "packets.untrusted_signer"
    assert refusal(Trust(), SENDER, OFFICE) == "packets.untrusted_signer"


def test_an_authority_speaks_for_the_named_holder_alone() -> None:
    other = issued("CN=CSDL ngành y tế,C=VN", OFFICE)
    assert refusal(TRUST, other, OFFICE) == "packets.untrusted_signer"
    assert refusal(replace(TRUST, holder=None), SENDER, OFFICE) == "packets.untrusted_signer"


def test_who_is_no_authority_issues_nothing() -> None:
    assert refusal(TRUST, issued(NAME, SENDER), SENDER, OFFICE) == "packets.untrusted_signer"
    unfit = issued("CN=Không được cấp", ROOT, authority=True, purpose=usage(digital_signature=True))
    assert refusal(TRUST, issued(NAME, unfit), unfit) == "packets.untrusted_signer"


def test_days_hold_when_it_signed_and_now_for_the_signer_and_for_who_issued() -> None:
    assert refusal(TRUST, SENDER, OFFICE, at=NOW - 40 * DAY) == "packets.signer_out_of_days"
    assert refusal(TRUST, SENDER, OFFICE, now=NOW + 40 * DAY) == "packets.signer_out_of_days"
    assert refusal(TRUST, SENDER, OFFICE, at=NOW + timedelta(minutes=4)) == ""
    assert refusal(TRUST, SENDER, OFFICE, at=NOW + timedelta(minutes=6)) == "packets.signer_out_of_days"
    brief = issued("CN=Ngắn hạn", ROOT, authority=True, ends=NOW - DAY)
    assert refusal(TRUST, issued(NAME, brief), brief) == "packets.untrusted_signer"


def test_a_certificate_for_other_purposes_signs_nothing() -> None:
    for pinned in (False, True):
        unfit = issued(NAME, OFFICE, purpose=usage(key_encipherment=True))
        trust = Trust(pinned=(unfit.certificate,)) if pinned else TRUST
        assert refusal(trust, unfit, OFFICE) == "packets.signer_unfit"
    assert refusal(TRUST, issued(NAME, OFFICE, purpose=usage(content_commitment=True)), OFFICE) == ""


def test_what_is_revoked_counts_no_more_and_so_does_what_its_issuer_issued() -> None:
    of_root, of_office = revocations(ROOT), revocations(OFFICE)
    assert refusal(replace(TRUST, revocations=(of_root, of_office)), SENDER, OFFICE) == ""
    gone = replace(TRUST, revocations=(of_root, revocations(OFFICE, SENDER)))
    assert refusal(gone, SENDER, OFFICE) == "packets.signer_revoked"
    assert refusal(replace(TRUST, revocations=(revocations(ROOT, OFFICE), of_office)), SENDER, OFFICE) == (
        "packets.signer_revoked"
    )
    pinned = Trust(pinned=(SENDER.certificate,), authorities=(OFFICE.certificate,), revocations=gone.revocations)
    assert refusal(pinned, SENDER) == "packets.signer_revoked"


FOR_AUTHORITIES = x509.IssuingDistributionPoint(
    full_name=None,
    relative_name=None,
    only_contains_user_certs=False,
    only_contains_ca_certs=True,
    only_some_reasons=None,
    indirect_crl=False,
    only_contains_attribute_certs=False,
)


@pytest.mark.parametrize(
    "useless",
    [
        revocations(issued("CN=Chứng thực cơ quan nhà nước", authority=True)),  # the same name, another key
        revocations(OFFICE, next_update=NOW - timedelta(hours=1)),
        revocations(OFFICE, extension=x509.DeltaCRLIndicator(1)),
        revocations(OFFICE, extension=FOR_AUTHORITIES),
        revocations(ROOT),
    ],
)
def test_where_lists_are_named_one_that_holds_must_be_there(useless: x509.CertificateRevocationList) -> None:
    trust = replace(TRUST, revocations=(revocations(ROOT), useless))
    assert refusal(trust, SENDER, OFFICE) == "packets.revocations_outdated"
    assert refusal(Trust(pinned=(SENDER.certificate,), revocations=(useless,)), SENDER) == (
        "packets.revocations_outdated"
    )


def test_a_packet_signed_under_an_authority_is_read_and_a_refusal_names_place_and_reason() -> None:
    document = signed(PACKET, replace(SENDER.seal, chain=(OFFICE.certificate,)))
    assert xml.read(verified(document, TRUST)) == PACKET
    assert check(document, TRUST).holds is True
    with pytest.raises(HubError, match=r"line \d+, ReportData/Signature: no chain leads from CN=CSDL") as caught:
        verified(signed(PACKET, SENDER.seal), TRUST)
    [told] = caught.value.context["errors"]  # type: ignore[misc]
    assert (told["place"], told["code"]) == ("ReportData/Signature", "packets.untrusted_signer")  # type: ignore[index]
    outdated = replace(TRUST, revocations=(revocations(ROOT),))
    assert [finding.code for finding in check(document, outdated).findings] == ["packets.revocations_outdated"]
    assert caught.value.detail is not None
    with pytest.raises(HubError, match="ReportData bears no signature"):
        verified(xml.build(PACKET), TRUST)


@given(st.binary(max_size=60))
def test_whatever_stands_for_a_certificate_is_refused_by_name(raw: bytes) -> None:
    root = etree.fromstring(signed(PACKET, SENDER.seal))
    for element in root.iter("{http://www.w3.org/2000/09/xmldsig#}X509Certificate"):
        element.text = base64.b64encode(raw)
    with pytest.raises(HubError, match="packets"):
        verified(etree.tostring(root), TRUST)
