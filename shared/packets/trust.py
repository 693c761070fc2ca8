"""Whose signature counts: certificates that are pinned, or what named authorities issued to one named holder.

A certificate that is pinned is trusted because it is named. One that an authority issued is trusted if a chain leads
from it to one of the authorities that are named here (RFC 5280, as `cryptography` checks it: signatures, days, basic
constraints, path length, key usage of issuers, name constraints), and if its holder is the one that is named: an
authority issues to many. Both must be valid when the packet was signed, by the packet's own word, and now; be meant for
signing; and not stand on a list of revocations, where lists are named.

Nothing is fetched. Not done: OCSP, time stamps (so a signature ends with its certificate), policies.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

from cryptography import x509
from cryptography.x509.verification import ExtensionPolicy, PolicyBuilder, Store, VerificationError

from shared.errors import Internal, Invalid, Unavailable

CLOCK = timedelta(minutes=5)
"""How far ahead of ours a signer's clock may be."""

_LONGEST = 5
"""Certificates between the signer's and an authority's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Certificates that are `pinned`; `authorities` that are taken as the end of a chain, and the `holder` whose
    certificates of theirs count; `revocations`, lists of which one must be there for each certificate that is issued by
    an authority."""

    pinned: tuple[x509.Certificate, ...] = ()
    authorities: tuple[x509.Certificate, ...] = ()
    holder: x509.Name | None = None
    revocations: tuple[x509.CertificateRevocationList, ...] = ()


def certificates_in(file: Path) -> tuple[x509.Certificate, ...]:
    """Return the certificates in this file (PEM). Raises Internal("packets.unusable_certificate")."""
    try:
        return tuple(x509.load_pem_x509_certificates(file.read_bytes()))
    except (OSError, ValueError) as error:
        raise Internal("packets.unusable_certificate", f"{file.name}: {error}") from error


def revocations_in(file: Path) -> x509.CertificateRevocationList:
    """Return the list of revocations in this file (PEM or DER). Raises Internal("packets.unusable_certificate")."""
    try:
        raw = file.read_bytes()
        return x509.load_pem_x509_crl(raw) if raw.lstrip().startswith(b"-----BEGIN") else x509.load_der_x509_crl(raw)
    except (OSError, ValueError) as error:
        raise Internal("packets.unusable_certificate", f"{file.name}: {error}") from error


def holder_of(subject: str) -> x509.Name | None:
    """Return whom this subject names (RFC 4514), None for nobody. Raises Invalid("packets.bad_holder")."""
    try:
        return x509.Name.from_rfc4514_string(subject) if subject else None
    except ValueError as error:
        raise Invalid(
            "packets.bad_holder", f"{subject!r} is no subject such as CN=…,O=…,C=VN", "Tên chủ thể không đúng."
        ) from error


def read(certificate: Path | None, authority: Path | None, holder: str, revocations: Sequence[Path]) -> Trust:
    """Return what these files and this subject say. Raises as the functions above do."""
    return Trust(
        pinned=() if certificate is None else certificates_in(certificate),
        authorities=() if authority is None else certificates_in(authority),
        holder=holder_of(holder),
        revocations=tuple(revocations_in(file) for file in revocations),
    )


def judge(
    trust: Trust, signer: x509.Certificate, others: Sequence[x509.Certificate], signed_at: datetime, now: datetime
) -> None:
    """Say nothing if this certificate counts for what it signed. `others` came along with the packet.

    Raises Invalid("packets.untrusted_signer", "packets.signer_out_of_days", "packets.signer_unfit",
    "packets.signer_revoked"), Unavailable("packets.revocations_outdated").
    """
    name = signer.subject.rfc4514_string() or "(no name)"
    if signed_at > now + CLOCK:
        raise Invalid(
            "packets.signer_out_of_days",
            f"signed at {signed_at:%Y-%m-%dT%H:%M:%S%z}, which is yet to come",
            "Thời điểm ký ở tương lai.",
        )
    for told, moment in (("when it signed", signed_at), ("now", now)):
        _check_days(signer, name, told, moment)
    _check_usage(signer, name)
    chain = [signer] if signer in trust.pinned else _chain(trust, signer, others, name, (signed_at, now))
    for certificate, issuer in _issued(chain, trust):
        _check_revocation(trust, certificate, issuer, now)


def _check_days(signer: x509.Certificate, name: str, told: str, moment: datetime) -> None:
    begins, ends = signer.not_valid_before_utc, signer.not_valid_after_utc
    if not begins <= moment <= ends:
        raise Invalid(
            "packets.signer_out_of_days",
            f"the certificate of {name} holds from {begins:%Y-%m-%d %H:%M} to {ends:%Y-%m-%d %H:%M} UTC, not {told} "
            f"({moment:%Y-%m-%d %H:%M} UTC)",
            f"Chứng thư số của bên ký chỉ có hiệu lực từ {begins:%d/%m/%Y} đến {ends:%d/%m/%Y}.",
        )


