"""Private RabbitMQ brokers: a node of the installed RabbitMQ in a folder of ours, or a container.

The node runs as the caller, straight from the release's programs, because the distribution's wrapper switches to user
`rabbitmq`, who cannot enter a home folder. It has its own name, ports, cookie, data, log and its own port mapper
(epmd): one left behind by us on the usual port would keep the machine's own broker from starting later.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from shared.servers.control import ControlTool, release_program
from shared.servers.programs import (
    LOCAL,
    ServerFailed,
    alive,
    answers,
    end_of,
    free_port,
    read_pid,
    runs,
    send,
    superuser_prefix,
    wait_until,
)

VHOST = "laichau_hub"
USER = "laichau_hub"
IMAGE = "rabbitmq:3.13"
START_SECONDS = 90.0
STOP_SECONDS = 60.0
INSTALL_SECONDS = 600.0
# The distribution starts a server that it installs. We want the programs only, so for that moment nothing may start.
INSTALL = """
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    printf '#!/bin/sh\\nexit 101\\n' > $policy; chmod 755 $policy; trap 'rm -f $policy' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -q && apt-get install -q -y --no-install-recommends rabbitmq-server
"""


class PrivateBroker:
    """One private node. Data, password and ports stay in `directory` between starts.

    `plugins` are enabled, and `configuration` (lines of rabbitmq.conf) is added, at the next start.
    """

    def __init__(
        self,
        directory: Path,
        port: int = 0,
        vhost: str = VHOST,
        *,
        plugins: Sequence[str] = (),
        configuration: str = "",
    ) -> None:
        self.directory = directory.absolute()
        self.vhost = vhost
        self.plugins = tuple(plugins)
        self.configuration = configuration
        self.directory.mkdir(parents=True, exist_ok=True)
        self.ports = self._ports(port)
        self.log = self.directory / "server.log"

    @staticmethod
    def installed() -> bool:
        """Tell whether RabbitMQ's programs are on this machine."""
        return release_program("rabbitmq-server") is not None

    @property
    def port(self) -> int:
        """The AMQP port."""
        return self.ports[0]

    @property
    def password(self) -> str:
        """The password of user `laichau_hub`, generated once; readable by the owner of the folder only."""
        return _kept_secret(self.directory / "password")

    @property
    def url(self) -> str:
        """The AMQP URL with the node's first virtual host."""
        return f"amqp://{USER}:{self.password}@{LOCAL}:{self.port}/{self.vhost}"

    @property
    def pid(self) -> int | None:
        """The node's process id, or None when it does not run."""
        pid = read_pid(self.directory / "node.pid")
        return pid if pid is not None and alive(pid, str(self.directory)) else None

    @property
    def control(self) -> ControlTool:
        """The tool that makes further virtual hosts and users on this node."""
        tool = release_program("rabbitmqctl")
        if tool is None:
            raise ServerFailed("RabbitMQ is not installed")
        return ControlTool([tool, "-n", self._node], self._environment())

    def start(self) -> PrivateBroker:
        """Start the node, or adopt it where it runs already; return when it takes connections."""
        if self.pid is None:
            self._configure()
            self._start_port_mapper()
            self._launch(release_program("rabbitmq-server"), "node.pid", self.log)
        # The port opens last, after queues and users are there.
        if not wait_until(lambda: answers(self.port) or self.pid is None, START_SECONDS) or self.pid is None:
            end = end_of(self.log)
            self.stop()
            raise ServerFailed(f"RabbitMQ did not start in {self.directory}:\n{end}")
        return self

    def stop(self) -> None:
        """Stop the node and its port mapper in order."""
        self._end(signal.SIGTERM)
        mapper = read_pid(self.directory / "epmd.pid")
        if mapper is not None and alive(mapper, str(self.directory)):
            send(mapper, signal.SIGTERM)
        if mapper is not None and (child := _CHILDREN.pop(mapper, None)) is not None:
            child.wait()

    def kill(self) -> None:
        """Kill the node as a crash would; messages whose publishing was confirmed are there after the next start."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop and start the node on the same port with the same data."""
        self.stop()
        self.start()

    def destroy(self) -> None:
        """Stop the node and remove its folder."""
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def _node(self) -> str:
        return f"laichau_hub_{self.port}@localhost"

    def _ports(self, wanted: int) -> tuple[int, int, int]:
        """Return the ports of AMQP, the node and its port mapper, as kept from the first start."""
        path = self.directory / "ports"
        if path.exists():
            amqp, node, mapper = (int(part) for part in path.read_text().split())
            if wanted in (0, amqp):
                return amqp, node, mapper
        ports = (wanted or free_port(), free_port(), free_port())
        path.write_text(" ".join(map(str, ports)) + "\n")
        return ports

    def _environment(self) -> dict[str, str]:
        amqp, node, mapper = self.ports
        return {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin",
            "LANG": "C.UTF-8",
            "HOME": str(self.directory),  # the cookie lies there
            "RUNNING_UNDER_SYSTEMD": "true",  # else a shell stays in between and takes our signals
            "ERL_EPMD_PORT": str(mapper),
            "ERL_EPMD_ADDRESS": LOCAL,
            "RABBITMQ_NODENAME": self._node,
            "RABBITMQ_NODE_PORT": str(amqp),
            "RABBITMQ_DIST_PORT": str(node),
            "RABBITMQ_MNESIA_BASE": str(self.directory / "data"),
            "RABBITMQ_LOG_BASE": str(self.directory / "log"),
            "RABBITMQ_PID_FILE": str(self.directory / "rabbitmq.pid"),
            "RABBITMQ_CONF_ENV_FILE": str(self.directory / "none"),  # not the machine's
            "RABBITMQ_CONFIG_FILE": str(self.directory / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.directory / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.directory / "enabled_plugins"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        }

    def _configure(self) -> None:
        cookie = self.directory / ".erlang.cookie"
        if not cookie.exists():
            _kept_secret(cookie)
            cookie.chmod(0o400)
        configuration = self.directory / "rabbitmq.conf"
        configuration.touch(mode=0o600)
        configuration.write_text(
            f"listeners.tcp.1 = {LOCAL}:{self.port}\n"
            f"default_user = {USER}\ndefault_pass = {self.password}\ndefault_vhost = {self.vhost}\n"
            "default_permissions.configure = .*\ndefault_permissions.read = .*\ndefault_permissions.write = .*\n"
            f"{self.configuration}"
        )
        (self.directory / "enabled_plugins").write_text(f"[{','.join(self.plugins)}].\n")

    def _start_port_mapper(self) -> None:
        """Start our own epmd as a process we know; where it is not found, the node starts one for itself."""
        known = read_pid(self.directory / "epmd.pid")
        if known is not None and alive(known, str(self.directory)):
            return
        found = shutil.which("epmd") or next(map(str, Path("/usr/lib/erlang").glob("erts-*/bin/epmd")), None)
        if found is not None:
            self._launch(found, "epmd.pid", self.directory / "epmd.log")
            wait_until(lambda: answers(self.ports[2]), 10)

    def _launch(self, program: str | None, pid_file: str, log: Path) -> None:
        if program is None:
            raise ServerFailed("RabbitMQ is not installed")
        with log.open("ab") as output:
            process = subprocess.Popen(  # noqa: S603 (RabbitMQ's own program, no shell)
                [program],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self._environment(),
                cwd=self.directory,
                start_new_session=True,  # a Ctrl-C at the terminal is for the hub, which stops the broker last
            )
        (self.directory / pid_file).write_text(f"{process.pid}\n")
        _CHILDREN[process.pid] = process

    def _end(self, signum: signal.Signals) -> None:
        pid = self.pid
        send(pid, signum)
        if pid is None:
            return
        if not wait_until(lambda: not alive(pid, str(self.directory)), STOP_SECONDS):
            raise ServerFailed(f"RabbitMQ in {self.directory} does not stop:\n{end_of(self.log)}")
        if (child := _CHILDREN.pop(pid, None)) is not None:
            child.wait()


class ContainerBroker:
    """A broker in a container, for machines with docker or podman and no RabbitMQ to install."""

    def __init__(self, directory: Path, port: int = 0, name: str = "laichau-hub-broker") -> None:
        self.directory = directory.absolute()
        self.directory.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.port = port or free_port()
        self.engine = shutil.which("docker") or shutil.which("podman") or ""

    @property
    def url(self) -> str:
        """The AMQP URL with the broker's virtual host."""
        return f"amqp://{USER}:{_kept_secret(self.directory / 'password')}@{LOCAL}:{self.port}/{VHOST}"

    def available(self) -> bool:
        """Tell whether a container engine answers."""
        return bool(self.engine) and runs([self.engine, "info"])

    def start(self) -> ContainerBroker:
        """Start a fresh container under our name; return when the broker takes connections."""
        self.stop()
        settings = {"USER": USER, "PASS": _kept_secret(self.directory / "password"), "VHOST": VHOST}
        flags = [part for name, value in settings.items() for part in ("-e", f"RABBITMQ_DEFAULT_{name}={value}")]
        publish = ["-p", f"{LOCAL}:{self.port}:5672"]
        if not runs([self.engine, "run", "-d", "--rm", "--name", self.name, *publish, *flags, IMAGE], 300):
            raise ServerFailed(f"{self.engine} could not run {IMAGE}")
        ready = [self.engine, "exec", self.name, "rabbitmq-diagnostics", "-q", "check_port_connectivity"]
        if not wait_until(lambda: runs(ready), START_SECONDS, step=1):
            raise ServerFailed(f"the broker in container {self.name} did not start")
        return self

    def stop(self) -> None:
        """Remove the container."""
        runs([self.engine, "rm", "-f", self.name], 60)


_CHILDREN: dict[int, subprocess.Popen[bytes]] = {}


def _kept_secret(path: Path) -> str:
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(16))
    return path.read_text()


def may_install() -> bool:
    """Tell whether this user may install packages of the distribution here."""
    return shutil.which("apt-get") is not None and superuser_prefix() is not None


def install() -> None:
    """Install RabbitMQ from the distribution without starting the machine's own server."""
    prefix = superuser_prefix()
    if prefix is None:
        raise ServerFailed("installing RabbitMQ needs root or sudo")
    done = subprocess.run(  # noqa: S603 (a constant script)
        [*prefix, "/bin/sh", "-c", INSTALL], capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
    )
    if done.returncode or not PrivateBroker.installed():
        raise ServerFailed("apt-get could not install rabbitmq-server:\n" + "\n".join(done.stderr.splitlines()[-10:]))
