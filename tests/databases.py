"""Databases for tests: migrated once per worker and service, copied per module, emptied between a module's tests.

A copy costs a quarter of a second of processor time, more than most tests that need one; emptying costs a tenth of it.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import Engine

from shared import storage
from shared.settings import database_url

SESSION = uuid.uuid4().hex[:6]

Connection = psycopg.Connection[Any]

_TABLES = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
_SEQUENCES = (
    "SELECT sequencename, coalesce(last_value, start_value), last_value IS NOT NULL FROM pg_sequences ORDER BY 1"
)
# What a test may have altered beside rows: tables and indexes, columns, triggers, constraints, functions.
_SCHEMA = """
WITH of_tables AS (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
SELECT md5(string_agg(told, ' ' ORDER BY told)) FROM (
    SELECT format('%s %s', relname, relkind) FROM pg_class JOIN of_tables USING (oid)
    UNION ALL SELECT format('%s %s %s %s', attrelid, attname, atttypid, attnotnull)
        FROM pg_attribute JOIN of_tables ON attrelid = of_tables.oid
    UNION ALL SELECT format('%s %s %s', tgrelid, tgname, tgenabled)
        FROM pg_trigger JOIN of_tables ON tgrelid = of_tables.oid
    UNION ALL SELECT format('%s %s %s', conrelid, conname, convalidated)
        FROM pg_constraint JOIN of_tables ON conrelid = of_tables.oid
    UNION ALL SELECT format('%s %s', proname, md5(prosrc)) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
) AS parts (told)
"""
_OTHERS = (
    "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
)


@dataclass(frozen=True)
class Template:
    """A migrated database, and what an emptied copy of it has to equal."""

    name: str
    schema: str
    tables: frozenset[str]
    rows: dict[str, bytes]
    """What migrations put into tables, by table, as COPY writes it."""

    sequences: list[tuple[str, int, bool]]

    @classmethod
    def of(cls, server_url: str, name: str) -> Template:
        """Look at the migrated database of this name."""
        with psycopg.connect(database_url(server_url, name), autocommit=True) as connection:
            tables = _names(connection, _TABLES)
            rows = {table: _rows(connection, table) for table in _filled(connection, tables)}
            return cls(name, _schema(connection), frozenset(tables), rows, connection.execute(_SEQUENCES).fetchall())

    def emptied(self, url: str) -> bool:
        """Bring a copy back to what it was: without other connections, with the rows and numbers of its beginning.
        Returns False, and the copy is to be thrown away, where its schema has become another or triggers cannot be
        silenced (the tables that nobody may delete from need that, and only a superuser may)."""
        with psycopg.connect(url, autocommit=True) as connection:
            if connection.info.parameter_status("is_superuser") != "on":
                return False
            connection.execute(_OTHERS)
            connection.execute("SET session_replication_role = replica")
            for table in _names(connection, _TABLES) - self.tables:
                connection.execute(sql.SQL("DROP TABLE IF EXISTS {} CASCADE").format(sql.Identifier(table)))
            if _schema(connection) != self.schema:
                return False
            changed = {
                table
                for table in _filled(connection, self.tables) | self.rows.keys()
                if table not in self.rows or _rows(connection, table) != self.rows[table]
            }
            if changed:
                listed = sql.SQL(", ").join(map(sql.Identifier, sorted(changed)))
                connection.execute(sql.SQL("TRUNCATE {} CASCADE").format(listed))
            for table in changed & self.rows.keys():
                with connection.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(table))) as copy:
                    copy.write(self.rows[table])
            for name, value, called in self.sequences:
                connection.execute("SELECT setval(quote_ident(%s)::regclass, %s, %s)", (name, value, called))
        return True


def _names(connection: Connection, question: str) -> set[str]:
    return {row[0] for row in connection.execute(question)}


def _schema(connection: Connection) -> str:
    [(told,)] = connection.execute(_SCHEMA).fetchall()
    return str(told)


def _filled(connection: Connection, tables: frozenset[str] | set[str]) -> set[str]:
    """Return the tables that have rows."""
    one = sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {})")
    asked = [one.format(sql.Literal(table), sql.Identifier(table)) for table in sorted(tables)]
    return {row[0] for row in connection.execute(sql.SQL(" UNION ALL ").join(asked))}


def _rows(connection: Connection, table: str) -> bytes:
    with connection.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))) as copy:
        return b"".join(bytes(part) for part in copy)


_templates: dict[str, Template] = {}


def drop_templates(server_url: str) -> None:
    """Drop what this worker made to copy from."""
    for template in _templates.values():
        storage.drop_database(server_url, template.name)
    _templates.clear()


class Databases:
    """`database("approval")` gives an engine on a fresh, migrated database; asking again for the same service replaces
    it. Names are `prefix + service`, so processes started with HUB_DATABASE_PREFIX=prefix find them."""

    def __init__(self, server_url: str) -> None:
        self.server_url = server_url
        self.prefix = f"t_{SESSION}_{uuid.uuid4().hex[:6]}_"
        self._engines: dict[str, Engine] = {}
        self._copies: set[str] = set()

    def __call__(self, service: str) -> Engine:
        template = self._template(service)
        if service in self._engines:
            self._engines.pop(service).dispose()
            if service not in self._copies or not template.emptied(self.url(service)):
                self._drop(service)
        if service not in self._copies:
            storage.create_database(self.server_url, self.prefix + service, template=template.name)
            self._copies.add(service)
        return self._opened(service)

    def empty(self, service: str) -> Engine:
        """Return an engine on a fresh database with the backbone's tables alone, for toy services."""
        if service in self._engines:
            self._engines.pop(service).dispose()
            self._drop(service)
        storage.create_database(self.server_url, self.prefix + service)
        engine = self._opened(service)
        with engine.begin() as connection:
            storage.create_backbone(_Plain(connection.exec_driver_sql))
        return engine

    def url(self, service: str) -> str:
        """The libpq URL of the service's database."""
        return database_url(self.server_url, self.prefix + service)

    def close(self) -> None:
        """Drop all of them."""
        for service, engine in self._engines.items():
            engine.dispose()
            self._drop(service)
        self._engines.clear()

    def _opened(self, service: str) -> Engine:
        self._engines[service] = storage.engine_for_url(self.url(service), name=f"test {service}")
        return self._engines[service]

    def _drop(self, service: str) -> None:
        self._copies.discard(service)
        storage.drop_database(self.server_url, self.prefix + service)

    def _template(self, service: str) -> Template:
        if service not in _templates:
            name = f"t_{SESSION}_{os.getpid()}_template_{service}"
            storage.create_database(self.server_url, name)
            engine = storage.engine_for_url(database_url(self.server_url, name))
            storage.migrate_engine(engine, service)
            engine.dispose()
            _templates[service] = Template.of(self.server_url, name)
        return _templates[service]


class _Plain:
    def __init__(self, execute: Callable[[str], object]) -> None:
        self.execute = execute
