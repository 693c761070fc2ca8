"""Settings of the accounts service."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountsSettings:
    """Where keys are, and what tokens say.

    - `secrets` (HUB_SECRETS_DIR): folder of this run's secrets with `token_signing_key` and `demo_accounts.json`.
      Default: `secrets` under HUB_VAR.
    - `issuer`, `audience` (HUB_TOKEN_ISSUER, HUB_TOKEN_AUDIENCE): named in tokens; the gateway's are equal.
    - `token_life_seconds` (HUB_ACCOUNTS_TOKEN_LIFE_SECONDS): how long a token is good, 900 unless told.
    """

    secrets: Path
    issuer: str = "laichau-hub"
    audience: str = "laichau-hub"
    token_life_seconds: int = 900

    @classmethod
    def read(cls, environ: Mapping[str, str] = os.environ) -> AccountsSettings:
        """Read settings from `environ`. Raises ValueError for a number that is none."""
        default = Path(environ.get("HUB_VAR", "var")) / "secrets"
        return cls(
            secrets=Path(environ.get("HUB_SECRETS_DIR") or default),
            issuer=environ.get("HUB_TOKEN_ISSUER", "laichau-hub"),
            audience=environ.get("HUB_TOKEN_AUDIENCE", "laichau-hub"),
            token_life_seconds=int(environ.get("HUB_ACCOUNTS_TOKEN_LIFE_SECONDS", "900")),
        )

    @property
    def signing_keys(self) -> Path:
        """The file with the private keys that sign tokens, as a JWK set, newest last."""
        return self.secrets / "token_signing_key"

    @property
    def demo_accounts(self) -> Path:
        """The file with the demo's passwords: `{"people": {user name: password}, "clients": {client id: secret}}`."""
        return self.secrets / "demo_accounts.json"
