"""Making and removing virtual hosts and users on a broker, by its command line tool or its management API."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

import httpx

from shared.servers.programs import LOCAL, ServerFailed, answers, superuser_prefix

RELEASE_PROGRAMS = Path("/usr/lib/rabbitmq/bin")  # Debian's and the vendor's packages alike
MANAGEMENT_PORT = 15672


class BrokerControl(Protocol):
    """What the hub and the tests ask of a broker's operator."""

    def create_vhost(self, vhost: str, user: str, password: str) -> None:
        """Make the virtual host and the user where they are missing; the user gets this password and all its rights."""

    def delete_vhost(self, vhost: str, user: str | None = None) -> None:
        """Remove the virtual host with its queues, and the user if named. What is gone already is no error."""

    def vhosts(self) -> list[str]:
        """List the broker's virtual hosts."""


class ControlTool:
    """`rabbitmqctl`, run as root, by sudo, or for a private node with its environment."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        self.command = tuple(command)
        self.environment = dict(environment) if environment is not None else None

    def run(self, *arguments: str, seconds: float = 60) -> str:
        """Run one command and return what it printed; raise ServerFailed with its words when it fails."""
        try:
            done = subprocess.run(  # noqa: S603 (fixed commands, no shell)
                [*self.command, "-q", *arguments],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                env=self.environment,
                timeout=seconds,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ServerFailed(f"rabbitmqctl {arguments[0]}: {error}") from error
        if done.returncode:
            raise ServerFailed(f"rabbitmqctl {arguments[0]}: {(done.stderr or done.stdout).strip()}")
        return done.stdout

    def create_vhost(self, vhost: str, user: str, password: str) -> None:
        """See BrokerControl."""
        # Each call starts a virtual machine and takes half a second, so asking first what is there would double it.
        self._unless_there("add_vhost", vhost)
        if not self._unless_there("add_user", user, password):
            self.run("change_password", user, password)
        self.run("set_permissions", "-p", vhost, user, ".*", ".*", ".*")

    def _unless_there(self, *arguments: str) -> bool:
        """Run a command that makes something; return False where it is there already."""
        try:
            self.run(*arguments)
        except ServerFailed as error:
            if "already exists" not in str(error) and "already_exists" not in str(error):
                raise
            return False
        return True

    def delete_vhost(self, vhost: str, user: str | None = None) -> None:
        """See BrokerControl."""
        with suppress(ServerFailed):
            self.run("delete_vhost", vhost)
        if user:
            with suppress(ServerFailed):
                self.run("delete_user", user)

    def vhosts(self) -> list[str]:
        """See BrokerControl."""
        return self.run("list_vhosts", "--no-table-headers").splitlines()


class ManagementApi:
    """The management plugin's HTTP API, as its user `guest` on this machine unless told otherwise."""

    def __init__(
        self, url: str = f"http://{LOCAL}:{MANAGEMENT_PORT}", auth: tuple[str, str] = ("guest", "guest")
    ) -> None:
        self.url = f"{url}/api"
        self.auth = auth

    def _send(self, method: str, path: str, body: object = None) -> httpx.Response:
        try:
            answer = httpx.request(method, f"{self.url}{path}", auth=self.auth, json=body, timeout=20)
        except httpx.HTTPError as error:
            raise ServerFailed(f"management API: {error}") from error
        if answer.is_error and not (method == "DELETE" and answer.status_code == 404):
            raise ServerFailed(f"management API: {method} {path} answered {answer.status_code}")
        return answer

    def create_vhost(self, vhost: str, user: str, password: str) -> None:
        """See BrokerControl."""
        self._send("PUT", f"/vhosts/{quote(vhost, safe='')}")
        self._send("PUT", f"/users/{user}", {"password": password, "tags": ""})
        rights = {"configure": ".*", "write": ".*", "read": ".*"}
        self._send("PUT", f"/permissions/{quote(vhost, safe='')}/{user}", rights)

    def delete_vhost(self, vhost: str, user: str | None = None) -> None:
        """See BrokerControl."""
        self._send("DELETE", f"/vhosts/{quote(vhost, safe='')}")
        if user:
            self._send("DELETE", f"/users/{user}")

    def vhosts(self) -> list[str]:
        """See BrokerControl."""
        return [vhost["name"] for vhost in self._send("GET", "/vhosts").json()]


def release_program(name: str) -> str | None:
    """Return the path of a RabbitMQ program that does not switch users, or None where none is installed."""
    path = RELEASE_PROGRAMS / name
    return str(path) if path.exists() else shutil.which(name)


def local_control() -> BrokerControl | None:
    """Return the way this user may manage the broker on this machine, or None where there is none."""
    candidates: list[BrokerControl] = []
    if answers(MANAGEMENT_PORT):
        candidates.append(ManagementApi())
    prefix = superuser_prefix()
    tool = shutil.which("rabbitmqctl") or "/usr/sbin/rabbitmqctl"
    if prefix is not None and Path(tool).exists():
        candidates.append(ControlTool([*prefix, tool]))
    for candidate in candidates:
        with suppress(ServerFailed):
            candidate.vhosts()
            return candidate
    return None
