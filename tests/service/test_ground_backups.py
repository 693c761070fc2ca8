"""Backups of databases, and putting one back."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from hub.ground import backups
from hub.ground.databases import ensure_databases
from hub.settings import HubSettings
from shared.servers.postgres import EmbeddedPostgres
from shared.servers.programs import ServerFailed

SERVICE = "approval"


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    made = EmbeddedPostgres(Path(tempfile.mkdtemp(prefix="hub-postgres-"))).start()
    yield made
    made.destroy()


@pytest.fixture
def urls(server: EmbeddedPostgres, tmp_path: Path) -> dict[str, str]:
    """One service's database with one row, owned by the service's role."""
    settings = HubSettings(var=tmp_path, secrets=tmp_path / "secrets", database_prefix="hub_")
    made = ensure_databases(settings, server.url, lambda line: None)
    with psycopg.connect(f"{made[SERVICE]}/hub_{SERVICE}") as connection:
        connection.execute("create table if not exists alembic_version (version_num text)")
        connection.execute("delete from alembic_version")
        connection.execute("insert into alembic_version values ('0003')")
    return made


def _taken(urls: dict[str, str], folder: Path) -> Path:
    return backups.back_up({SERVICE: urls[SERVICE]}, "hub_", folder, lambda line: None)


def _revision(url: str, database: str) -> str:
    with psycopg.connect(f"{url}/{database}") as connection:
        row = connection.execute("select version_num from alembic_version").fetchone()
        return str(row[0]) if row else ""


def test_a_database_is_put_back_and_what_stood_stays_beside_it(
    server: EmbeddedPostgres, urls: dict[str, str], tmp_path: Path
) -> None:
    backup = _taken(urls, tmp_path / "backups")
    with psycopg.connect(f"{urls[SERVICE]}/hub_{SERVICE}") as connection:
        connection.execute("update alembic_version set version_num = 'later'")
    manifest = backups.verified(backup)
    assert manifest.services[SERVICE].revision == "0003"
    backups.restore(backup, manifest, SERVICE, urls[SERVICE], server.url, "hub_")
    assert _revision(urls[SERVICE], f"hub_{SERVICE}") == "0003"
    assert _revision(server.url, f"hub_{SERVICE}{backups.REPLACED}") == "later"


def test_a_backup_is_its_owners_alone_and_has_its_name_when_it_is_whole(urls: dict[str, str], tmp_path: Path) -> None:
    backup = _taken(urls, tmp_path / "backups")
    assert [path.name for path in (tmp_path / "backups").iterdir()] == [backup.name]
    assert {path.stat().st_mode & 0o777 for path in backup.iterdir()} == {0o600}


def test_a_file_that_was_changed_is_refused(urls: dict[str, str], tmp_path: Path) -> None:
    backup = _taken(urls, tmp_path / "backups")
    file = backup / f"{SERVICE}.dump"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(ServerFailed, match="is not the file that the manifest names"):
        backups.verified(backup)


def test_the_newest_backup_of_a_moment_is_found(tmp_path: Path) -> None:
    for name in ("backup-20260101T000000Z", "backup-20260102T000000Z", "backup-20260103T000000Z"):
        (tmp_path / name).mkdir()
        (tmp_path / name / backups.MANIFEST).write_text("{}")
    assert backups.find(tmp_path, None).name == "backup-20260103T000000Z"
    assert backups.find(tmp_path, datetime(2026, 1, 2, 12, tzinfo=UTC)).name == "backup-20260102T000000Z"
    with pytest.raises(ServerFailed, match="holds no backup"):
        backups.find(tmp_path, datetime(2025, 1, 1, tzinfo=UTC))
