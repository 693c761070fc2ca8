"""A far side in a thread, and an integration database that knows it as both partners."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from sqlalchemy import Engine, text

from services.integration import bootstrap, intake
from services.integration.domain.partners import Partner
from services.integration.sender import Sender
from services.integration.service import IntegrationService
from services.integration.settings import IntegrationSettings
from shared.contracts.actor import RIGHTS, Actor
from shared.contracts.events import CatalogueChanged, CatalogueEntry, Observation, ObservationsRecorded
from shared.contracts.hashes import release_hash
from shared.entrypoints import Received
from shared.envelope import new_message_id
from shared.storage import UnitOfWork
from simulators.process import create_app

TOKEN = "secret-of-the-test"
ACTOR = Actor(id="person:test", kind="person", name="Test", rights=tuple(RIGHTS), units=("*",), forms=("*",))


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = uvicorn.Config(create_app("far side", TOKEN), port=port, log_level="error", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def far(address: str) -> Iterator[httpx.Client]:
    """The far side's control routes, with an empty store."""
    with httpx.Client(base_url=address, timeout=10) as client:
        client.delete("/control/store")
        yield client


@pytest.fixture
def settings(tmp_path: Path) -> IntegrationSettings:
    for partner in ("quoc-gia", "bo-nganh"):
        (tmp_path / f"partner_{partner}").write_text(TOKEN)
    return IntegrationSettings(
        secrets=tmp_path,
        timeout_seconds=0.5,
        backoff_seconds=0.01,
        backoff_cap_seconds=0.02,
        max_attempts=5,
        breaker_seconds=0.05,
        breaker_cap_seconds=0.1,
    )


def partners(address: str) -> list[Partner]:
    import catalogue

    found = bootstrap.read_partners(Path(catalogue.__file__).parent / "partners.json")
    return [
        replace(
            partner,
            endpoint=address + ("/soap" if partner.protocol == "soap" else ""),
            max_processing_seconds=0.3,
        )
        for partner in found
        if partner.protocol != "push"
    ]


@pytest.fixture
def engine(database: Any) -> Engine:
    made: Engine = database("integration")
    return made


@pytest.fixture
def unit(engine: Engine, address: str) -> UnitOfWork:
    """The integration service's unit of work on a fresh database with partners and the province's unit."""
    made = UnitOfWork.for_engine(engine, "integration")
    body = {"name": "Tỉnh Lai Châu", "kind": "province", "codes": [{"scheme": "gso", "code": "12"}]}
    with made() as opened:
        intake.catalogue.apply(opened, CatalogueChanged(version=1, entries=[CatalogueEntry("unit", "LC", body)]))
    bootstrap.load(made, partners(address))
    return made


@pytest.fixture
def service(unit: UnitOfWork) -> IntegrationService:
    made = IntegrationService()
    made.unit = unit
    return made


def recorded(form: str, version: int, *, period: str = "2016", **values: str | None) -> ObservationsRecorded:
    observations = [Observation(name, value) for name, value in values.items()]
    return ObservationsRecorded(
        batch=version,
        version=version,
        form=form,
        unit="LC",
        agency="LC-SGDDT",
        period=period,
        level="province",
        submission_id=f"{form}/LC/{period}",
        round=1,
        content_hash=release_hash(form, "LC", period, version, observations),
        index=0,
        total=1,
        observations=observations,
    )


def received(event: ObservationsRecorded) -> Received[ObservationsRecorded]:
    return Received(event, new_message_id(), "correlation-of-test", datetime.now(UTC))


Record = Callable[..., int]


@pytest.fixture
def record(unit: UnitOfWork) -> Record:
    """`record(event, …)` takes events in as the worker does; returns how many keys changed."""

    def take(*events: ObservationsRecorded) -> int:
        with unit() as opened:
            return intake.take(opened, [received(event) for event in events])

    return take


Work = Callable[..., None]


@pytest.fixture
def work(unit: UnitOfWork, settings: IntegrationSettings, engine: Engine) -> Iterator[Work]:
    """`work("bo-nganh")` sends until every delivery of the partner is settled; `steps` bounds it, `once` has
    it look once."""
    senders: list[Sender] = []

    def run(partner: str, steps: int = 40, until: str | None = None, once: bool = False) -> None:
        sender = Sender(unit, partner, settings)
        senders.append(sender)
        deadline = time.monotonic() + 20
        while steps and time.monotonic() < deadline:
            steps -= sender.step()
            if once:
                return
            found = states(engine, partner)
            if until in found if until else not {"planned", "sending", "waiting", "in_doubt"} & set(found):
                return
            time.sleep(0.01)
        if until is not None:
            raise AssertionError(f"never {until}: {states(engine, partner)}")

    yield run
    for sender in senders:
        sender.close()


def states(engine: Engine, partner: str) -> list[str]:
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT state FROM deliveries WHERE partner = :partner ORDER BY id"), {"partner": partner}
        )
        return [row.state for row in rows]


def emitted(engine: Engine, event: str) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT convert_from(body, 'UTF8')::jsonb AS body FROM outbox WHERE event = :event ORDER BY id"),
            {"event": event},
        )
        return [row.body for row in rows]


def store(far: httpx.Client) -> dict[tuple[str, str], Any]:
    """What the far side holds: (form, period) to {indicator: value}."""
    return {
        (bucket["form"], bucket["period"]): {name: pair[0] for name, pair in bucket["values"].items()}
        for bucket in far.get("/control/store").json()
    }
