"""Settings of the submissions service."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionsSettings:
    """How far ahead the service looks.

    - `ahead_days` (HUB_SUBMISSIONS_AHEAD_DAYS): obligations stand for every period that begins within so many days.
    """

    ahead_days: int = 400

    @classmethod
    def read(cls, environ: Mapping[str, str] = os.environ) -> SubmissionsSettings:
        """Read settings from `environ`; what is not set keeps its default. Raises ValueError for bad numbers."""
        default = cls()
        return cls(ahead_days=int(environ.get("HUB_SUBMISSIONS_AHEAD_DAYS", default.ahead_days)))
