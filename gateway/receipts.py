"""Receipt ids that need no storage: the same client and key always give the same id, on every gateway, after any
restart, and an id shows by itself whether it was given to this client. Pure.

An id is `r_`, 26 letters derived from (client, Idempotency-Key) by HMAC, and 8 letters that bind these to the client.
So a receipt not yet processed can be told from one that never was, without asking anybody.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

from shared.canonical import encode

_SHAPE = re.compile(r"r_[a-z2-7]{26}[a-z2-7]{8}")
_ID_BYTES = 16
_CHECK_BYTES = 5


class ReceiptIds:
    """Makes and checks receipt ids under one secret."""

    def __init__(self, secret: bytes) -> None:
        self._id_key = hmac.digest(secret, b"receipt id", hashlib.sha256)
        self._check_key = hmac.digest(secret, b"receipt check", hashlib.sha256)

    def make(self, client_id: str, key: str) -> str:
        """Return the receipt id of this client's Idempotency-Key."""
        stem = "r_" + _letters(hmac.digest(self._id_key, encode((client_id, key)), hashlib.sha256)[:_ID_BYTES])
        return stem + self._check(client_id, stem)

    def belongs(self, client_id: str, receipt_id: str) -> bool:
        """Tell whether this id was made here for this client; forged and foreign ids do not."""
        if _SHAPE.fullmatch(receipt_id) is None:
            return False
        return hmac.compare_digest(self._check(client_id, receipt_id[:28]), receipt_id[28:])

    def _check(self, client_id: str, stem: str) -> str:
        return _letters(hmac.digest(self._check_key, encode((client_id, stem)), hashlib.sha256)[:_CHECK_BYTES])


def _letters(raw: bytes) -> str:
    return base64.b32encode(raw).decode().rstrip("=").lower()