def _check_usage(signer: x509.Certificate, name: str) -> None:
    try:
        usage = signer.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return
    if not (usage.digital_signature or usage.content_commitment):
        raise Invalid(
            "packets.signer_unfit",
            f"the certificate of {name} is not meant for signing (key usage)",
            "Chứng thư số không dùng để ký số.",
        )


def _chain(
    trust: Trust,
    signer: x509.Certificate,
    others: Sequence[x509.Certificate],
    name: str,
    moments: Sequence[datetime],
) -> list[x509.Certificate]:
    """Return the chain from the signer to an authority that held at all these moments."""
    if not trust.authorities:
        raise _untrusted(f"the certificate of {name} is not one that is accepted from this sender")
    if trust.holder is None or signer.subject != trust.holder:
        wanted = "nobody" if trust.holder is None else trust.holder.rfc4514_string()
        raise _untrusted(f"signed by {name}; accepted from this sender is {wanted}")
    builder = PolicyBuilder().store(Store(list(trust.authorities))).max_chain_depth(_LONGEST)
    builder = builder.extension_policies(
        ca_policy=ExtensionPolicy.webpki_defaults_ca(), ee_policy=ExtensionPolicy.permit_all()
    )
    found: list[x509.Certificate] = []
    for moment in moments:
        try:
            verifier = builder.time(moment).build_client_verifier()
            found = verifier.verify(signer, [other for other in others if other != signer]).chain
        except (VerificationError, ValueError) as error:
            known = ", ".join(authority.subject.rfc4514_string() for authority in trust.authorities)
            raise _untrusted(f"no chain leads from {name} to {known}: {error}"[:500]) from error
    return found


def _issued(
    chain: Sequence[x509.Certificate], trust: Trust
) -> Iterator[tuple[x509.Certificate, x509.Certificate | None]]:
    """Yield whose revocation is looked up, each with its issuer: of a chain all but the authority, of a pinned
    certificate itself, if anybody else issued it."""
    if len(chain) > 1:
        yield from pairwise(chain)
    elif chain[0].issuer != chain[0].subject:
        yield chain[0], next((known for known in trust.authorities if known.subject == chain[0].issuer), None)


def _check_revocation(
    trust: Trust, certificate: x509.Certificate, issuer: x509.Certificate | None, now: datetime
) -> None:
    if not trust.revocations:
        return
    name = certificate.subject.rfc4514_string()
    lists = [
        found
        for found in trust.revocations
        if issuer is not None and found.issuer == issuer.subject and found.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]  # of what signs certificates
    ]
    current = [found for found in lists if _tells_of(found, certificate, now)]
    if not current:
        story = "all that are by its issuer are out of date" if lists else "none is by its issuer"
        raise Unavailable(
            "packets.revocations_outdated",
            f"whether the certificate of {name} was revoked cannot be told: of the lists of revocations {story}",
            "Danh sách chứng thư bị thu hồi đã hết hạn hoặc chưa có; cần cập nhật rồi gửi lại.",
        )
    for found in current:
        entry = found.get_revoked_certificate_by_serial_number(certificate.serial_number)
        if entry is not None:
            raise Invalid(
                "packets.signer_revoked",
                f"the certificate of {name} was revoked on {entry.revocation_date_utc:%Y-%m-%d %H:%M} UTC",
                "Chứng thư số của bên ký đã bị thu hồi.",
            )


def _tells_of(found: x509.CertificateRevocationList, certificate: x509.Certificate, now: datetime) -> bool:
    """Tell whether a list holds now and is whole for such a certificate: one that tells of changes, of some reasons or
    of other kinds of certificates only says too little."""
    authority = any(isinstance(item.value, x509.BasicConstraints) and item.value.ca for item in certificate.extensions)
    for extension in found.extensions:
        told = extension.value
        if isinstance(told, x509.DeltaCRLIndicator):
            return False
        if isinstance(told, x509.IssuingDistributionPoint):
            others = told.only_contains_user_certs if authority else told.only_contains_ca_certs
            if others or told.only_contains_attribute_certs or told.indirect_crl or told.only_some_reasons:
                return False
    ends = found.next_update_utc
    return found.last_update_utc <= now + CLOCK and (ends is None or now <= ends)


def _untrusted(message: str) -> Invalid:
    return Invalid("packets.untrusted_signer", message, "Chữ ký số không phải của bên gửi đã đăng ký.")
