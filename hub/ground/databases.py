"""A database for each service, owned by a role of its own: PostgreSQL itself keeps services out of each other's.

The relay, which reads every outbox and seals every audit chain, has a role that is a member of all of them. On a given
server where we are not superuser, the given user owns all databases and services enter as that user. Where roles are
ours to make, there is one more that may read the server's statistics and nothing else, for Prometheus's exporter.
"""

from __future__ import annotations

import json
import secrets
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from hub.ground.backups import REPLACED
from hub.ground.processes import RELAY, SERVICES
from hub.ground.state import Say, write_secret
from hub.settings import HubSettings
from shared.settings import database_url

ADMINISTRATOR = "postgres"
"""The superuser of a server that was made for the hub."""

MONITOR = "monitor"

Connection = psycopg.Connection[tuple[object, ...]]


def ensure_databases(settings: HubSettings, server_url: str, say: Say) -> dict[str, str]:
    """Create what is missing; return the server URL, with its role, of each service and of the relay."""
    with psycopg.connect(database_url(server_url, "postgres"), autocommit=True) as connection:
        row = connection.execute("select rolsuper from pg_roles where rolname = current_user").fetchone()
        if row and row[0]:
            urls = _with_roles(settings, connection, server_url)
            say(f"databases: {len(SERVICES)}, each owned by a role of its own")
            return urls
        for service in SERVICES:
            _database(connection, settings.database_prefix + service)
    say(f"databases: {len(SERVICES)}, all owned by the given user, who may not make roles")
    return dict.fromkeys((*SERVICES, RELAY), server_url)


def migrate_databases(settings: HubSettings, urls: dict[str, str], say: Say) -> None:
    """Bring every database to the newest migration, each as its own role."""
    from shared.storage import engine_for_url, migrate_engine  # brings SQLAlchemy and Alembic along

    for service in SERVICES:
        engine = engine_for_url(database_url(urls[service], settings.database_prefix + service))
        migrate_engine(engine, service)
        engine.dispose()
    say("migrations: every database is at the newest")


def remove_databases(settings: HubSettings, server_url: str) -> None:
    """Drop the hub's databases and roles on this server."""
    with psycopg.connect(database_url(server_url, "postgres"), autocommit=True) as connection:
        for service in SERVICES:
            for suffix in ("", REPLACED):
                database = sql.Identifier(settings.database_prefix + service + suffix)
                connection.execute(sql.SQL("drop database if exists {} with (force)").format(database))
        for role in (MONITOR, RELAY, *SERVICES):
            name = sql.Identifier(settings.database_prefix + role)
            connection.execute(sql.SQL("drop role if exists {}").format(name))


def _with_roles(settings: HubSettings, connection: Connection, server_url: str) -> dict[str, str]:
    passwords = role_passwords(settings)
    for service in SERVICES:
        name = settings.database_prefix + service
        _role(connection, name, passwords[service])
        _database(connection, name, owner=name)
    relay = settings.database_prefix + RELAY
    _role(connection, relay, passwords[RELAY])
    for service in SERVICES:
        grant = sql.SQL("grant {} to {}")
        names = sql.Identifier(settings.database_prefix + service), sql.Identifier(relay)
        connection.execute(grant.format(*names))
    monitor = settings.database_prefix + MONITOR
    _role(connection, monitor, passwords[MONITOR])
    connection.execute(sql.SQL("grant pg_monitor to {}").format(sql.Identifier(monitor)))
    return {
        name: with_login(server_url, settings.database_prefix + name, passwords[name]) for name in (*SERVICES, RELAY)
    }


def role_passwords(settings: HubSettings) -> dict[str, str]:
    """Return the password of every role, made where the secrets' folder has none yet."""
    path = settings.secrets / "postgres_passwords.json"
    kept: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    passwords = {name: kept.get(name) or secrets.token_hex(16) for name in (*SERVICES, RELAY, MONITOR)}
    if passwords != kept:
        write_secret(path, json.dumps(passwords, indent=2).encode())
    return passwords


def _role(connection: Connection, name: str, password: str) -> None:
    known = connection.execute("select 1 from pg_roles where rolname = %s", (name,)).fetchone()
    statement = sql.SQL("{} {} login password {}").format(
        sql.SQL("alter role" if known else "create role"), sql.Identifier(name), sql.Literal(password)
    )
    connection.execute(statement)


def _database(connection: Connection, name: str, owner: str | None = None) -> None:
    identifier = sql.Identifier(name)
    if connection.execute("select 1 from pg_database where datname = %s", (name,)).fetchone() is None:
        connection.execute(sql.SQL("create database {} template template0 encoding 'UTF8'").format(identifier))
    if owner:
        connection.execute(sql.SQL("alter database {} owner to {}").format(identifier, sql.Identifier(owner)))
        connection.execute(sql.SQL("revoke all on database {} from public").format(identifier))


def with_login(server_url: str, user: str, password: str) -> str:
    """Return the server URL with another login."""
    parts = urlsplit(server_url)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, f"{user}:{password}@{place}", parts.path, parts.query, ""))
