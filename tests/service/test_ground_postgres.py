"""The private PostgreSQL, the databases on it and their roles."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from hub.ground.databases import ensure_databases, remove_databases
from hub.ground.processes import SERVICES
from hub.settings import HubSettings
from shared.servers.postgres import EmbeddedPostgres
from shared.servers.programs import answers


@pytest.fixture
def server() -> Iterator[EmbeddedPostgres]:
    made = EmbeddedPostgres(Path(tempfile.mkdtemp(prefix="hub-postgres-"))).start()
    yield made
    made.destroy()


def _value(url: str, database: str, question: str) -> object:
    with psycopg.connect(f"{url}/{database}") as connection:
        row = connection.execute(question).fetchone()
        return row[0] if row else None


def test_what_is_committed_survives_a_kill_and_the_port_and_password_stay(server: EmbeddedPostgres) -> None:
    with psycopg.connect(f"{server.url}/postgres") as connection:
        connection.execute("create table kept as select 7 as seven")
    url = server.url
    server.kill()
    assert server.pid is None
    server.start()
    assert _value(url, "postgres", "select seven from kept") == 7


def test_a_second_object_for_the_same_folder_adopts_the_running_server(server: EmbeddedPostgres) -> None:
    again = EmbeddedPostgres(server.directory).start()
    assert (again.pid, again.url) == (server.pid, server.url)
    again.stop()
    assert not answers(server.port)


def test_nobody_enters_without_the_password(server: EmbeddedPostgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(f"postgresql://hub:guess@127.0.0.1:{server.port}/postgres")


def test_vietnamese_letters_are_letters_to_it(server: EmbeddedPostgres) -> None:
    assert _value(server.url, "postgres", "select lower('TỈNH LAI CHÂU ĐỘ')") == "tỉnh lai châu độ"


def test_a_service_enters_its_own_database_only_and_the_relay_all(server: EmbeddedPostgres, tmp_path: Path) -> None:
    settings = HubSettings(var=tmp_path, secrets=tmp_path / "secrets", database_prefix="t_ground_")
    said: list[str] = []
    urls = ensure_databases(settings, server.url, said.append)
    assert ensure_databases(settings, server.url, said.append) == urls  # again changes nothing
    assert _value(urls["approval"], "t_ground_approval", "select current_user") == "t_ground_approval"
    for other in set(SERVICES) - {"approval"}:
        with pytest.raises(psycopg.OperationalError, match="CONNECT"):
            psycopg.connect(f"{urls['approval']}/t_ground_{other}")
    with psycopg.connect(f"{urls['approval']}/t_ground_approval") as connection:
        connection.execute("create table outbox (id int)")
    assert _value(urls["relay"], "t_ground_approval", "select count(*) from outbox") == 0
    remove_databases(settings, server.url)
    assert _value(server.url, "postgres", "select count(*) from pg_roles where rolname like 't\\_ground%'") == 0
