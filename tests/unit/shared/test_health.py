"""What a process tells supervisors, and where it reads what may not stand in an environment."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from hub.probe import main as probe
from shared import health
from shared.settings import BackboneSettings, given


def ask(checks: dict[str, health.Check], path: str) -> tuple[str, str]:
    """Return status and body."""
    status: list[str] = []
    body: Iterable[bytes] = health.application(checks)(
        {"PATH_INFO": path, "REQUEST_METHOD": "GET", "QUERY_STRING": ""}, lambda line, _headers: status.append(line)
    )
    return status[0], b"".join(body).decode()


def away() -> None:
    raise ConnectionError("postgresql://hub:hunter2@db")


def test_ready_is_who_reaches_everything_it_needs() -> None:
    assert ask({"broker": lambda: None}, "/health/ready") == ("200 OK", "ready\n")


def test_who_is_not_ready_names_what_is_missing_and_no_address() -> None:
    status, body = ask({"database approval": away, "broker": lambda: None}, "/health/ready")
    assert (status, body) == ("503 Service Unavailable", "database approval: ConnectionError\n")


def test_who_waits_for_its_database_is_alive_all_the_same() -> None:
    assert ask({"database": away}, "/health/live") == ("200 OK", "live\n")


def test_metrics_are_there_and_nothing_else_is() -> None:
    assert "process_max_fds" in ask({}, "/metrics")[1]
    assert ask({}, "/")[0] == "404 Not Found"


def test_a_database_that_does_not_answer_makes_a_process_unready() -> None:
    settings = BackboneSettings(postgres_url="postgresql://127.0.0.1:9", amqp_url="amqp://127.0.0.1:9")
    status, body = ask(health.checks_of(settings, ["approval"]), "/health/ready")
    assert status == "503 Service Unavailable"
    assert body.startswith("database approval: OperationalError, broker: ")


def test_a_probe_says_what_it_asked_in_vain(capsys: pytest.CaptureFixture[str]) -> None:
    assert probe(["http://127.0.0.1:9/health/ready"]) == 1
    assert "refused" in capsys.readouterr().err
    assert probe([]) == 2


def test_a_url_is_read_from_the_file_that_is_named(tmp_path: Path) -> None:
    file = tmp_path / "amqp_url"
    file.write_text("amqp://hub:x@rabbitmq/hub\n")
    environ = {"HUB_AMQP_URL_FILE": str(file), "HUB_POSTGRES_URL": "postgresql://db"}
    settings = BackboneSettings.read(environ)
    assert (settings.amqp_url, settings.postgres_url) == ("amqp://hub:x@rabbitmq/hub", "postgresql://db")


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"HUB_AMQP_URL_FILE": "/nowhere"}, "HUB_AMQP_URL_FILE: .*No such file"),
        ({"HUB_AMQP_URL_FILE": "/dev/null"}, "is empty"),
        ({"HUB_AMQP_URL_FILE": "/dev/null", "HUB_AMQP_URL": "amqp://a"}, "both set"),
    ],
)
def test_a_url_that_cannot_be_read_is_refused(environ: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        given(environ, "HUB_AMQP_URL")


def test_a_process_is_ready_only_between_its_start_and_its_end() -> None:
    standing = health.Standing()
    with pytest.raises(health.NotServing, match="starting"):
        standing.check()
    standing.serve()
    standing.check()
    standing.end()
    standing.serve()  # told to end while it still started
    with pytest.raises(health.NotServing, match="ending"):
        standing.check()
