"""Healing a service after a restoration: `shared.healing` in a process with that service's own environment."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import psycopg

from hub.ground.installation import Installation
from hub.ground.processes import RELAY
from shared.servers.programs import ServerFailed, wait_until
from shared.settings import database_url

_RELAY_SECONDS = 30


class Healed(msgspec.Struct, frozen=True):
    """What was found and done; see `shared.healing.Healing`."""

    service: str
    restored_to: str | None
    events: int
    commands: int
    refused: list[str]
    differences: list[str]


def heal(installation: Installation, service: str) -> Healed:
    """Heal one service. The installation's databases and broker are up, its processes are not. Raises ServerFailed."""
    done = subprocess.run(
        [sys.executable, "-m", "shared.healing", service],
        env=installation.process_environment(service),
        input=installation.urls[RELAY] + "\n",
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ServerFailed(f"healing {service} failed:\n{done.stderr[-3000:]}")
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=Healed)


def tell_the_rest(installation: Installation, service: str) -> None:
    """Send what the outbox of a service still holds before its database is replaced: what it was told to do in its last
    moments is in no journal before that. A database that cannot be read has nothing to tell."""
    name = installation.settings.database_prefix + service
    try:
        with psycopg.connect(database_url(installation.state.postgres_url, name), autocommit=True) as connection:
            if _unsent(connection):
                _relayed(installation, service, connection)
    except psycopg.Error as error:
        installation.say(f"{service}: the standing database cannot be read, what it did not tell yet is lost ({error})")


def _relayed(installation: Installation, service: str, connection: psycopg.Connection[tuple[int]]) -> None:
    relay = subprocess.Popen(
        [sys.executable, "-m", "hub.process", RELAY, "--services", service], env=installation.process_environment(RELAY)
    )
    try:
        if not wait_until(lambda: not _unsent(connection), _RELAY_SECONDS):
            raise ServerFailed(f"{_unsent(connection)} messages of {service} cannot be sent; is the broker well?")
    finally:
        relay.terminate()
        relay.wait()


def _unsent(connection: psycopg.Connection[tuple[int]]) -> int:
    row = connection.execute("select count(*)::int from outbox where sent_at is null").fetchone()
    return row[0] if row else 0
