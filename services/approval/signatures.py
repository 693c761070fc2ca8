"""Signatures over decisions: Ed25519 with the service's own key, verifiable offline with the public key alone.

A signature shows that the approval service, and not someone with access to its tables, wrote this decision over this
content hash. It is the service's seal, not the leader's personal digital signature.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from services.approval.domain import Case, decision_hash


@dataclass(frozen=True, slots=True)
class SignedDecision:
    """What is kept of a signature: the 32-byte hash it is over, the key's id, and its 64 bytes."""

    record_hash: bytes
    key_id: str
    signature: bytes


class DecisionSigner:
    """Signs decisions with one private key."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public_key = key.public_key().public_bytes_raw()
        self.key_id = key_id(self.public_key)

    @classmethod
    def from_file(cls, path: Path) -> DecisionSigner:
        """Read the 32-byte key at `path`; where there is none, make one (mode 0600). Processes that start at once
        agree on one key: linking a finished file into place succeeds for exactly one of them."""
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with NamedTemporaryFile(dir=path.parent, prefix=".key-") as draft:
                draft.write(Ed25519PrivateKey.generate().private_bytes_raw())
                draft.flush()
                os.fsync(draft.fileno())
                with contextlib.suppress(FileExistsError):
                    os.link(draft.name, path)
        return cls(Ed25519PrivateKey.from_private_bytes(path.read_bytes()))

    def sign(self, case: Case) -> SignedDecision:
        """Return the signature over this decided case."""
        record_hash = decision_hash(case)
        return SignedDecision(record_hash, self.key_id, self._key.sign(record_hash))


def key_id(public_key: bytes) -> str:
    """Return a public key's id: the first 16 hexadecimal digits of its SHA-256."""
    return sha256(public_key).hexdigest()[:16]


def verify(case: Case, signed: SignedDecision | None, public_keys: Mapping[str, bytes]) -> str | None:
    """Return None if the decision stands as it was signed, else what is wrong with it, in English.

    `public_keys` maps key ids to raw public keys (32 bytes), as `approval.public_keys` gives them in hex.
    """
    if signed is None:
        return "no signature"
    raw = public_keys.get(signed.key_id)
    if raw is None:
        return f"unknown key {signed.key_id}"
    if decision_hash(case) != signed.record_hash:
        return "the record differs from what was signed"
    try:
        Ed25519PublicKey.from_public_bytes(raw).verify(signed.signature, signed.record_hash)
    except InvalidSignature:
        return "the signature does not hold"
    return None


def faults(
    records: Iterable[tuple[Case, SignedDecision | None]], public_keys: Mapping[str, bytes]
) -> list[tuple[str, str]]:
    """Return (case id, what is wrong) for every decision that does not verify; none means all hold."""
    return [(case.id, wrong) for case, signed in records if (wrong := verify(case, signed, public_keys)) is not None]
