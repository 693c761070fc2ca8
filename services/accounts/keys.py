"""The keys that sign tokens: a file with a JWK set, newest last. The newest signs, all are published.

Rotating appends a key and forgets those past the third; tokens of the one before stay good until they expire. Gateways
fetch the keys again when they meet an unknown `kid`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import OKPKey

from shared.errors import Internal

ALGORITHM = "Ed25519"
"""The fully specified name (RFC 9864) of what RFC 8037 called EdDSA with this curve."""

KEPT = 3


class SigningKeys:
    """The keys in one file, read again when the file changes, so that a rotation needs no restart."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._keys: list[OKPKey] = []

    def sign(self, claims: Mapping[str, object]) -> str:
        """Return the claims as a signed JWT (compact), its `kid` naming the newest key."""
        newest = self._current()[-1]
        header = {"alg": ALGORITHM, "typ": "JWT", "kid": newest.kid}
        return jwt.encode(header, dict(claims), newest, algorithms=[ALGORITHM])

    def public(self) -> dict[str, Any]:
        """Return the public keys as a JWK set (RFC 7517)."""
        return {"keys": [dict(key.as_dict(private=False)) for key in self._current()]}

    def _current(self) -> list[OKPKey]:
        try:
            state = self._path.stat()
            if self._seen != (state.st_mtime_ns, state.st_ino):
                self._keys = _read(self._path)
                self._seen = (state.st_mtime_ns, state.st_ino)
        except (OSError, ValueError, KeyError) as error:
            raise Internal("accounts.no_signing_key", f"{self._path} gives no key: {error}") from error
        return self._keys


def rotate(path: Path) -> str:
    """Add a new key to the file (made if missing, mode 0600) and return its id."""
    kept = json.loads(path.read_text())["keys"] if path.exists() else []
    fresh = OKPKey.generate_key("Ed25519", {"kid": uuid4().hex[:12], "use": "sig", "alg": ALGORITHM}, private=True)
    write_secret(path, json.dumps({"keys": [*kept, fresh.as_dict(private=True)][-KEPT:]}))
    return str(fresh.kid)


def write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner reads, in one step: readers see the old or the new content."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{uuid4().hex}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _read(path: Path) -> list[OKPKey]:
    keys = [OKPKey.import_key(key) for key in json.loads(path.read_text())["keys"]]
    if not keys:
        raise ValueError("the set is empty")
    return keys
