"""Hashing and checking secrets with Argon2id, without holding up the process and without telling who exists."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from typing import TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError
from eventlet import patcher, tpool

R = TypeVar("R")

MEMORY_KIB = 19_456
TIME_COST = 2
AT_ONCE = 2
"""Argon2id with 19 MiB, two passes, one lane (OWASP's floor), about 50 ms of one core; at most two at once."""


class Passwords:
    """Makes and checks hashes. Under eventlet the work runs in a native thread: it would stop the hub for 50 ms."""

    def __init__(self, memory_kib: int = MEMORY_KIB, time_cost: int = TIME_COST) -> None:
        self._hasher = PasswordHasher(time_cost=time_cost, memory_cost=memory_kib, parallelism=1, type=Type.ID)
        self._turn = threading.Semaphore(AT_ONCE)
        self._decoy = self._hasher.hash(secrets.token_urlsafe())

    def hash(self, secret: str) -> str:
        """Return the hash to keep, in PHC format."""
        return self._apart(lambda: self._hasher.hash(secret))

    def matches(self, kept: str | None, secret: str) -> bool:
        """Tell whether `secret` is what `kept` was made of. None (no such account) takes as long and says no."""
        right = self._apart(lambda: self._verify(kept or self._decoy, secret))
        return right and kept is not None

    def outdated(self, kept: str) -> bool:
        """Tell whether a hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(kept)

    def _verify(self, kept: str, secret: str) -> bool:
        try:
            return self._hasher.verify(kept, secret)
        except (VerificationError, InvalidHashError):
            return False

    def _apart(self, work: Callable[[], R]) -> R:
        with self._turn:
            if patcher.is_monkey_patched("thread"):
                return tpool.execute(work)
            return work()
