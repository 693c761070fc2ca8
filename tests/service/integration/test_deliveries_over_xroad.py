"""Deliveries and reconciliation over X-Road: what the platform does to a call is never taken for the partner's word."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import httpx
import pytest
from sqlalchemy import Engine, text

from services.integration.domain.partners import Transport
from services.integration.reconciling import Reconciler
from services.integration.service import IntegrationService
from services.integration.settings import IntegrationSettings
from services.integration.storage import partners as rows
from shared.storage import UnitOfWork
from simulators import security_server
from simulators.security_server import Server
from tests.service.integration.conftest import ACTOR, Record, Work, recorded, states, store
from tests.service.integration.test_transport import THEM, US, served

BOTH = pytest.mark.parametrize("partner", ["quoc-gia", "bo-nganh"])


@pytest.fixture
def platform(address: str, unit: UnitOfWork) -> Iterator[Server]:
    """A security server between the hub and the far side; both partners are reached through it."""
    server = Server(
        services={THEM: f"{address}/soap", f"{THEM}/reporting": address}, clients=(US, "VN/GOV/H35/báo cáo")
    )
    with served(security_server.create_app(server)) as found:
        with unit() as opened:
            for name, service in (("quoc-gia", THEM), ("bo-nganh", f"{THEM}/reporting")):
                transport = Transport(kind="xroad", xroad={"client": US, "service": service})
                partner = rows.load(opened.connection, name)
                changed = dataclasses.replace(partner, endpoint=f"http://{found}", transport=transport)
                rows.save(opened.connection, changed)
        yield server


def journal(far: httpx.Client) -> list[str]:
    return [entry["state"] for entry in far.get("/control/journal").json()]


@BOTH
def test_what_the_platform_stops_is_sent_again_and_what_it_loses_is_asked_about(
    partner: str, platform: Server, far: httpx.Client, record: Record, work: Work, engine: Engine
) -> None:
    record(recorded("GD-NAM", 1, GD01="1"))
    platform.fail = "Server.ServerProxy.AccessDenied"
    work(partner, until="waiting")
    assert journal(far) == []
    platform.fail, platform.fail_after = None, "Server.ClientProxy.LoggingFailed.InternalError"
    work(partner, until="in_doubt")
    platform.fail_after = None
    work(partner)
    assert states(engine, partner) == ["acknowledged"]
    assert journal(far) == ["applied"]  # once
    assert list(store(far)) == [("GD-NAM", "2016")]


@BOTH
def test_both_sides_are_proven_equal_over_x_road(
    partner: str,
    platform: Server,
    far: httpx.Client,
    record: Record,
    work: Work,
    service: IntegrationService,
    unit: UnitOfWork,
    settings: IntegrationSettings,
    engine: Engine,
) -> None:
    record(recorded("GD-NAM", 1, GD01="1", GD02=None))
    work(partner)
    service.reconcile(ACTOR, partner)
    Reconciler(unit, settings).work()
    with engine.connect() as connection:
        found = connection.execute(text("SELECT state, equal FROM reconciliations")).one()
    assert tuple(found) == ("equal", True)
    assert len(platform.passed) > 1
