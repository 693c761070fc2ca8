"""Databases of services: engines, creation, migration. The unit of work and the backbone's tables are told here too,
so that services import storage from one place."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy
from eventlet import patcher
from psycopg import sql
from sqlalchemy import Engine, event
from sqlalchemy.exc import DisconnectionError

from shared.backbone import (
    audit,
    chunks,
    create_backbone,
    inbox,
    metadata_with_backbone,
    outbox,
    replica_entries,
    replica_state,
)
from shared.settings import BackboneSettings, backbone_settings, database_url
from shared.unit import AWAY, CONTENTION, SLOW, Unit, UnitOfWork, transaction, translated

__all__ = [
    "AWAY",
    "CONTENTION",
    "SLOW",
    "Unit",
    "UnitOfWork",
    "audit",
    "chunks",
    "create_backbone",
    "create_database",
    "drop_database",
    "engine",
    "engine_for_url",
    "inbox",
    "is_newest",
    "metadata_with_backbone",
    "migrate",
    "migrate_engine",
    "outbox",
    "replica_entries",
    "replica_state",
    "transaction",
    "translated",
]

_MIGRATIONS = Path(__file__).parent / "migrations"
_MIGRATION_LOCK = 0x1A1C_4A11


@cache
def engine(service: str) -> Engine:
    """Return this process's engine for the service's database, sized for HUB_MAX_WORKERS calls at once."""
    settings = backbone_settings()
    return engine_for_url(settings.database_url(service), settings, name=f"hub {service}")


def engine_for_url(url: str, settings: BackboneSettings | None = None, *, name: str = "hub") -> Engine:
    """Return an engine for a libpq URL (`postgresql://…`); works with and without eventlet."""
    settings = settings or BackboneSettings()
    # Compiling a plan takes longer than any of our statements gains by it.
    options = (
        f"-c timezone=UTC -c jit=off -c statement_timeout={int(settings.statement_timeout_seconds * 1000)}"
        f" -c lock_timeout={int(settings.lock_timeout_seconds * 1000)}"
    )
    made = sqlalchemy.create_engine(
        _dialect_url(url),
        pool_size=settings.max_workers,
        max_overflow=settings.max_workers,
        pool_timeout=10,
        connect_args={"application_name": name, "options": options, "connect_timeout": 5},
    )
    event.listen(made, "checkout", _refuse_dead_connection)
    return made


def _dialect_url(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"postgresql+psycopg://{rest}" if scheme in ("postgresql", "postgres") else url


# Under eventlet the patched select has no poll; asking without waiting may use the real one.
_select: Any = patcher.original("select")


def _refuse_dead_connection(dbapi_connection: Any, _record: Any, _proxy: Any) -> None:
    # An idle connection has nothing to read. One that has was closed by the server (restart, failover): telling the
    # pool now costs no round trip, where pre-ping would cost one per transaction.
    poller = _select.poll()
    poller.register(dbapi_connection.fileno(), _select.POLLIN | _select.POLLERR | _select.POLLHUP)
    if poller.poll(0):
        raise DisconnectionError("the server closed this idle connection")


def create_database(server_url: str, database: str, template: str = "template1") -> None:
    """Create the database on this server if it is not there, as a copy of `template`."""
    with _administering(server_url) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,)).fetchone() is None:
            statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
            connection.execute(statement.format(sql.Identifier(database), sql.Identifier(template)))


def drop_database(server_url: str, database: str) -> None:
    """Drop the database on this server, with all connections to it; nothing happens if it is not there."""
    with _administering(server_url) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))


def _administering(server_url: str) -> Any:
    import psycopg

    return psycopg.connect(database_url(server_url, "postgres"), autocommit=True, connect_timeout=5)


def migrate(service: str) -> None:
    """Bring the service's database, which must exist, to the newest migration. Safe to run twice and at once."""
    made = engine(service)
    migrate_engine(made, service)
    made.dispose()


def migrate_engine(target: Engine, service: str) -> None:
    """Apply `services/<service>/migrations/versions` to this engine's database, under a lock."""
    # Alembic is half a second of start and 5 MB in every process, for a step that only the set-up takes.
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext

    config = Config()
    scripts = _scripts(service)

    def upgrade(revision: Any, _context: Any) -> Any:
        return scripts._upgrade_revs("heads", revision)

    with target.connect() as connection:
        connection.exec_driver_sql("SET statement_timeout = 0")
        connection.exec_driver_sql("SET lock_timeout = 0")
        connection.exec_driver_sql(f"SELECT pg_advisory_lock({_MIGRATION_LOCK})")
        connection.commit()
        with EnvironmentContext(config, scripts, fn=upgrade, destination_rev="heads") as environment:
            environment.configure(connection=connection)
            with environment.begin_transaction():
                environment.run_migrations()
        connection.commit()
        connection.exec_driver_sql(f"SELECT pg_advisory_unlock({_MIGRATION_LOCK})")
        connection.commit()


def is_newest(target: Engine, service: str) -> bool:
    """Tell whether this engine's database has every migration that the code here knows; newer ones do not disturb."""
    from alembic.runtime.migration import MigrationContext

    scripts = _scripts(service)
    known = {script.revision for script in scripts.walk_revisions()}
    with target.connect() as connection:
        applied = set(MigrationContext.configure(connection).get_current_heads())
    return bool(applied) and (applied - known != set() or applied == set(scripts.get_heads()))


def _scripts(service: str) -> Any:
    from alembic.script import ScriptDirectory

    return ScriptDirectory(str(_MIGRATIONS), version_locations=[str(_versions(service))])


def _versions(service: str) -> Path:
    # Found by path and not imported: shared knows no service.
    spec = importlib.util.find_spec("services")
    for location in (spec.submodule_search_locations or []) if spec else []:
        versions = Path(location, service, "migrations", "versions")
        if versions.is_dir():
            return versions
    raise LookupError(f"service {service} has no migrations")
