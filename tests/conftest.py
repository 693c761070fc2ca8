"""Servers, databases, broker and processes for all tests; each test module has databases of its own, and a virtual
host that no other one uses while it runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping

import pytest
from hypothesis import HealthCheck, settings

from shared import topology
from shared.testing import broker, servers
from shared.testing.processes import HubProcess
from tests.databases import Databases, drop_templates
from tests.order import pytest_collection_modifyitems, pytest_xdist_make_scheduler

__all__ = ["Databases", "pytest_collection_modifyitems", "pytest_xdist_make_scheduler"]

# Some hundred processes start in a run: none is to compile anew what the one before has compiled already.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A gate may not fail by chance: every run tries the same examples, and none is judged by how long it takes, which
# depends on what else runs here. HUB_TEST_EXAMPLES=2000 looks further, at random.
_examples = os.environ.get("HUB_TEST_EXAMPLES")
settings.register_profile(
    "hub",
    max_examples=int(_examples or "40"),
    derandomize=_examples is None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("hub")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server's URL, without a database."""
    url = servers.postgres_server()
    yield url
    drop_templates(url)


@pytest.fixture(scope="module")
def database(postgres_url: str) -> Iterator[Databases]:
    """Databases of services for this module; dropped after it."""
    databases = Databases(postgres_url)
    yield databases
    databases.close()


@pytest.fixture(scope="session")
def prepared_amqp_url() -> Iterator[str]:
    """A virtual host with the whole topology: declared once per worker, it costs several seconds of processor time."""
    with servers.virtual_host() as url:
        topology.apply(url)
        yield url


@pytest.fixture(scope="module")
def amqp_url(prepared_amqp_url: str) -> str:
    """A virtual host with the whole topology and not one message, this module's alone while it runs."""
    broker.purge(prepared_amqp_url)
    return prepared_amqp_url


@pytest.fixture
def empty_amqp_url() -> Iterator[str]:
    """A virtual host of this test's own, in which nothing is declared; removed after it."""
    with servers.virtual_host() as url:
        yield url


class Services:
    """`run_service("approval", "worker")` starts a real process and returns it when it is ready."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self.running: list[HubProcess] = []

    def __call__(
        self, name: str, roles: str = "rpc,worker", *arguments: str, wait: bool = True, **environment: str
    ) -> HubProcess:
        process = HubProcess(
            [name, "--roles", roles, *arguments],
            {**self.environment, **environment},
            environment.get("HUB_PROCESS_NAME", f"{name}-{roles.replace(',', '-')}"),
        )
        self.running.append(process)
        if wait:
            process.await_log("process.ready")
        return process

    def close(self) -> None:
        """Stop all that still run."""
        for process in self.running:
            if process.process.poll() is None:
                process.kill()


@pytest.fixture
def run_service(database: Databases, amqp_url: str) -> Iterator[Services]:
    """Starter of service processes on this module's databases and virtual host; what still runs is killed after."""
    services = Services(
        {
            "HUB_POSTGRES_URL": database.server_url,
            "HUB_DATABASE_PREFIX": database.prefix,
            "HUB_AMQP_URL": amqp_url,
            "HUB_METRICS_PORT": "0",
        }
    )
    yield services
    services.close()
