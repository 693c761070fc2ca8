"""The hub's own seal and the certificates that are pinned for others, as files of the secrets folder.

`packet_signing_key` and `packet_signing_certificate` (PEM) are what the hub signs packets with; a self-signed pair is
made for development where there is none, and an authority's takes its place by taking its files' place.
`packet_certificate_<sender>` holds the certificate of another system, or several while one follows the other, unless
the partner's permission names other files (`permission.signatures`).
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509

from services.integration.domain.partners import Signatures
from shared.errors import Invalid, NotFound
from shared.packets import signing
from shared.packets.signing import Seal
from shared.packets.trust import Trust, certificates_in, holder_of, revocations_in

KEY_FILE, CERTIFICATE_FILE = "packet_signing_key", "packet_signing_certificate"
PINNED = "packet_certificate_"
_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")


def ensure_seal(secrets: Path, name: str = "lai-chau (tự ký, để phát triển)") -> bool:
    """Make the hub's seal unless there is one; tell whether it was made. Of two processes that make one at once, one
    is heard: the key is put in place last, and never replaced."""
    if (secrets / KEY_FILE).exists():
        return False
    secrets.mkdir(parents=True, exist_ok=True, mode=0o700)
    key, certificate = signing.made(name)
    with TemporaryDirectory(dir=secrets, prefix=".seal-") as draft:
        for file, content in ((CERTIFICATE_FILE, certificate), (KEY_FILE, key)):
            descriptor = os.open(Path(draft) / file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as out:
                out.write(content)
        try:
            os.link(Path(draft) / CERTIFICATE_FILE, secrets / CERTIFICATE_FILE)
        except FileExistsError:
            return False
        with contextlib.suppress(FileExistsError):
            os.link(Path(draft) / KEY_FILE, secrets / KEY_FILE)
    return True


def own_seal(secrets: Path) -> Seal:
    """Return the hub's seal. Raises NotFound("packets.no_seal"), Internal("packets.unusable_key")."""
    if not (secrets / KEY_FILE).exists():
        raise NotFound("packets.no_seal", "this hub has no key to sign with", "Hệ thống chưa có khóa ký số.")
    return Seal.read(secrets / KEY_FILE, secrets / CERTIFICATE_FILE)


def trust_of(secrets: Path, sender: str, signatures: Signatures | None) -> Trust:
    """Return whose signatures are taken from this sender: what its permission names, else what is pinned for it.

    Raises Invalid("packets.no_certificate"), Internal("packets.unusable_certificate").
    """
    if signatures is None or not (signatures.certificates or signatures.authorities):
        own = f"{PINNED}{sender}"
        if not _NAME.fullmatch(sender) or not (secrets / own).is_file():
            raise Invalid(
                "packets.no_certificate",
                f"no certificate is pinned for {sender}: its signature cannot be verified",
                "Chưa đăng ký chứng thư số của hệ thống gửi.",
            )
        return Trust(pinned=_certificates(secrets, [own]), revocations=_revocations(secrets, signatures))
    return Trust(
        pinned=_certificates(secrets, signatures.certificates),
        authorities=_certificates(secrets, signatures.authorities),
        holder=holder_of(signatures.holder),
        revocations=_revocations(secrets, signatures),
    )


def _certificates(secrets: Path, names: Sequence[str]) -> tuple[x509.Certificate, ...]:
    return tuple(found for name in names for found in certificates_in(secrets / name))


def _revocations(secrets: Path, signatures: Signatures | None) -> tuple[x509.CertificateRevocationList, ...]:
    return tuple(revocations_in(secrets / name) for name in (() if signatures is None else signatures.revocations))
