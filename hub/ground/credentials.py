"""The secrets of an installation whose servers are not started here: containers and clusters mount them as files.

Each process is given the files it reads and no others, so a URL with a password stands in a file per database role.
What exists is never replaced: a key that changes makes receipts, tokens or decisions unreadable, and servers keep the
password they were first given. What is derived is derived from what is kept.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hub.ground.databases import ADMINISTRATOR, MONITOR, role_passwords
from hub.ground.processes import RELAY, SERVICES
from hub.ground.state import write_secret
from hub.settings import HubSettings
from shared.servers.programs import ServerFailed

KEEPERS = ("accounts", "approval", "integration")
"""Services that make keys or secrets of their own: `python -m services.<name>.bootstrap --secrets-only`."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where the servers will answer: `host:port` of PostgreSQL and of the broker, and the broker's virtual host."""

    postgres: str
    broker: str
    vhost: str = "hub"


def init_secrets(settings: HubSettings, places: Places) -> tuple[list[str], list[str]]:
    """Make every secret that is missing in the settings' folder; return the names of those made and those kept.

    Raises ServerFailed when a service cannot make its own.
    """
    folder = settings.secrets
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    before = _names(folder)

    def once(name: str, content: Callable[[], str]) -> str:
        if not (folder / name).exists():
            write_secret(folder / name, content().encode())
        return (folder / name).read_text()

    once("receipt_key", lambda: secrets.token_hex(32))
    once("grafana_password", lambda: secrets.token_urlsafe(18))
    _databases(settings, places, once)
    _broker(places, once)
    _services(folder)
    for name in _names(folder):
        (folder / name).chmod(0o600)
    return sorted(_names(folder) - before), sorted(before)


def _databases(settings: HubSettings, places: Places, once: Callable[[str, Callable[[], str]], str]) -> None:
    administrator = once("postgres_password", lambda: secrets.token_hex(16))
    once("postgres_url", partial(_url, f"{ADMINISTRATOR}:{administrator}", places.postgres))
    passwords = role_passwords(settings)
    for role in (*SERVICES, RELAY):
        login = f"{settings.database_prefix}{role}:{passwords[role]}"
        once(f"postgres_url_{role}", partial(_url, login, places.postgres))
    once("postgres_monitor_password", lambda: passwords[MONITOR])


def _url(login: str, place: str) -> str:
    return f"postgresql://{login}@{place}"


def _broker(places: Places, once: Callable[[str, Callable[[], str]], str]) -> None:
    password = once("amqp_password", lambda: secrets.token_hex(16))
    once("amqp_url", lambda: f"amqp://hub:{password}@{places.broker}/{places.vhost}")
    once(
        "rabbitmq_login.conf",
        lambda: f"default_user = hub\ndefault_pass = {password}\ndefault_vhost = {places.vhost}\n",
    )


def _services(folder: Path) -> None:
    for service in KEEPERS:
        ran = subprocess.run(
            [sys.executable, "-m", f"services.{service}.bootstrap", "--secrets-only"],
            env={**os.environ, "HUB_SECRETS_DIR": str(folder)},
            capture_output=True,
            text=True,
            check=False,
        )
        if ran.returncode:
            raise ServerFailed(f"services.{service}.bootstrap failed:\n{(ran.stdout + ran.stderr)[-3000:]}")


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")}
