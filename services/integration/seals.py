"""The hub's own seal and the certificates that are pinned for others, as files of the secrets folder.

`packet_signing_key` and `packet_signing_certificate` (PEM) are what the hub signs packets with; a self-signed pair is
made for development where there is none, and an authority's takes its place by taking its files' place.
`packet_certificate_<sender>` holds the certificate of another system, or several while one follows the other.
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509

from shared.errors import Internal, Invalid, NotFound
from shared.packets import signing
from shared.packets.signing import Seal

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


def pinned(secrets: Path, sender: str) -> list[x509.Certificate]:
    """Return the certificates pinned for this sender.

    Raises Invalid("packets.no_certificate"), Internal("packets.unusable_certificate").
    """
    file = secrets / f"{PINNED}{sender}"
    if not _NAME.fullmatch(sender) or not file.is_file():
        raise Invalid(
            "packets.no_certificate",
            f"no certificate is pinned for {sender}: its signature cannot be verified",
            "Chưa đăng ký chứng thư số của hệ thống gửi.",
        )
    try:
        return x509.load_pem_x509_certificates(file.read_bytes())
    except (OSError, ValueError) as error:
        raise Internal("packets.unusable_certificate", f"{file.name}: {error}") from error
