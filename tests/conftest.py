"""Servers, databases, broker and processes for all tests; each test module has its own databases and virtual host."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Mapping

import pytest
from hypothesis import settings
from sqlalchemy import Engine

from shared import storage, topology
from shared.settings import database_url
from shared.testing import servers
from shared.testing.processes import HubProcess

# Enough for every run to find what is plainly wrong within the suite's time; HUB_TEST_EXAMPLES=2000 looks further.
settings.register_profile("hub", max_examples=int(os.environ.get("HUB_TEST_EXAMPLES", "40")))
settings.load_profile("hub")

_SESSION = uuid.uuid4().hex[:6]
_templates: dict[str, str] = {}


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server's URL, without a database."""
    url = servers.postgres_server()
    yield url
    for name in _templates.values():
        storage.drop_database(url, name)
    _templates.clear()


class Databases:
    """`database("approval")` gives an engine on a fresh, migrated database; asking again for the same service replaces
    it. Names are `prefix + service`, so processes started with HUB_DATABASE_PREFIX=prefix find them."""

    def __init__(self, server_url: str) -> None:
        self.server_url = server_url
        self.prefix = f"t_{_SESSION}_{uuid.uuid4().hex[:6]}_"
        self._engines: dict[str, Engine] = {}

    def __call__(self, service: str) -> Engine:
        if service in self._engines:
            self._drop(service)
        storage.create_database(self.server_url, self.prefix + service, template=self._template(service))
        self._engines[service] = storage.engine_for_url(self.url(service), name=f"test {service}")
        return self._engines[service]

    def empty(self, service: str) -> Engine:
        """Return an engine on a fresh database with the backbone's tables alone, for toy services."""
        if service in self._engines:
            self._drop(service)
        storage.create_database(self.server_url, self.prefix + service)
        self._engines[service] = engine = storage.engine_for_url(self.url(service), name=f"test {service}")
        with engine.begin() as connection:
            storage.create_backbone(_Plain(connection.exec_driver_sql))
        return engine

    def url(self, service: str) -> str:
        """The libpq URL of the service's database."""
        return database_url(self.server_url, self.prefix + service)

    def close(self) -> None:
        """Drop all of them."""
        for service in list(self._engines):
            self._drop(service)

    def _drop(self, service: str) -> None:
        self._engines.pop(service).dispose()
        storage.drop_database(self.server_url, self.prefix + service)

    def _template(self, service: str) -> str:
        # Migrated once per session and copied: a copy takes a tenth of the time.
        name = f"t_{_SESSION}_{os.getpid()}_template_{service}"
        if service not in _templates:
            storage.create_database(self.server_url, name)
            _templates[service] = name
            engine = storage.engine_for_url(database_url(self.server_url, name))
            storage.migrate_engine(engine, service)
            engine.dispose()
        return name


class _Plain:
    def __init__(self, execute: Callable[[str], object]) -> None:
        self.execute = execute


@pytest.fixture(scope="module")
def database(postgres_url: str) -> Iterator[Databases]:
    """Databases of services for this module; dropped after it."""
    databases = Databases(postgres_url)
    yield databases
    databases.close()


@pytest.fixture(scope="module")
def amqp_url() -> Iterator[str]:
    """A virtual host of this module's own, with the whole topology; removed after it."""
    with servers.virtual_host() as url:
        topology.apply(url)
        yield url


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
