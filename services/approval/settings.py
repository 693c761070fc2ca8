"""Settings of the approval service."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalSettings:
    """Where the service's key is.

    - `secrets` (HUB_SECRETS_DIR): folder of this run's secrets; `approval_signing_key` lies there, made if missing.
      Default: `secrets` under HUB_VAR.
    """

    secrets: Path

    @classmethod
    def read(cls, environ: Mapping[str, str] = os.environ) -> ApprovalSettings:
        """Read settings from `environ`."""
        default = Path(environ.get("HUB_VAR", "var")) / "secrets"
        return cls(secrets=Path(environ.get("HUB_SECRETS_DIR") or default))

    @property
    def signing_key(self) -> Path:
        """The file with the private key over decisions."""
        return self.secrets / "approval_signing_key"
