"""Settings are read as documented; logs never show a secret."""

from __future__ import annotations

import pytest

from shared import failpoints
from shared.logs import hide_secrets
from shared.settings import BackboneSettings, database_url


def test_settings_come_from_the_environment() -> None:
    settings = BackboneSettings.read(
        {"HUB_POSTGRES_URL": "postgresql://u@h:1/x?sslmode=require", "HUB_METRICS_PORT": "9"}
    )
    assert settings.metrics_port == 9
    assert settings.database_url("approval") == "postgresql://u@h:1/hub_approval?sslmode=require"
    assert database_url("postgresql://u:p@h:1", "d") == "postgresql://u:p@h:1/d"


def test_a_number_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="many"):
        BackboneSettings.read({"HUB_MAX_WORKERS": "many"})


def test_logs_hide_secrets() -> None:
    event = hide_secrets(
        None, "", {"event": "x", "client_secret": "s", "Authorization": "Bearer t", "url": "amqp://u:p@h/v", "n": 1}
    )
    assert event == {"event": "x", "client_secret": "***", "Authorization": "***", "url": "amqp://u:***@h/v", "n": 1}


def test_failpoints_cost_nothing_and_do_nothing_when_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failpoints, "_directory", None)
    failpoints.failpoint("unit.before_commit")


def test_an_unknown_failpoint_is_refused_when_on(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setattr(failpoints, "_directory", str(tmp_path))
    failpoints.failpoint("unit.before_commit")
    with pytest.raises(KeyError):
        failpoints.failpoint("unit.nowhere")
