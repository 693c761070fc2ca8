"""PostgreSQL and RabbitMQ for the tests, by a ladder: named by environment, running here, in a container, started here.

1. `HUB_TEST_POSTGRES_URL`, `HUB_TEST_AMQP_URL`;
2. a server on this machine that lets us make databases (or virtual hosts) of our own;
3. testcontainers, where a container engine answers;
4. one started for the run: PostgreSQL from the wheel, a private RabbitMQ node (installed first if need be).

Workers of one run (pytest-xdist) share what was started; the last one out stops it. What a server of this machine
holds is left as found: databases are the caller's to drop, a virtual host lives as long as its `with`.
"""

from __future__ import annotations

import atexit
import fcntl
import gc
import getpass
import os
import secrets
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import psycopg

from shared.servers import broker
from shared.servers.broker import PrivateBroker
from shared.servers.control import BrokerControl, ManagementApi, local_control
from shared.servers.postgres import EmbeddedPostgres
from shared.servers.programs import LOCAL, ServerFailed, answers

POSTGRES_PORT = 5432
AMQP_PORT = 5672
POSTGRES_IMAGE = "postgres:16"
RABBITMQ_IMAGE = "rabbitmq:3.13-management"


@cache
def postgres_server() -> str:
    """Return the URL (without a database) of a server on which this run may make databases."""
    given = os.environ.get("HUB_TEST_POSTGRES_URL")
    return given or _running_postgres() or _contained_postgres() or _started_postgres()


@contextmanager
def virtual_host() -> Iterator[str]:
    """Give the URL of a fresh, empty virtual host and remove it afterwards.

    The hub's topology in one virtual host reserves some 65 of the broker's file descriptors, and a broker as packaged
    has under a thousand: past them it keeps new connections waiting. So a worker keeps one with the topology for all
    its modules in turn, and what else a test needs goes with the test.
    """
    place, control = _broker()
    if control is None:  # a given broker that we may not manage: its virtual host as it is
        yield place
        return
    vhost, user = f"hub_test_{os.getpid()}_{secrets.token_hex(4)}", f"hub_test_{secrets.token_hex(4)}"
    password = secrets.token_hex(8)
    control.create_vhost(vhost, user, password)
    try:
        yield f"amqp://{user}:{password}@{place}/{quote(vhost, safe='')}"
    finally:
        control.delete_vhost(vhost, user)


def broker_control() -> BrokerControl | None:
    """Return the means to manage `virtual_host`'s broker, or None for a given one that we may not manage."""
    return _broker()[1]


@cache
def _broker() -> tuple[str, BrokerControl | None]:
    """Return host and port of the broker, and its control; or the whole given URL and None."""
    given = os.environ.get("HUB_TEST_AMQP_URL")
    if given:
        return _given_broker(given)
    if answers(AMQP_PORT) and (control := local_control()) is not None:
        return f"{LOCAL}:{AMQP_PORT}", control
    return _contained_broker() or _started_broker()


# -- PostgreSQL ------------------------------------------------------------------------------------------------------


def _running_postgres() -> str | None:
    if not answers(POSTGRES_PORT):
        return None
    for user in dict.fromkeys((getpass.getuser(), "postgres")):
        url = f"postgresql://{user}@{LOCAL}:{POSTGRES_PORT}"
        with suppress(psycopg.Error), psycopg.connect(f"{url}/postgres", connect_timeout=3) as connection:
            question = "select rolsuper or rolcreatedb from pg_roles where rolname = current_user"
            row = connection.execute(question).fetchone()
            if row and row[0]:
                return url
    return None


def _contained_postgres() -> str | None:
    password = secrets.token_hex(8)

    def made() -> Any:
        from testcontainers.community.postgres import PostgresContainer

        return PostgresContainer(POSTGRES_IMAGE, username="hub", password=password, dbname="postgres")

    container = _contained(made)
    if container is None:
        return None
    host, port = container.get_container_host_ip(), container.get_exposed_port(POSTGRES_PORT)
    return f"postgresql://hub:{password}@{host}:{port}"


def _started_postgres() -> str:
    with _shared_by_workers("postgres", lambda folder: EmbeddedPostgres(folder, durable=False)) as server:
        return str(server.start().url)


# -- RabbitMQ --------------------------------------------------------------------------------------------------------


def _given_broker(url: str) -> tuple[str, BrokerControl | None]:
    parts = urlsplit(url)
    place = f"{parts.hostname}:{parts.port or AMQP_PORT}"
    api = ManagementApi(
        f"http://{parts.hostname}:15672", (unquote(parts.username or ""), unquote(parts.password or ""))
    )
    with suppress(ServerFailed):
        api.vhosts()
        return place, api
    return url, None


def _contained_broker() -> tuple[str, BrokerControl] | None:
    def made() -> Any:
        from testcontainers.community.rabbitmq import RabbitMqContainer

        return RabbitMqContainer(RABBITMQ_IMAGE).with_exposed_ports(AMQP_PORT, 15672)

    container = _contained(made)
    if container is None:
        return None
    host = container.get_container_host_ip()
    api = ManagementApi(f"http://{host}:{container.get_exposed_port(15672)}")
    return f"{host}:{container.get_exposed_port(AMQP_PORT)}", api


def need_broker_programs() -> None:
    """See that a node of the tests' own can be started: RabbitMQ is installed where it is not. Raises ServerFailed."""
    if not PrivateBroker.installed():
        if not broker.may_install():
            raise ServerFailed(
                "the tests need RabbitMQ: set HUB_TEST_AMQP_URL, install rabbitmq-server, start docker, or use sudo"
            )
        broker.install()


def _started_broker() -> tuple[str, BrokerControl]:
    need_broker_programs()
    with _shared_by_workers("broker", PrivateBroker) as server:
        server.start()
        return f"{LOCAL}:{server.port}", server.control


# -- shared ----------------------------------------------------------------------------------------------------------


def _contained(made: Callable[[], Any]) -> Any:
    """Start a container that lives as long as this process; None where no engine answers."""
    from docker.errors import DockerException  # type: ignore[import-untyped]  # docker ships no types

    # Not ours to mend: testcontainers warns of its own decorators, and a failed search leaves sockets open.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        container = None
        with suppress(DockerException):
            container = made()
            container.start()
            atexit.register(container.stop)
        gc.collect()
    return container


@contextmanager
def _shared_by_workers(kind: str, make: Callable[[Path], Any]) -> Iterator[Any]:
    """Give the run's server to start or adopt, under a lock; the last process of the run destroys it."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    folder = Path(tempfile.gettempdir(), f"laichau-hub-tests-{os.getuid()}-{run}")
    folder.mkdir(mode=0o711, exist_ok=True)  # PostgreSQL, not being root, passes through
    users = folder / f"{kind}.users"
    with _locked(folder / f"{kind}.lock"):
        server = make(folder / kind)
        users.write_text(str(_number(users) + 1))

        def leave() -> None:
            with _locked(folder / f"{kind}.lock"):
                left = _number(users) - 1
                users.write_text(str(left))
                if left == 0:
                    server.destroy()
                    users.unlink()
                    (folder / f"{kind}.lock").unlink()
                    with suppress(OSError):  # the other kind is still in use
                        folder.rmdir()

        atexit.register(leave)
        yield server


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _number(path: Path) -> int:
    return int(path.read_text()) if path.exists() else 0
