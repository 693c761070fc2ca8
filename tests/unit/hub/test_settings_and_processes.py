"""What each process of the hub is told, and what it is not told."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from hub.ground.databases import with_login
from hub.ground.processes import RELAY, SERVICES, environment, own, processes
from hub.ground.state import State, write_secret
from hub.settings import HubSettings

SETTINGS = HubSettings.read({"HUB_VAR": "/srv/hub/var"})
URLS = {name: f"postgresql://{name}:secret-of-{name}@127.0.0.1:5432" for name in (*SERVICES, RELAY)}


def test_folders_become_absolute_and_secrets_lie_in_var_unless_told() -> None:
    assert HubSettings.read({"HUB_VAR": "here"}).var == Path("here").absolute()
    assert SETTINGS.secrets == Path("/srv/hub/var/secrets")
    assert HubSettings.read({"HUB_SECRETS_DIR": "/run/secrets"}).secrets == Path("/run/secrets")


def test_a_port_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="80a"):
        HubSettings.read({"HUB_GATEWAY_PORT": "80a"})


def test_every_service_runs_and_each_process_has_a_name_and_a_metrics_port_of_its_own() -> None:
    found = processes(SETTINGS)
    assert {item.database for item in found} == {*SERVICES, RELAY, None}
    assert len({item.name for item in found}) == len(found)
    ports = [own(SETTINGS, item, URLS, n).get("HUB_METRICS_PORT") for n, item in enumerate(found) if item.metrics]
    assert len(set(ports)) == len(ports)
    assert all(int(port or 0) >= 9101 for port in ports)


def test_a_process_is_told_its_own_database_password_and_no_other() -> None:
    for number, item in enumerate(processes(SETTINGS)):
        told = str(environment(SETTINGS, "amqp://u:p@h/v")) + str(own(SETTINGS, item, URLS, number))
        assert {name for name in URLS if f"secret-of-{name}@" in told} == ({item.database} - {None})


def test_a_url_takes_another_login_and_keeps_place_and_parameters() -> None:
    assert (
        with_login("postgresql://hub:x@db:5433/?sslmode=require", "r", "p")
        == "postgresql://r:p@db:5433/?sslmode=require"
    )
    assert with_login("postgresql://db", "r", "p") == "postgresql://r:p@db"


def test_the_state_is_kept_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    kept = State(postgres="private", postgres_url="postgresql://hub:x@127.0.0.1:1", broker="vhost", amqp_url="amqp://a")
    kept.save(tmp_path)
    assert State.load(tmp_path) == kept
    assert stat.S_IMODE((tmp_path / "ground.json").stat().st_mode) == 0o600
    assert State.load(tmp_path / "elsewhere") == State()


def test_a_secret_replaced_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "key"
    for content in (b"one", b"two"):
        write_secret(path, content)
        assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (content, 0o600)
