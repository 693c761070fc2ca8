"""Partners are loaded idempotently, and a new one is planned everything it is due."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Engine

from services.integration import bootstrap
from services.integration.settings import IntegrationSettings
from shared.storage import UnitOfWork
from tests.service.integration.conftest import Record, partners, recorded, states


def test_loading_twice_changes_nothing_and_a_new_partner_is_planned_what_it_is_due(
    unit: UnitOfWork, record: Record, engine: Engine, address: str
) -> None:
    assert bootstrap.load(unit, partners(address)) == []
    record(recorded("GD-NAM", 1, GD01="7"), recorded("DS-NAM", 3, DS01="1"))
    third = replace(partners(address)[0], id="thu-ba", forms=("GD-NAM",))
    assert bootstrap.load(unit, [*partners(address), third]) == ["thu-ba"]
    assert states(engine, "thu-ba") == ["planned"]
    wider = replace(third, forms=("GD-NAM", "DS-NAM"))
    assert bootstrap.load(unit, [wider]) == ["thu-ba"]
    assert states(engine, "thu-ba") == ["planned", "planned"]


def test_secret_is_made_once_and_readable_by_its_owner_alone(settings: IntegrationSettings, address: str) -> None:
    new = replace(partners(address)[0], id="thu-ba", credential="partner_thu-ba")
    assert bootstrap.ensure_secret(settings, new) and not bootstrap.ensure_secret(settings, new)
    assert settings.secret_file("partner_thu-ba").stat().st_mode & 0o777 == 0o600
